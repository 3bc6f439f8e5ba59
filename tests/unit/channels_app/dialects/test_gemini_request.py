"""A generateContent request is understood however it is spelt, and comes out as it went in."""

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects.conversation import (
    Audio,
    BadConversation,
    Conversation,
    File,
    Image,
    Opaque,
    OutputFormat,
    Reasoning,
    ServerTool,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from channels_app.dialects.dialect import Fields, Target
from channels_app.dialects.gemini import DIALECT

PIXEL = "iVBORw0KGgo="
RICH: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "What is this?"},
                {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
                {"inlineData": {"mimeType": "audio/mp3", "data": "SUQz"}},
                {"inlineData": {"mimeType": "text/csv", "data": "YSxi", "displayName": "a.csv"}},
                {
                    "fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/film.mp4"},
                    "videoMetadata": {"fps": 2},
                },
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "Let me look.", "thought": True, "thoughtSignature": "c2lnMQ=="},
                {"text": "I call two.", "thoughtSignature": "c2lnMg=="},
                {
                    "functionCall": {"id": "a1", "name": "look", "args": {"at": [1, {"x": 2}]}},
                    "thoughtSignature": "c2lnMw==",
                },
                {"functionCall": {"name": "listen", "args": {}}},
                {"text": "", "thoughtSignature": "c2lnNA=="},
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "id": "a1",
                        "name": "look",
                        "response": {"result": "a pixel"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}],
                    }
                },
                {"functionResponse": {"name": "listen", "response": {"error": "deaf"}}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            ],
        },
        {"role": "user", "parts": [{"text": "And?"}]},
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "look",
                    "description": "Looks.",
                    "parametersJsonSchema": {"type": "object", "properties": {"at": {}}},
                    "responseJsonSchema": {"type": "string"},
                },
                {"name": "listen"},
            ]
        },
        {"googleSearch": {}},
        {"googleMaps": {"enableWidget": True}},
    ],
    "toolConfig": {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look", "listen"]},
        "retrievalConfig": {"languageCode": "de"},
    },
    "generationConfig": {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "candidateCount": 2,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "seed": 5,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 3,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "additionalProperties": False},
        "thinkingConfig": {"thinkingBudget": 512, "includeThoughts": True},
        "responseModalities": ["TEXT", "IMAGE"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    },
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "cachedContent": "cachedContents/1",
    "labels": {"team": "a"},
}


def fields_of(body: dict[str, Any]) -> Fields:
    return msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])


def parse(body: dict[str, Any]) -> Conversation:
    return DIALECT.parse_request(fields_of(body), "gemini-2.5-flash", False)  # noqa: FBT003 -- Dialect.parse_request


def test_a_rich_request_comes_out_as_it_went_in() -> None:
    rendered = DIALECT.render_request(parse(RICH), Target("gemini-2.5-flash"))
    assert rendered.body == RICH
    assert rendered.dropped == []


def test_every_part_of_a_rich_request_is_understood() -> None:
    found = parse(RICH)
    system, asked, called, answered, ran, last = found.turns
    assert system == Turn("system", [Text("Be brief.")])
    assert asked.parts == [
        Text("What is this?"),
        Image("image/png", PIXEL),
        Audio("SUQz", "mp3"),
        File("text/csv", text="a,b", name="a.csv"),
        File("video/mp4", file_id="gs://bucket/film.mp4", extra={"videoMetadata": {"fps": 2}}),
    ]
    assert called.parts == [
        Thinking("Let me look.", "c2lnMQ=="),
        Text("I call two."),
        Thinking("", "c2lnMg=="),
        ToolCall("a1", "look", '{"at":[1,{"x":2}]}', "c2lnMw=="),
        ToolCall("call_1_1", "listen", "{}"),
        Opaque("gemini", {"text": "", "thoughtSignature": "c2lnNA=="}),
    ]
    assert answered.parts == [
        ToolResult("a1", [Text("a pixel"), Image("image/png", PIXEL)], "look"),
        ToolResult("call_1_1", [Text("deaf")], "listen", is_error=True),
    ]
    assert [type(part) for part in ran.parts] == [Opaque, Opaque]
    assert last == Turn("user", [Text("And?")])
    assert found.tools == [
        Tool(
            "look",
            "Looks.",
            {"type": "object", "properties": {"at": {}}},
            extra={"responseJsonSchema": {"type": "string"}},
        ),
        Tool("listen"),
        ServerTool("web_search", "gemini", {"googleSearch": {}}),
        ServerTool("googleMaps", "gemini", {"googleMaps": {"enableWidget": True}}),
    ]
    assert found.tool_choice == ToolChoice("allowed", ["look", "listen"], must_call=True)
    assert found.output == OutputFormat(
        "schema", schema={"type": "object", "additionalProperties": False}
    )
    assert found.reasoning == Reasoning(is_enabled=True, budget=512, shows=True)
    assert (found.choices, found.max_tokens, found.modalities) == (2, 100, ["text", "image"])
    assert sorted(found.extra) == [
        "cachedContent",
        "generationConfig.speechConfig",
        "labels",
        "safetySettings",
        "toolConfig.retrievalConfig",
    ]


def test_snake_case_and_single_objects_are_the_same_request() -> None:
    camel = {
        "systemInstruction": {"parts": [{"text": "Hi"}]},
        "contents": [
            {
                "role": "user",
                "parts": [{"fileData": {"mimeType": "image/png", "fileUri": "gs://a"}}],
            }
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "f",
                        "parameters": {
                            "type": "OBJECT",
                            "properties": {"a_b": {"anyOf": [{"type": "STRING"}]}},
                        },
                    }
                ]
            }
        ],
        "toolConfig": {
            "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]},
        },
        "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingLevel": "LOW"}},
    }
    snake = {
        "system_instruction": {"parts": {"text": "Hi"}},
        "contents": {"parts": {"file_data": {"mime_type": "image/png", "file_uri": "gs://a"}}},
        "tools": {
            "function_declarations": {
                "name": "f",
                "parameters": {
                    "type": "object",
                    "properties": {"a_b": {"any_of": [{"type": "STRING"}]}},
                },
            }
        },
        "tool_config": {
            "function_calling_config": {"mode": "any", "allowed_function_names": ["f"]},
        },
        "generation_config": {
            "max_output_tokens": 5,
            "thinking_config": {"thinking_level": "low"},
            "top_p": None,
        },
        "model": "models/gemini-2.5-flash",
    }
    assert parse(snake) == parse(camel)


@pytest.mark.parametrize(
    ("config", "reasoning"),
    [
        ({"thinkingBudget": -1}, Reasoning(is_enabled=True, is_adaptive=True)),
        ({"thinkingBudget": 0}, Reasoning(is_enabled=False, budget=0)),
        ({"thinkingLevel": "HIGH"}, Reasoning(effort="high")),
        ({"includeThoughts": False}, Reasoning(shows=False)),
    ],
)
def test_thinking_is_read_and_given_back(config: dict[str, Any], reasoning: Reasoning) -> None:
    body = {"contents": [], "generationConfig": {"thinkingConfig": config}}
    found = parse(body)
    assert found.reasoning == reasoning
    model = "gemini-3-flash-preview" if "thinkingLevel" in config else "gemini-2.5-flash"
    assert DIALECT.render_request(found, Target(model)).body == body


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("tool", ["f"])),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, ToolChoice("allowed", ["f"])),
        ({"mode": "VALIDATED"}, None),
    ],
)
def test_tool_choice_is_read_and_given_back(
    calling: dict[str, Any], choice: ToolChoice | None
) -> None:
    body = {"contents": [], "toolConfig": {"functionCallingConfig": calling}}
    found = parse(body)
    assert found.tool_choice == choice
    assert DIALECT.render_request(found, Target("gemini-2.5-flash")).body == body


def test_an_enum_answer_stays_what_it_was() -> None:
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING"}}
    body = {"contents": [], "generationConfig": config}
    found = parse(body)
    assert found.output is None
    assert DIALECT.render_request(found, Target("gemini-2.5-flash")).body == body


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": [1]}, "contents[0]"),
        ({"contents": [{"role": "tool", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": {}}]}]}, "contents[0].parts[0].inlineData.data"),
        (
            {"contents": [{"parts": [{"functionCall": {}}]}]},
            "contents[0].parts[0].functionCall.name",
        ),
        ({"contents": [], "tools": [[]]}, "tools[0]"),
        ({"contents": [], "generation_config": {}, "generationConfig": {}}, "generationConfig"),
        ({"contents": [], "generationConfig": {"topK": 1, "top_k": 2}}, "topK"),
        ({"contents": [], "generationConfig": {"topK": "x"}}, "generationConfig.topK"),
        (
            {"contents": [], "toolConfig": {"functionCallingConfig": {"mode": "SOMETIMES"}}},
            "toolConfig.functionCallingConfig.mode",
        ),
    ],
)
def test_a_wrong_request_is_refused_by_the_name_of_what_is_wrong(
    body: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadConversation) as refused:
        parse(body)
    assert refused.value.field == field


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text(max_size=5)
NAMES = st.sampled_from(
    [
        "text", "thought", "thoughtSignature", "inlineData", "mimeType", "data", "fileData",
        "fileUri", "functionCall", "functionResponse", "id", "name", "args", "response", "parts",
        "role", "functionDeclarations", "parameters", "type", "properties", "nullable", "items",
        "googleSearch", "mode", "allowedFunctionNames", "functionCallingConfig", "thinkingConfig",
        "thinkingBudget", "thinkingLevel", "responseSchema", "responseMimeType", "stopSequences",
        "any_of", "enum", "minItems", "propertyOrdering",
    ]
)  # fmt: skip
JSON = st.recursive(
    SCALARS | st.sampled_from(["user", "model", "AUTO", "application/json", "image/png", "aGk="]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
TOP = st.sampled_from(
    ["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "labels"]
)


@given(body=st.dictionaries(TOP, JSON, max_size=4))
def test_any_json_is_understood_or_refused(body: dict[str, Any]) -> None:
    try:
        found = parse(body)
    except BadConversation:
        return
    for dialect in ("gemini", "openai"):
        found.dialect = dialect
        for model in ("gemini-2.5-pro", "gemini-3-pro-preview"):
            told = DIALECT.render_request(found, Target(model)).body
            assert "contents" in msgspec.json.decode(msgspec.json.encode(told))


def test_a_schema_of_any_depth_is_understood() -> None:
    # As deep as the decoder goes: our own steps must not add up to more.
    schema: dict[str, Any] = {"type": "STRING"}
    for _ in range(150):
        schema = {"type": "ARRAY", "items": schema}
    declared = {"functionDeclarations": [{"name": "f", "parameters": schema}]}
    found = parse({"contents": [], "tools": [declared]})
    found.dialect = "openai"
    assert DIALECT.render_request(found, Target("gemini-2.5-flash")).body["tools"]


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """(holder, key) of everything inside."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    inside = [value[key] for key in keys if isinstance(value[key], dict | list)]
    return [(value, key) for key in keys] + [place for one in inside for place in places_in(one)]


@pytest.mark.parametrize("wrong", [None, -1, 1.5, True, "x", "", [], {}, [1], {"a": 1}])
def test_one_wrong_value_anywhere_is_understood_or_refused(wrong: Any) -> None:
    body = copy.deepcopy(RICH)
    for holder, key in places_in(body):
        right, holder[key] = holder[key], wrong
        try:
            found = parse(body)
        except BadConversation:
            continue
        finally:
            holder[key] = right
        found.dialect = "anthropic"
        told = DIALECT.render_request(found, Target("gemini-3-pro-preview")).body
        assert "contents" in msgspec.json.decode(msgspec.json.encode(told))

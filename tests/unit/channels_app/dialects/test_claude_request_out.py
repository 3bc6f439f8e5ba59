"""Any conversation becomes a request that Anthropic takes, and what it loses is named."""

import json
from typing import Any

import msgspec
import pytest

from channels_app.dialects.claude import DIALECT
from channels_app.dialects.conversation import (
    Audio,
    Conversation,
    File,
    Image,
    Opaque,
    OutputFormat,
    Part,
    Refusal,
    ServerTool,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.openai_chat import DIALECT as CHAT

BY_BUDGET = "claude-sonnet-4-5-20250929"
ADAPTIVE = "claude-opus-4-6"
HELLO = Turn("user", [Text("Hi")])


def render(model: str = ADAPTIVE, *, target: Target | None = None, **fields: Any) -> Rendered:
    conversation = Conversation("openai", model, fields.pop("turns", [HELLO]))
    for name, value in fields.items():
        setattr(conversation, name, value)
    return DIALECT.render_request(conversation, target or Target(model))


def messages_of(*turns: Turn, **fields: Any) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = render(turns=list(turns), **fields).body["messages"]
    return told


def blocks_of(*parts: Part, dialect: str = "openai") -> tuple[Any, list[str]]:
    told = render(turns=[Turn("user", list(parts))], dialect=dialect)
    return told.body["messages"][0]["content"], told.dropped


def parse_chat(body: dict[str, Any]) -> Conversation:
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
    return CHAT.parse_request(fields, body["model"], bool(body.get("stream")))


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
CALLS = [
    {
        "id": call_id,
        "type": "function",
        "function": {"name": "weather", "arguments": json.dumps({"city": city})},
    }
    for call_id, city in (("call_1", "Rom"), ("call_2", "Bonn"))
]
CHAT_REQUEST = {
    "model": "claude",
    "messages": [
        {"role": "system", "content": "Be short."},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "Let me see.", "tool_calls": CALLS},
        {"role": "system", "content": "Hurry."},
        {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
        {"role": "tool", "tool_call_id": "call_2", "content": "rain"},
        {"role": "user", "content": "So?"},
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "max_completion_tokens": 300,
    "temperature": 0.5,
    "stop": "END",
    "user": "u1",
    "logit_bias": {"5": 1},
    "seed": 0,
    "n": 2,
}
USES = [
    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rom"}},
    {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"city": "Bonn"}},
]


def test_openai_conversation_with_parallel_calls() -> None:
    rendered = DIALECT.render_request(parse_chat(CHAT_REQUEST), Target("claude-sonnet-4-5"))
    assert rendered.body == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 300,
        "system": [{"type": "text", "text": "Be short."}, {"type": "text", "text": "Be kind."}],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, *USES]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "sun"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "rain"},
                    {"type": "text", "text": "Hurry."},
                    {"type": "text", "text": "So?"},
                ],
            },
        ],
        "tools": [{"name": "weather", "input_schema": PARAMETERS}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "temperature": 0.5,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"},
    }
    assert rendered.dropped == ["n", "seed", "logit_bias"]


def test_messages_begin_with_the_user_and_are_never_empty() -> None:
    assert messages_of(Turn("assistant", [Text("I")]), Turn("user", [Text(" \n")])) == [
        {"role": "user", "content": "."},
        {"role": "assistant", "content": "I"},
    ]
    assert messages_of(Turn("system", [Text("only")])) == [{"role": "user", "content": "."}]


def test_a_begun_answer_does_not_end_with_white_space() -> None:
    assert messages_of(HELLO, Turn("assistant", [Text("Well, ")]))[-1]["content"] == "Well,"


def test_instructions_among_the_messages() -> None:
    turns = [HELLO, Turn("system", [Text("Now")]), Turn("assistant", [Text("Yes")])]

    def roles(model: str, dialect: str, kind: str = "anthropic") -> list[str]:
        told = render(model, turns=turns, dialect=dialect, target=Target(model, kind))
        return [message["role"] for message in told.body["messages"]]

    assert roles("claude-opus-4-8", "anthropic") == ["user", "system", "assistant"]
    assert roles("claude-opus-4-8", "anthropic", "bedrock") == ["user", "assistant"]
    assert roles("claude-opus-4-6", "anthropic") == ["user", "assistant"]
    assert roles("claude-opus-4-8", "openai") == ["user", "assistant"]


def test_media() -> None:
    told, dropped = blocks_of(
        Image("image/png", "/9j/4AAQ", detail="low"),
        Image("image/jpg", "aGk="),
        Image(url="https://x.test/a"),
        Image(file_id="file_1"),
        File("application/pdf", "aGk=", name="a.pdf"),
        File("text/csv", "YSxi", name="a.csv"),
        File("image/webp", "UklGRg=="),
        File("application/zip", "aGk="),
        File(file_id="file_2"),
        Audio("aGk=", "wav"),
        Opaque("gemini", {"type": "strange"}),
    )
    jpeg = {"type": "base64", "media_type": "image/jpeg"}
    assert told == [
        {"type": "image", "source": {**jpeg, "data": "/9j/4AAQ"}},
        {"type": "image", "source": {**jpeg, "data": "aGk="}},
        {"type": "image", "source": {"type": "url", "url": "https://x.test/a"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
            "title": "a.pdf",
        },
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "a,b"},
            "title": "a.csv",
        },
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/webp", "data": "UklGRg=="},
        },
    ]
    assert dropped == ["image", "file", "audio", "strange"]


def test_what_the_model_said_elsewhere() -> None:
    assert messages_of(
        HELLO,
        Turn(
            "assistant",
            [
                Thinking("unsigned"),
                Refusal("I won't."),
                Audio(transcript="la", id="a1"),
                ToolCall("call.1:0", "a_b", "not json"),
                ToolCall("", "plain", "free text"),
                ToolCall("", "none", ""),
            ],
        ),
        Turn("user", [ToolResult("call.1:0", [], is_error=True), ToolResult("", [Text("x")])]),
        Turn("user", [ToolResult("", [Image(url="https://x.test/a")])]),
    )[1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I won't."},
                {"type": "text", "text": "la"},
                {
                    "type": "tool_use",
                    "id": "call_1_0",
                    "name": "a_b",
                    "input": {"input": "not json"},
                },
                {
                    "type": "tool_use",
                    "id": "call",
                    "name": "plain",
                    "input": {"input": "free text"},
                },
                {"type": "tool_use", "id": "call_2", "name": "none", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "call_1_0",
                    "is_error": True,
                    "content": "Error",
                },
                {"type": "tool_result", "tool_use_id": "call", "content": "x"},
                {
                    "type": "tool_result",
                    "tool_use_id": "call_2",
                    "content": [
                        {"type": "image", "source": {"type": "url", "url": "https://x.test/a"}}
                    ],
                },
            ],
        },
    ]


def test_calls_without_tools_get_them_declared() -> None:
    called = [
        HELLO,
        Turn("assistant", [ToolCall("c", "f", "{}")]),
        Turn("user", [ToolResult("c", [])]),
    ]
    body = render(turns=called).body
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "none"}
    assert "tools" not in render(turns=called, dialect="anthropic").body


def test_tools() -> None:
    told = render(
        BY_BUDGET,
        tools=[
            Tool("bare"),
            Tool("open", parameters={"properties": {}}, strict=True, cache="5m"),
            ServerTool("web_search", "openai", {"web_search_options": {}}),
            ServerTool("code_execution"),
            ServerTool("file_search", "responses", {}),
        ],
        tool_choice=ToolChoice("tool", ["bare"]),
    )
    assert told.body["tools"] == [
        {"name": "bare", "input_schema": {"type": "object", "properties": {}}},
        {
            "name": "open",
            "input_schema": {"type": "object", "properties": {}, "additionalProperties": False},
            "strict": True,
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "code_execution_20250825", "name": "code_execution"},
    ]
    assert told.body["tool_choice"] == {"type": "tool", "name": "bare"}
    assert told.dropped == ["file_search"]


def test_a_choice_of_several_tools_leaves_only_those() -> None:
    told = render(
        tools=[Tool("a"), Tool("b"), Tool("c")],
        tool_choice=ToolChoice("allowed", ["a", "c"], must_call=True),
    )
    assert [tool["name"] for tool in told.body["tools"]] == ["a", "c"]
    assert told.body["tool_choice"] == {"type": "any"}


def test_no_tools_no_choice() -> None:
    assert "tool_choice" not in render(tool_choice=ToolChoice("auto")).body


@pytest.mark.parametrize(
    ("wanted", "credit", "told"),
    [(None, None, 8192), (100, None, 100), (100, 50, 50), (None, 60, 60)],
)
def test_max_tokens(wanted: int | None, credit: int | None, told: int) -> None:
    target = Target(ADAPTIVE, max_tokens=credit)
    assert render(max_tokens=wanted, target=target).body["max_tokens"] == told


def test_output_format() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object"}}}
    told = render(output=OutputFormat("schema", "n", schema))
    assert told.body["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {"a": {"type": "object", "additionalProperties": False}},
                "additionalProperties": False,
            },
        }
    }
    assert told.dropped == []
    assert render(output=OutputFormat("json")).dropped == ["response_format"]
    assert render(output=OutputFormat("text")).dropped == []
    old = render("claude-sonnet-4-20250514", output=OutputFormat("schema", "n", schema))
    assert old.dropped == ["response_format"]


def test_what_has_no_place_is_named() -> None:
    told = render(
        seed=7,
        presence_penalty=0.5,
        frequency_penalty=0,
        logprobs=True,
        top_logprobs=2,
        verbosity="low",
        modalities=["text", "audio"],
        metadata={"k": "v"},
        service_tier="flex",
        stop=["\n", "END"],
        extra={"store": True},
    )
    assert told.body["stop_sequences"] == ["END"]
    assert sorted(told.dropped) == [
        "logprobs",
        "metadata",
        "modalities",
        "presence_penalty",
        "seed",
        "service_tier",
        "stop",
        "store",
        "top_logprobs",
        "verbosity",
    ]

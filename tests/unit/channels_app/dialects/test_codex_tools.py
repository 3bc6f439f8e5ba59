"""What Codex declares: MCP's tools in namespaces, and custom tools of free text. On channels
without Responses they are plain functions, and their calls come back as Codex knows them.

https://developers.openai.com/api/docs/guides/function-calling
"""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects.free_text import FreeText, unwrap, wrap
from channels_app.dialects.registry import find_dialect
from tests.unit.channels_app.dialects.conversions import Called, Conversion, Json, convert, last
from tests.unit.channels_app.dialects.pairs.valid import read_valid

QUERY = {"type": "object", "properties": {"q": {"type": "string"}}}
FREE = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
PATCH = "*** Begin Patch\n+print(\"ü\", '\\n')\n*** End 🙂"
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: begin"}
CODEX: Json = {
    "model": "m",
    "input": [
        {"role": "user", "content": "Go on."},
        {
            "type": "function_call",
            "call_id": "c1",
            "name": "search",
            "namespace": "mcp__docs__",
            "arguments": '{"q":"a"}',
        },
        {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": PATCH},
        {"type": "function_call_output", "call_id": "c1", "output": "found"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
        {"role": "user", "content": "And now?"},
    ],
    "tools": [
        {"type": "function", "name": "shell", "parameters": QUERY, "strict": False},
        {
            "type": "namespace",
            "name": "mcp__docs__",
            "description": "Documents.",
            "tools": [
                {"type": "function", "name": "search", "parameters": QUERY, "strict": False},
                {"type": "custom", "name": "run"},
            ],
        },
        {
            "type": "namespace",
            "name": "mcp__mail",
            "description": "Mail.",
            "tools": [{"type": "function", "name": "search", "parameters": QUERY}],
        },
        {"type": "custom", "name": "apply_patch", "description": "Edits.", "format": GRAMMAR},
    ],
    "tool_choice": "auto",
}
NAMES = ["shell", "mcp__docs__search", "mcp__docs__run", "mcp__mail__search", "apply_patch"]
WIRES = ["openai", "anthropic", "gemini"]
CALLS: list[Called] = [
    ("c3", "mcp__mail__search", '{"q":"b"}'),
    ("c4", "apply_patch", json.dumps({"input": PATCH})),
    ("c5", "mcp__docs__run", '{"input":""}'),
    ("c6", "shell", '{"q":"c"}'),
]
OUTPUT = [
    ("function_call", "search", "mcp__mail", '{"q":"b"}'),
    ("custom_tool_call", "apply_patch", None, PATCH),
    ("custom_tool_call", "run", "mcp__docs__", ""),
    ("function_call", "shell", None, '{"q":"c"}'),
]


def codex(wire: str, kind: str = "") -> Conversion:
    return convert("responses", wire, CODEX, kind or {"openai": "deepseek"}.get(wire, wire))


def declared(body: Json) -> dict[str, Any]:
    """The parameters of all functions, whoever they are declared to."""
    tools = (body if "tools" in body else body["toolConfig"])["tools"]
    found = tools[0].get("functionDeclarations", tools)
    specs = [tool.get("function") or tool.get("toolSpec") or tool for tool in found]
    named = ("parameters", "input_schema", "parametersJsonSchema", "inputSchema")
    return {spec["name"]: next(spec[n] for n in named if n in spec) for spec in specs}


@pytest.mark.parametrize("wire", [*WIRES, "ollama", "cohere", "converse"])
def test_all_tools_reach_the_model_as_functions(wire: str) -> None:
    told = codex(wire)
    tools = declared(told.asked)
    assert list(tools) == NAMES
    free = {"json": FREE} if wire == "converse" else FREE
    assert tools["apply_patch"] == tools["mcp__docs__run"] == free
    assert GRAMMAR["definition"] in json.dumps(told.asked)
    assert told.dropped == []


def test_earlier_calls_bear_the_same_names() -> None:
    chat = codex("openai").asked["messages"][1]["tool_calls"]
    assert [call["type"] for call in chat] == ["function", "function"]
    assert [call["function"]["name"] for call in chat] == ["mcp__docs__search", "apply_patch"]
    assert json.loads(chat[1]["function"]["arguments"]) == {"input": PATCH}
    claude = codex("anthropic").asked["messages"]
    assert [(b["name"], b["input"]) for b in claude[1]["content"]] == [
        ("mcp__docs__search", {"q": "a"}),
        ("apply_patch", {"input": PATCH}),
    ]
    gemini = codex("gemini").asked["contents"]
    assert [part["functionCall"]["name"] for part in gemini[1]["parts"]] == [
        "mcp__docs__search",
        "apply_patch",
    ]
    assert [part["functionResponse"]["name"] for part in gemini[2]["parts"]] == [
        "mcp__docs__search",
        "apply_patch",
    ]


@pytest.mark.parametrize("wire", WIRES)
def test_calls_come_back_as_codex_knows_them(wire: str) -> None:
    told = codex(wire)
    whole = told.whole(*CALLS)
    assert items_of(whole) == OUTPUT
    events = told.streamed(*CALLS)
    assert items_of(last(events)) == OUTPUT
    # The answer repeats the request as the client wrote it.
    assert whole["tools"] == last(events)["tools"] == CODEX["tools"]
    begun = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    assert [(item["type"], item["name"], item.get("namespace")) for item in begun] == [
        row[:3] for row in OUTPUT
    ]


def items_of(response: Json) -> list[tuple[str, str, str | None, str]]:
    return [
        (
            *(item["type"], item["name"], item.get("namespace")),
            item.get("input", item.get("arguments")),
        )
        for item in response["output"]
    ]


def test_free_text_is_streamed_as_it_comes() -> None:
    """Chat Completions gives pieces: so does the client's stream, none of them with half a
    character.
    """
    events = codex("openai").streamed(CALLS[1])
    kind = "response.custom_tool_call_input"
    pieces = [event["delta"] for event in events if event["type"] == f"{kind}.delta"]
    assert len(pieces) > 5
    assert "".join(pieces) == PATCH
    (done,) = [event for event in events if event["type"] == f"{kind}.done"]
    assert done["input"] == PATCH
    assert not any("function_call_arguments" in event["type"] for event in events)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (r'{ "input" : "a\\d\"\u00e4\ud83d\ude42" }', 'a\\d"ä🙂'),
        ('{"input": "line\nline\t"}', "line\nline\t"),
        (r'{"input": "\d+\."}', r"\d+\."),
        ('{"patch": "x"}', "x"),
        ('{"input": "x", "why": "y"}', "x"),
        ('{"why": "y", "input": "x"}', "x"),
        ('{"a": "y", "b": "x"}', '{"a": "y", "b": "x"}'),
        ("*** Begin", "*** Begin"),
        ('{"input": "cut of', "cut of"),
        (r'{"input": "\ud83d alone"}', r'\ud83d alone"}'),
        ("{}", ""),
        ("", ""),
    ],
)
def test_free_text_however_the_model_wraps_it(arguments: str, text: str) -> None:
    told = codex("openai")
    call = ("c", "apply_patch", arguments)
    for response in (told.whole(call), last(told.streamed(call))):
        assert [item["input"] for item in response["output"]] == [text]


@given(text=st.text(), cuts=st.lists(st.integers(0, 60)), is_ascii=st.booleans())
def test_free_text_however_it_is_cut(text: str, cuts: list[int], *, is_ascii: bool) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=is_ascii)
    places = [0, *sorted(cuts), len(arguments)]
    heard = FreeText()
    told = [heard.feed(arguments[a:b]) for a, b in pairwise(places)]
    assert "".join([*told, heard.end()]) == text
    assert unwrap(wrap(text)) == text


def test_openai_gets_custom_tools_as_they_are() -> None:
    told = codex("openai", "openai")
    *_, tool = told.asked["tools"]
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: begin"}}
    assert tool["type"] == "custom"
    assert tool["custom"]["format"] == grammar
    calls = told.asked["messages"][1]["tool_calls"]
    assert calls[1] == {
        "id": "c2",
        "type": "custom",
        "custom": {"name": "apply_patch", "input": PATCH},
    }
    forced = {"type": "custom", "name": "apply_patch"}
    for kind, kept in (("openai", "custom"), ("deepseek", "function")):
        asked = convert("responses", "openai", CODEX | {"tool_choice": forced}, kind).asked
        assert asked["tool_choice"] == {"type": kept, kept: {"name": "apply_patch"}}


def test_between_equals_nothing_changes() -> None:
    told = codex("responses", "openai")
    assert told.names is None
    assert told.asked == CODEX
    call = {"type": "function_call", "call_id": "c", "name": "search", "arguments": "{}"}
    call |= {"id": "fc_1", "status": "completed", "namespace": "mcp__mail"}
    event = {"type": "response.output_item.done", "output_index": 0, "item": call}
    reader = find_dialect("responses").reader()
    writer = find_dialect("responses").writer(told.options())
    written = writer.write(reader.read(json.dumps(event).encode())) + writer.end()
    (item,) = last(read_valid("responses", written))["output"]
    assert item["namespace"] == "mcp__mail"


def test_a_choice_without_namespace_means_all_tools_of_that_name() -> None:
    body = CODEX | {"tool_choice": {"type": "function", "name": "search"}}
    asked = convert("responses", "gemini", body).asked
    assert asked["toolConfig"]["functionCallingConfig"] == {
        "mode": "ANY",
        "allowedFunctionNames": ["mcp__docs__search", "mcp__mail__search"],
    }


def test_tools_declared_in_the_input() -> None:
    """For some models Codex declares all tools there, and none at the top."""
    added = {"type": "additional_tools", "role": "developer", "tools": CODEX["tools"]}
    body: Json = {"model": "m", "input": [added, *CODEX["input"]]}
    for wire in WIRES:
        told, usual = convert("responses", wire, body, "deepseek"), codex(wire, "deepseek")
        fields = ("messages", "contents", "tools")
        assert [told.asked.get(n) for n in fields] == [usual.asked.get(n) for n in fields]
        assert told.dropped == []
        assert items_of(told.whole(*CALLS)) == OUTPUT
    assert convert("responses", "responses", body).asked == body

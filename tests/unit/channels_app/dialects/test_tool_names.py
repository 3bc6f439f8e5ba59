"""Names and schemas of tools that one provider takes and another refuses."""

import json
from typing import Any

import msgspec
import pytest

from channels_app.dialects.conversation import ToolChoice
from channels_app.dialects.openai_chat.foreign_tools import has_foreign_tools
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.tool_alphabets import ALPHABETS, LONGEST, USUAL, Known, name_all
from tests.unit.channels_app.dialects.conversions import Called, Json, convert, last

LONG = "mcp__plugin_chrome-devtools-mcp_chrome-devtools__performance_analyze_insight"
SHORT = "mcp__plugin_chrome-devtools-mcp_chrome-devtools__perfor_4d5b4b1f"
POINTS = "mcp.srv.tool"
TAKEN = "mcp_srv_tool"
SENT = {LONG: SHORT, POINTS: "mcp_srv_tool_7220d9a2", TAKEN: TAKEN}
DIALECTS = ("openai", "responses", "anthropic", "gemini")
CLIENTS: dict[str, Json] = {
    "openai": {
        "messages": [
            {"role": "user", "content": "Go."},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": f"c{n}", "type": "function", "function": {"name": name}}
                    for n, name in enumerate(SENT)
                ],
            },
            *({"role": "tool", "tool_call_id": f"c{n}", "content": "ok"} for n in range(3)),
        ],
        "tools": [
            {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
            for name in SENT
        ],
        "tool_choice": {"type": "function", "function": {"name": LONG}},
    },
    "responses": {
        "input": [
            {"role": "user", "content": "Go."},
            *(
                {"type": "function_call", "call_id": f"c{n}", "name": name, "arguments": "{}"}
                for n, name in enumerate(SENT)
            ),
            *(
                {"type": "function_call_output", "call_id": f"c{n}", "output": "ok"}
                for n in range(3)
            ),
        ],
        "tools": [
            {"type": "function", "name": name, "parameters": {"type": "object"}} for name in SENT
        ],
        "tool_choice": {"type": "function", "name": LONG},
    },
    "anthropic": {
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "Go."},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": f"c{n}", "name": name, "input": {}}
                    for n, name in enumerate(SENT)
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": f"c{n}", "content": "ok"}
                    for n in range(3)
                ],
            },
        ],
        "tools": [{"name": name, "input_schema": {"type": "object"}} for name in SENT],
        "tool_choice": {"type": "tool", "name": LONG},
    },
    "gemini": {
        "contents": [
            {"role": "user", "parts": [{"text": "Go."}]},
            {"role": "model", "parts": [{"functionCall": {"name": n, "args": {}}} for n in SENT]},
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": n, "response": {"result": "ok"}}} for n in SENT
                ],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": name, "parametersJsonSchema": {"type": "object"}} for name in SENT
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [LONG]}},
    },
}
PAIRS = [(client, wire) for client in DIALECTS for wire in DIALECTS if client != wire]


def names_in(body: Any) -> list[str]:
    """All that stands under `name` and `allowedFunctionNames`, but for server tools."""
    found: list[str] = []
    match body:
        case dict():
            for name, value in body.items():
                found += [value] if name == "name" else names_in(value)
                found += value if name == "allowedFunctionNames" else []
        case list():
            found = [one for value in body for one in names_in(value)]
    return found


@pytest.mark.parametrize(("client", "wire"), PAIRS)
def test_names_are_the_providers_there_and_the_clients_here(client: str, wire: str) -> None:
    """In declarations, earlier calls, their results and the choice."""
    told = convert(client, wire, CLIENTS[client])
    sent = SENT | ({POINTS: POINTS} if wire == "gemini" else {})
    assert set(names_in(told.asked)) == set(sent.values())
    by_dialect = {"openai": 3 + 3, "responses": 3 + 3, "anthropic": 3 + 3, "gemini": 3 + 3 + 3}
    assert len(names_in(told.asked)) == by_dialect[wire] + 1
    calls: list[Called] = [(f"c{n}", name, "{}") for n, name in enumerate(sent.values())]
    assert called_in(told.whole(*calls)) == list(SENT)
    assert called_in(told.streamed(*calls)) == list(SENT)


def called_in(told: Any) -> list[str]:
    """Names that are told in an answer or in the events of one, once each."""
    if isinstance(told, list) and "response" in told[-1]:
        told = last(told)
    if isinstance(told, dict) and "output" in told:
        told = told["output"]
    return list(dict.fromkeys(names_in(told)))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_between_equals_names_and_schemas_stay(dialect: str) -> None:
    told = convert(dialect, dialect, CLIENTS[dialect], "openai" if dialect == "responses" else "")
    assert told.names is None
    assert set(names_in(told.asked)) == set(SENT)
    assert told.asked["tools"] == CLIENTS[dialect]["tools"]


@pytest.mark.parametrize("alphabet", [USUAL, *ALPHABETS.values()])
def test_no_two_tools_get_the_same_name(alphabet: Any) -> None:
    """The hash of the first long name is a tool, too."""
    hashed = list(name_all([Known("", "x" * 70)], USUAL).values())
    names = ["a.b", "a_b", "a b", "", "_", "1", "_1", "x" * 70, "x" * 71, *hashed]
    known = [Known(space, name) for space in ("", "a", "a__") for name in names]
    sent = name_all([*known, Known("", "a__a_b")], alphabet)
    assert len(set(sent.values())) == len(known) + 1
    assert all(alphabet.takes(name) and len(name) <= LONGEST for name in sent.values())
    assert {sent[Known("", name)] for name in ("a_b", hashed[0])} == {"a_b", hashed[0]}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"properties": {"a": {}}}, {"properties": {"a": {}}, "type": "object"}),
        ({"type": "object", "properties": {"a": {}}, "$defs": {}}, None),
    ],
)
def test_openai_wants_properties(given: Json, told: Json | None) -> None:
    """400 otherwise: "object schema missing properties"."""
    body = CLIENTS["anthropic"] | {"tools": [{"name": "f", "input_schema": given}]}
    (chat,) = convert("anthropic", "openai", body).asked["tools"]
    (flat,) = convert("anthropic", "responses", body).asked["tools"]
    assert chat["function"]["parameters"] == flat["parameters"] == (told or given)


FLAT: Json = {"type": "function", "name": "read", "description": "Reads.", "parameters": {}}
NESTED: Json = {"type": "function", "function": {"name": "list"}}
GRAMMAR: Json = {"type": "grammar", "syntax": "lark", "definition": "start: begin"}
CUSTOM: Json = {"type": "custom", "name": "ApplyPatch", "format": GRAMMAR}
CURSOR: Json = {"messages": [{"role": "user", "content": "Go."}], "tools": [NESTED, FLAT, CUSTOM]}


def test_flat_tools_in_chat_completions() -> None:
    """Cursor writes them so, and puts both forms into one list."""
    nested = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: begin"}}
    forced = {"type": "custom", "name": "ApplyPatch"}
    asked = convert("openai", "openai", CURSOR | {"tool_choice": forced}).asked
    assert asked["tools"] == [
        NESTED,
        {
            "type": "function",
            "function": {"name": "read", "description": "Reads.", "parameters": {}},
        },
        {"type": "custom", "custom": {"name": "ApplyPatch", "format": nested}},
    ]
    assert asked["tool_choice"] == {"type": "custom", "custom": {"name": "ApplyPatch"}}
    # To Responses they go as they came.
    assert convert("openai", "responses", CURSOR).asked["tools"][2] == CUSTOM
    both = convert("openai", "openai", CURSOR | {"tools": [FLAT | NESTED]}).asked
    assert both["tools"] == [NESTED]
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [forced]}
    fields = msgspec.json.decode(
        json.dumps(CURSOR | {"tool_choice": allowed}), type=dict[str, msgspec.Raw]
    )
    choice = find_dialect("openai").parse_request(fields, "m", False).tool_choice  # noqa: FBT003 -- Dialect.parse_request
    assert choice == ToolChoice("allowed", ["ApplyPatch"], must_call=True)


@pytest.mark.parametrize(
    ("wire", "kind"), [("openai", "deepseek"), ("anthropic", ""), ("gemini", "")]
)
def test_calls_of_cursors_tools_come_back_custom(wire: str, kind: str) -> None:
    told = convert("openai", wire, CURSOR, kind)
    calls = [("c1", "read", '{"a":1}'), ("c2", "ApplyPatch", '{"input":"*** Begin\\n"}')]
    function = {"name": "read", "arguments": '{"a":1}'}
    custom = {"name": "ApplyPatch", "input": "*** Begin\n"}
    assert told.whole(*calls)["choices"][0]["message"]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": function},
        {"id": "c2", "type": "custom", "custom": custom},
    ]
    deltas = [
        call
        for event in told.streamed(*calls)
        for choice in event["choices"]
        for call in choice["delta"].get("tool_calls", [])
        if call["index"] == 1
    ]
    assert deltas[0] == {
        "index": 1,
        "id": "c2",
        "type": "custom",
        "custom": {"name": "ApplyPatch", "input": ""},
    }
    assert "".join(call["custom"]["input"] for call in deltas) == "*** Begin\n"


@pytest.mark.parametrize(
    ("tools", "kind", "is_foreign"),
    [
        ([NESTED], "deepseek", False),
        ([{"function": {"name": "f"}}, {"type": "web_search"}], "openai", False),
        ([NESTED, CUSTOM], "openai", True),
        ([FLAT], "openai", True),
        ([{"type": "custom", "custom": {"name": "f"}}], "openai", False),
        ([{"type": "custom", "custom": {"name": "f"}}], "openai-compatible", False),
        ([{"type": "custom", "custom": {"name": "f"}}], "deepseek", True),
        ("nonsense", "openai", False),
    ],
)
def test_which_tools_may_pass_as_they_are(tools: Any, kind: str, *, is_foreign: bool) -> None:
    for separators in ((",", ":"), (" , ", " : ")):
        raw = json.dumps(tools, separators=separators).encode()
        assert has_foreign_tools(raw, kind) is is_foreign

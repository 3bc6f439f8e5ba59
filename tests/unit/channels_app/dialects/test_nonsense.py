"""Requests with nonsense anywhere: refused in the client's words, or rendered to something that is
JSON; never another exception, which would be a 500.
"""

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import msgspec
import pytest

from channels_app.dialects.conversation import BadConversation
from channels_app.dialects.dialect import Target
from channels_app.dialects.openai_chat.foreign_tools import has_foreign_tools
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.tool_names import fit_tools
from tests.unit.channels_app.dialects.pairs.transcripts import DIALECTS, SCENES, load

GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "d"}
MORE_TOOLS: dict[str, list[Any]] = {
    "openai": [
        {"type": "function", "name": "flat", "parameters": {}},
        {"type": "custom", "custom": {"name": "free", "format": GRAMMAR}},
    ],
    "responses": [
        {"type": "namespace", "name": "mcp__x__", "tools": [{"type": "function", "name": "s"}]},
        {"type": "custom", "name": "free", "format": GRAMMAR},
    ],
    "anthropic": [{"name": "m.c.p", "input_schema": {"type": "object"}, "strict": True}],
    "gemini": [{"functionDeclarations": [{"name": "a.b:c"}]}],
}
NONSENSE: list[Any] = [
    None,
    [],
    {},
    "",
    0,
    -1,
    2**70,
    1e30,
    True,
    "x" * 70,
    [[]],
    [{}],
    {"type": []},
]
TARGETS = [
    Target("gpt-5.4", "openai", held_tokens=100),
    Target("claude-opus-4-5", "bedrock", held_tokens=100),
    Target("deepseek-chat", "deepseek", held_tokens=100),
    Target("gemini-2.5-pro", "gemini", held_tokens=100),
]


@cache
def requests_of(client: str) -> list[Any]:
    found = [load(scene)[client].get("request") for scene in SCENES]
    return [one | {"tools": one.get("tools", []) + MORE_TOOLS[client]} for one in found if one]


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """(what holds it, its name there), of everything in it."""
    for name in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, name
        if isinstance(value[name], dict | list):
            yield from places_in(value[name])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("client", DIALECTS)
def test_nonsense_is_refused_or_carried(client: str, seed: int) -> None:
    chance = random.Random(seed)
    carried = []
    for _ in range(100):
        body = json.loads(json.dumps(chance.choice(requests_of(client))))
        for _ in range(chance.randint(1, 3)):
            holder, name = chance.choice(list(places_in(body)))
            holder[name] = chance.choice(NONSENSE)
        provider = chance.choice(["openai", "responses", "anthropic", "gemini", "cohere"])
        with suppress(BadConversation):
            carried.append(carry(client, body, provider, chance.choice(TARGETS)))
    assert 0 < len(carried) < 100
    assert all(json.loads(sent) for sent in carried)


def carry(client: str, body: Any, provider: str, target: Target) -> bytes:
    """What the provider is sent. Raises BadConversation."""
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    has_foreign_tools(bytes(fields.get("tools", b"[]")), target.kind)
    asked = find_dialect(client).parse_request(fields, "m", False)  # noqa: FBT003 -- Dialect.parse_request
    fitted, _ = fit_tools(asked, provider, target.kind)
    rendered = find_dialect(provider).render_request(fitted, target)
    return msgspec.json.encode(rendered.body)

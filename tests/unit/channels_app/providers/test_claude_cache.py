"""Cache marks that only Anthropic's own API knows don't reach Claude at Amazon and Google."""

import json
from typing import Any

import msgspec
import pytest

from channels_app.dialects.dialect import Target
from channels_app.dialects.registry import find_dialect
from channels_app.providers.claude_cache import fit_marks
from tests.unit.channels_app.providers.asking import body_of, make_channel, pass_on

CHANNELS = {
    "bedrock": make_channel("bedrock", "AK|SK|us-east-1"),
    "vertex": make_channel("vertex", "r|i|s", settings={"project": "p"}),
}
MODEL = "claude-sonnet-4-5"
MARKS = "cache_control"
MARK = {"type": "ephemeral"}
GLOBAL = {"type": "ephemeral", "scope": "global", "ttl": "1h"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def text(words: str, mark: Any = None) -> dict[str, Any]:
    block = {"type": "text", "text": words}
    return block | ({"cache_control": mark} if mark else {})


def send(kind: str, body: dict[str, Any], *, is_raw: bool = True) -> Any:
    """What the cloud gets of a Claude client's body, passed on or rendered anew."""
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    sent: Any = fields
    if not is_raw:
        claude = find_dialect("anthropic")
        asked = claude.parse_request(fields, MODEL, False)  # noqa: FBT003 -- Dialect.parse_request
        sent = claude.render_request(asked, Target(MODEL, kind)).body
    got = body_of(pass_on(CHANNELS[kind], "messages", "anthropic", MODEL, sent))
    return {
        name: got[name] for name in ("tools", "system", "messages", "cache_control") if name in got
    }


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("is_raw", [True, False])
def test_marks_of_claude_code_lose_their_scope(kind: str, *, is_raw: bool) -> None:
    tool = {"name": "f", "input_schema": {"type": "object", "properties": {"scope": {}}}}
    found = {"type": "search_result", "source": "s", "title": "t", "content": [text("w")]}
    result = {
        "type": "tool_result",
        "tool_use_id": "c",
        "content": [found | {"cache_control": GLOBAL}],
    }
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {"cache_control": GLOBAL}}
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [call]}]
    told = send(
        kind,
        {
            "max_tokens": 9,
            "system": [text("You are Claude Code."), text("Be brief.", GLOBAL)],
            "tools": [tool | {"cache_control": GLOBAL}],
            "messages": [*said, {"role": "user", "content": [result]}],
        },
        is_raw=is_raw,
    )
    assert told == {
        "system": [text("You are Claude Code."), text("Be brief.", HOUR)],
        "tools": [tool | {"cache_control": HOUR}],
        "messages": [
            *said,
            {"role": "user", "content": [result | {"content": [found | {"cache_control": HOUR}]}]},
        ],
    }


HI = {"role": "user", "content": "Hi"}
THOUGHT = {"type": "thinking", "thinking": "t", "signature": "s"}


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(
            {"messages": [HI]},
            {"messages": [{"role": "user", "content": [text("Hi", MARK)]}]},
            id="words",
        ),
        pytest.param(
            {"messages": [HI, {"role": "assistant", "content": [text("a"), THOUGHT]}]},
            {"messages": [HI, {"role": "assistant", "content": [text("a", MARK), THOUGHT]}]},
            id="thoughts take none",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [text("a"), text("b", HOUR)]}]},
            {"messages": [{"role": "user", "content": [text("a"), text("b", HOUR)]}]},
            id="has its own",
        ),
        pytest.param(
            {"system": "s", "messages": [{"role": "user", "content": []}]},
            {"system": [text("s", MARK)], "messages": [{"role": "user", "content": []}]},
            id="nothing said",
        ),
        pytest.param(
            {"system": [text(name, MARK) for name in "abcd"], "messages": [HI]},
            {"system": [text(name, MARK) for name in "abcd"], "messages": [HI]},
            id="four are all",
        ),
    ],
)
def test_mark_of_the_whole_request_goes_to_its_last_block(
    kind: str, body: dict[str, Any], told: dict[str, Any]
) -> None:
    assert send(kind, {"max_tokens": 9, "cache_control": MARK, **body}) == told


def test_nonsense_is_left_to_the_provider() -> None:
    for odd in ("x", 7, [1, {"content": 5}], None):
        body = {"max_tokens": 9, "cache_control": MARK, "messages": odd, "system": odd}
        assert "cache_control" not in send("vertex", body)


@pytest.mark.parametrize("odd", [5, [], {}, "x", None, [[]], [{"type": []}], [{MARKS: 5}]])
@pytest.mark.parametrize("name", ["system", "tools", "messages", MARKS])
def test_nonsense_is_left_to_claude_to_refuse(name: str, odd: Any) -> None:
    body = {"messages": [{"role": "user", "content": odd}], MARKS: MARK, name: odd}
    for kind in CHANNELS:
        send(kind, body)
    assert fit_marks({"system": odd, "messages": [{"content": odd}]})

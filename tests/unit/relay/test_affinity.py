"""Which channel answered such calls last: what counts as such, and how much is remembered."""

import json
from dataclasses import replace as replaced
from types import SimpleNamespace
from typing import Any

import pytest

from channels_app.catalogue import find_kind
from channels_app.routing import ChannelConfig
from relay.affinity import LEAST_BYTES, MOST_KEPT, Affinity, mark
from relay.request import parse_request

CHANNEL = ChannelConfig(1, "c", find_kind("openai"), "http://h", "k", ("m",), ("default",))
LONG = "x" * LEAST_BYTES


def marker(token: int = 1, *, endpoint: str = "chat", is_on: bool = True, **fields: Any) -> Any:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields})
    gateway: Any = SimpleNamespace(options=SimpleNamespace(prefers_last_channel=is_on))
    return mark(gateway, token, parse_request(endpoint, body.encode()))


def talk(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]


def test_long_prompts_that_begin_alike_are_alike() -> None:
    first = marker(messages=talk(LONG, "one"))
    assert first is not None
    assert marker(messages=talk(LONG, "one", "two", "three")) == first
    assert marker(messages=talk("y" + LONG)) != first
    assert marker(2, messages=talk(LONG, "one")) != first
    assert marker(model="n", messages=talk(LONG, "one")) != first


def test_short_prompts_have_no_mark() -> None:
    assert marker() is None
    assert marker(prompt_cache_key=None) is None
    assert marker(is_on=False, prompt_cache_key="s") is None


def test_a_session_is_named() -> None:
    assert marker(prompt_cache_key="s") == marker(prompt_cache_key="s", messages=talk("else"))
    claude: dict[str, Any] = {"endpoint": "messages", "max_tokens": 1}
    assert marker(metadata={"user_id": "u_s1"}, **claude) is not None
    # In OpenAI's dialect that is anything.
    assert marker(metadata={"a": "b"}) is None


def test_memory_is_bounded_and_the_young_stay() -> None:
    affinity = Affinity()
    for number in range(3 * MOST_KEPT):
        affinity.keep(number, CHANNEL)
    assert affinity.find(3 * MOST_KEPT - 1) is not None
    assert affinity.find(0) is None
    assert len(affinity._young) + len(affinity._old) <= MOST_KEPT


def test_what_is_old_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    affinity = Affinity()
    affinity.keep(1, replaced(CHANNEL, key_tag="a"))
    found = affinity.find(1)
    assert found is not None
    assert (found.channel, found.key) == (1, "a")
    affinity.seconds = -1
    assert affinity.find(1) is None
    assert affinity.find(None) is None

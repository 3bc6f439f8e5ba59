"""What happens when a channel fails: another one, or the truth."""

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.harness.waiting import wait_for
from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider, stream, whole

# What the first channel does -> whether another one is asked.
RETRIED = {
    "status:code=500": True,
    "status:code=502": True,
    "status:code=503": True,
    "status:code=529": True,
    "status:code=429": True,
    "status:code=408": True,
    "status:code=401": True,
    "status:code=402": True,
    "status:code=403": True,
    "status:code=404": True,
    "status:code=204": True,
    "status:code=302": True,
    "redirect": True,
    "reset": True,
    "html": True,
    "error200": True,
    "nochoices": True,
    "badchunk": True,
    "nolength": True,
    "hang": True,
    "status:code=400": False,
    "status:code=413": False,
    "status:code=422": False,
}


@pytest.fixture(scope="module")
def pairs(live: LiveGateway) -> dict[tuple[str, bool], tuple[str, str, str]]:
    """(behaviour, streamed) -> a model whose better channel behaves so, and the keys of both
    channels; none is used twice, because a channel that failed may rest.
    """
    made = {}
    for how, is_stream in itertools.product(RETRIED, (False, True)):
        model, mark = live.new_name("pair"), live.new_name("mark")
        first, second = f"sim-key-{how}:{mark}", f"good-{mark}"
        patience = ("--first-byte-seconds", 1, "--total-seconds", 1)
        live.new_channel(model, "--priority", 1, *patience, key=first)
        live.new_channel(model, key=second)
        made[how, is_stream] = model, first, second
    live.take_in()
    return made


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("how", RETRIED)
def test_another_channel_is_asked_where_that_can_help(
    live: LiveGateway,
    pairs: dict[tuple[str, bool], tuple[str, str, str]],
    how: str,
    *,
    is_stream: bool,
) -> None:
    model, first, second = pairs[how, is_stream]
    before = [live.calls_by("key", key)["calls"] for key in (first, second)]
    response = live.chat(model, stream=is_stream)
    asked = [live.calls_by("key", key)["calls"] for key in (first, second)]
    asked_first, asked_second = (now - then for now, then in zip(asked, before, strict=True))
    # A kept connection that ends without a byte is told from a closed one by asking once more.
    assert asked_first in ({1, 2} if how == "reset" else {1})
    assert asked_second == int(RETRIED[how])
    row = live.usage_of(response)
    assert (response.status_code == 200) is RETRIED[how]
    assert row["status"] == ("ok" if RETRIED[how] else "failed")
    assert row["completion_tokens"] == (20 if RETRIED[how] else 0)
    assert row["attempts"][0]["error"]
    assert live.manage("audit")["differences"] == []


def test_usage_row_lists_every_attempt_the_last_one_too(live: LiveGateway) -> None:
    model, mark = live.new_name("attempts"), live.new_name("mark")
    bad = live.new_channel(model, "--priority", 1, key=f"sim-key-status:code=500:{mark}")
    good = live.new_channel(model)
    live.take_in()
    attempts = live.usage_of(live.chat(model))["attempts"]
    found = [(attempt["channel"], bool(attempt.get("error"))) for attempt in attempts]
    assert found == [(bad, True), (good, False)]


def test_no_channel_is_asked_twice_and_the_bound_holds(live: LiveGateway) -> None:
    model, keys = live.new_name("bound"), [f"sim-key-status:code=500:b{n}" for n in range(6)]
    for number, key in enumerate(keys):
        live.new_channel(model, "--priority", -number, key=key)
    live.take_in()
    response = live.chat(model)
    assert response.status_code == 502
    # RetryTimes is 3: the first channel and three others.
    assert [live.calls_by("key", key)["calls"] for key in keys] == [1, 1, 1, 1, 0, 0]
    row = live.usage_of(response)
    assert (row["status"], row["units"], len(row["attempts"])) == ("failed", 0, 4)


def test_all_channels_of_one_tier_are_tried_before_the_next(live: LiveGateway) -> None:
    model = live.new_name("tiers")
    keys = [f"sim-key-status:code=503:{live.new_name('tier')}" for _ in range(2)]
    for key in keys:
        live.new_channel(model, "--priority", 1, key=key)
    live.new_channel(model, key="good-below")
    live.take_in()
    before = live.calls_by("key", "good-below")["calls"]
    assert [live.chat(model).status_code for _ in range(3)] == [200] * 3
    assert [live.calls_by("key", key)["calls"] for key in keys] == [3, 3]
    assert live.calls_by("key", "good-below")["calls"] - before == 3


def test_pinned_channel_is_the_only_one_asked(live: LiveGateway) -> None:
    model, mark = live.new_name("pinned"), live.new_name("mark")
    bad = live.new_channel(model, key=f"sim-key-status:code=500:{mark}")
    good = live.new_channel(model, "--priority", 9, key=mark)
    live.take_in()
    admin = live.new_token(live.new_user("--role", "admin"))
    assert live.chat(model, key=f"{admin}-{bad}").status_code == 502
    assert live.calls_by("key", mark)["calls"] == 0
    assert live.chat(model, key=f"{admin}-{good}").status_code == 200
    assert live.calls_by("key", mark)["calls"] == 1


def test_options_without_retries_asks_one_channel(live: LiveGateway) -> None:
    model, keys = live.new_name("once"), ["sim-key-status:code=500:once", "good-once"]
    for priority, key in zip((1, 0), keys, strict=True):
        live.new_channel(model, "--priority", priority, key=key)
    live.set_option("RetryTimes", 0)
    try:
        assert live.chat(model).status_code == 502
    finally:
        live.set_option("RetryTimes", 3)
    assert [live.calls_by("key", key)["calls"] for key in keys] == [1, 0]
    assert live.chat(model).status_code == 200


def test_connection_that_the_provider_closed_meanwhile_is_replaced(live: LiveGateway) -> None:
    model = live.new_name("idle")
    live.new_channel(f"{model},sim-idleclose")
    live.take_in()
    outcomes: list[Any] = []
    for _ in range(3):
        outcomes += [live.chat("sim-idleclose").status_code, live.chat(model).status_code]
    assert outcomes == [200] * 6


def test_disabled_and_deleted_channels_get_no_more_calls(live: LiveGateway) -> None:
    model, key = live.new_name("gone"), live.new_name("key")
    channel = live.new_channel(model, key=key)
    live.take_in()
    assert live.chat(model).status_code == 200
    live.manage("channel", "disable", channel)
    live.take_in()
    assert live.chat(model).status_code == 503
    live.manage("channel", "enable", channel)
    live.take_in()
    assert live.chat(model).status_code == 200
    live.manage("channel", "delete", channel)
    live.take_in()
    assert live.chat(model).status_code == 503
    assert live.calls_by("key", key)["calls"] == 2


def retry_after(response: httpx.Response) -> str | None:
    value: str | None = response.headers.get("retry-after")
    return value


@pytest.mark.parametrize(
    ("given", "told"),
    [("30", "30"), ("99999999", "60"), ("-1", None), ("soon", None), ("0", "1")],
)
def test_saturated_provider_is_told_with_a_bounded_retry_after(
    live: LiveGateway, given: str, told: str | None
) -> None:
    model = live.new_name("saturated")
    live.new_channel(model, key=f"sim-key-status:code=429:retry_after={given}")
    live.take_in()
    response = live.chat(model)
    assert (response.status_code, retry_after(response)) == (429, told)
    assert response.json()["error"]["code"] == "upstream_rate_limited"


def test_channel_that_is_just_being_tried_again_is_unhealthy_not_busy(
    live: LiveGateway, scripts: ScriptedProvider
) -> None:
    model = live.new_name("probed")
    url = scripts.say(model, whole(b"{}", "429 Too Many", {"retry-after": "1"}))
    live.new_channel(model, "--first-byte-seconds", 20, url=url)
    live.take_in()
    assert live.chat(model).status_code == 429
    time.sleep(1.2)
    # The trial has only comments for some seconds.
    scripts.say(model, *stream(*[b": wait\n\n"] * 500))
    with ThreadPoolExecutor(1) as pool:
        trial = pool.submit(live.chat, model, stream=True)
        wait_for(lambda: scripts.asked[model], "nobody tries")
        refused = live.chat(model)
        trial.result()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_healthy_channel")
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/chat/completions", {"type": "invalid_request_error", "param": "input"}),
        ("/v1/messages", {"type": "not_found_error"}),
    ],
)
def test_what_one_user_refers_to_takes_the_model_from_nobody(
    live: LiveGateway, scripts: ScriptedProvider, path: str, told: dict[str, str]
) -> None:
    model, words = live.new_name("item"), "Item with id 'rs_1' not found."
    error = {"message": words, "type": "invalid_request_error", "param": "input", "code": None}
    body = json.dumps({"error": error}).encode()
    url = scripts.say(model, whole(body, "404 Not Found"))
    live.new_channel(model, "--setting", "dialects=openai", url=url)
    live.take_in()
    fields = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    for _ in range(7):
        answer = live.call("POST", path, json=fields)
        assert answer.status_code == 404
        error = answer.json()["error"]
        assert error["message"].startswith(words)
        assert told.items() <= error.items()
    assert len(scripts.asked[model]) == 7

"""Channels with several keys: used in turn, refused one by one, shown by their ends alone."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.harness.gateway import PASSWORD
from tests.harness.waiting import wait_for
from tests.relay.live_gateway import LiveGateway, client_of


def refused(live: LiveGateway) -> str:
    return f"sim-key-status:code=401:{live.new_name('k')}"


def limited(live: LiveGateway) -> str:
    return f"sim-key-status:code=429:{live.new_name('k')}"


def states(live: LiveGateway, channel: int) -> list[bool]:
    return [key["enabled"] for key in live.manage("channel", "show", channel)["keys"]]


def test_keys_take_turns_and_rows_say_which(live: LiveGateway) -> None:
    model, keys = live.new_name("keyed"), [live.new_name("longer-key") for _ in range(3)]
    live.new_channel(model, key="\n".join(keys))
    live.take_in()
    responses = [live.chat(model) for _ in range(6)]
    assert {response.status_code for response in responses} == {200}
    assert [live.calls_by("key", key)["calls"] for key in keys] == [2, 2, 2]
    (attempt,) = live.usage_of(responses[0])["attempts"]
    assert attempt["key"] == f"…{keys[0][-4:]}"
    assert keys[0] not in json.dumps(live.usage_of(responses[0]))


def test_a_limited_key_cools_and_the_next_answers_the_same_call(live: LiveGateway) -> None:
    model, good, bad = live.new_name("keyed"), live.new_name("longer-key"), limited(live)
    live.new_channel(model, key=f"{bad}\n{good}")
    live.take_in()
    codes = [live.chat(model).status_code for _ in range(4)]
    assert codes == [200] * 4
    assert live.calls_by("key", bad)["calls"] == 1


def test_the_editor_shows_what_rests_and_ends_it(live: LiveGateway) -> None:
    model, good = live.new_name("keyed"), live.new_name("longer-key")
    bad = f"sim-key-status:code=429:retry_after=60:{live.new_name('k')}"
    channel = live.new_channel(model, key=f"{bad}\n{good}")
    live.take_in()
    page = f"/admin/channels_app/channel/{channel}/"
    with console_of(live) as console:
        assert live.chat(model).status_code == 200
        shown = text_of(console.get(f"{page}change/").text)
        rest = f"{bad[-4:]} enabled cools down {model} until [-: 0-9]+ · rate_limited:429"
        assert re.search(rest, shown)
        sent = {"csrfmiddlewaretoken": console.cookies["csrftoken"]}
        assert console.post(f"{page}rests/", data=sent).status_code == 302
        wait_for(
            lambda: "cools down" not in console.get(f"{page}change/").text,
            "the rest was not ended",
        )
    assert [live.chat(model).status_code for _ in range(2)] == [200, 200]
    assert live.calls_by("key", bad)["calls"] == 2


@contextmanager
def console_of(live: LiveGateway) -> Iterator[httpx.Client]:
    """Signed in as root."""
    name = live.new_user("--role", "root")
    with client_of(live.url) as console:
        console.get("/admin/login/")
        token = console.cookies["csrftoken"]
        data = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token}
        assert console.post("/admin/login/", data=data).status_code == 302
        yield console


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_refused_key_goes_and_the_channel_with_the_last(live: LiveGateway) -> None:
    model, first, second = live.new_name("keyed"), refused(live), refused(live)
    good = live.new_name("longer-key")
    channel = live.new_channel(model, "--key-strategy", "random", key=f"{first}\n{good}\n{second}")
    live.take_in()
    for _ in range(40):
        assert live.chat(model).status_code == 200
    wait_for(lambda: states(live, channel) == [False, True, False], "keys were not disabled")
    assert live.manage("channel", "show", channel)["status"] == "enabled"
    shown = json.dumps(live.manage("channel", "show", channel))
    assert first not in shown
    assert good not in shown

    live.manage("channel", "set", channel, "--key", f"{first}\n{second}")
    live.take_in()
    for _ in range(6):
        live.chat(model)
    wait_for(
        lambda: live.manage("channel", "show", channel)["status"] == "auto_disabled",
        "the channel was not disabled with its last key",
    )
    # By hand it starts afresh: with all its keys.
    live.manage("channel", "enable", channel)
    assert states(live, channel) == [True, True]


def test_a_pinned_call_and_one_that_is_continued_use_all_keys(live: LiveGateway) -> None:
    admin = live.new_token(live.new_user("--role", "admin"))
    model, good = live.new_name("keyed"), live.new_name("longer-key")
    channel = live.new_channel(model, key=f"{limited(live)}\n{good}")
    live.take_in()
    assert live.chat(model, key=f"{admin}-{channel}").status_code == 200


def test_which_key_lives_is_asked_of_all(live: LiveGateway) -> None:
    model, good, bad = live.new_name("keyed"), live.new_name("longer-key"), refused(live)
    channel = live.new_channel(model, key=f"{bad}\n{good}")
    live.manage("channel", "test", channel)
    assert live.calls_by("key", good)["calls"] == 1
    assert live.calls_by("key", bad)["calls"] == 1
    # By hand a test switches nothing.
    assert states(live, channel) == [True, True]


@pytest.mark.parametrize("keys", ["\n".join(f"k{n}" for n in range(201))])
def test_too_many_are_refused(live: LiveGateway, keys: str) -> None:
    with pytest.raises(AssertionError, match="more than 200 keys"):
        live.new_channel("m", key=keys)

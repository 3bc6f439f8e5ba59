"""Clients that leave and clients that don't read: the provider is let go, the charge is right."""

import json
import time
from typing import Any

import httpx
import pytest

from tests.harness.waiting import wait_for
from tests.relay.live_gateway import HELLO, LiveGateway
from tests.relay.raw_http import RawConnection, request
from tests.relay.scripted_provider import ScriptedProvider

ENDLESS = "sim-tokens:n=100000:rate=20"
SHORT = "sim-tokens:n=25:rate=20"
SILENT = "sim-stall:after=3:leaver"
HUGE = "sim-big:kb=40000"
HANGING = "sim-hang:leaver"
LATE = "sim-slow:seconds=0.7:tokens:n=100000:rate=20"
"""Begins within the grace, and does not end."""
PLAIN = "plain-beside-leavers"
MEGABYTE = 1 << 20
MODELS = (ENDLESS, SHORT, SILENT, HUGE, HANGING, LATE, PLAIN)


@pytest.fixture(scope="module")
def served(live: LiveGateway) -> LiveGateway:
    """A gateway that drains for a second."""
    live.new_channel(",".join(MODELS))
    live.take_in()
    return live


def leave_after(live: LiveGateway, model: str, chunks: int, name: str) -> str:
    """Read so many content events of a stream, hang up, and give the request id."""
    body = {"model": model, "messages": HELLO, "stream": True, "user": name}
    headers = {"authorization": f"Bearer {live.key}"}
    with live.http.stream("POST", "/v1/chat/completions", json=body, headers=headers) as response:
        request_id = response.headers["x-oneapi-request-id"]
        seen = 0
        for line in response.iter_lines():
            seen += '"content":"' in line
            if seen > chunks:
                break
    return request_id


def wait_until_let_go(live: LiveGateway, name: str) -> dict[str, Any]:
    """The simulator's counts once its call is over."""

    def ended() -> dict[str, Any] | None:
        tally = live.calls_by("request_id", name)
        return tally if tally.get("open") == 0 else None

    return wait_for(ended, "the provider's connection stays open")


def test_provider_is_let_go_soon_after_the_client_and_what_came_is_charged(
    served: LiveGateway,
) -> None:
    name = served.new_name("leaver")
    request_id = leave_after(served, ENDLESS, 5, name)
    tally = wait_until_let_go(served, name)
    assert (tally["calls"], tally["aborted"]) == (1, 1)
    row = served.usage_row(request_id)
    assert (row["status"], row["estimated"], row["prompt_tokens"]) == ("left", True, 6)
    # Five or more were read; the rest was produced in the second of grace.
    assert 5 <= row["completion_tokens"] <= tally["sent_tokens"] + 3
    assert row["units"] == 15 * (6 + row["completion_tokens"])


def test_usage_that_comes_within_the_grace_is_what_is_charged(served: LiveGateway) -> None:
    name = served.new_name("leaver")
    request_id = leave_after(served, SHORT, 12, name)
    assert wait_until_let_go(served, name)["finished"] == 1
    row = served.usage_row(request_id)
    assert (row["status"], row["estimated"]) == ("left", False)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (3, 25)


def test_client_that_leaves_a_silent_stream_is_noticed(served: LiveGateway) -> None:
    name = served.new_name("leaver")
    request_id = leave_after(served, SILENT, 2, name)
    assert wait_until_let_go(served, name)["aborted"] == 1
    assert served.usage_row(request_id)["status"] == "left"


@pytest.mark.parametrize(
    ("model", "is_stream"),
    [(HANGING, False), (HANGING, True), (LATE, True)],
    ids=["whole", "stream", "begun"],
)
def test_client_that_leaves_before_anything_came_pays_nothing(
    served: LiveGateway, model: str, *, is_stream: bool
) -> None:
    name = served.new_name("leaver")
    body = {"model": model, "messages": HELLO, "stream": is_stream, "user": name}
    with RawConnection(served) as connection:
        connection.send(request(served, json.dumps(body).encode()))
        wait_for(lambda: served.calls_by("request_id", name)["calls"], "no call came")
    assert wait_until_let_go(served, name)["aborted"] == 1
    rows = wait_for(
        lambda: [row for row in served.manage("usage") if row["model"] == model],
        "the call was not written down",
    )
    assert {(row["status"], row["units"], row["http_status"]) for row in rows} == {("left", 0, 499)}


def test_client_that_leaves_while_its_channel_signs_in_asks_nothing(
    served: LiveGateway, scripts: ScriptedProvider
) -> None:
    model = served.new_name("signing-in")
    desk = f"{model}-desk"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    token = b'{"access_token":"t","expires_in":3600}'
    settings = ("project=p", f"token_uri={scripts.say(desk, head, *[b' '] * 100, token)}/token")
    served.manage(
        *("channel", "add", "--name", model, "--kind", "vertex", "--models", model),
        *("--key", "1//refresh|client|secret", "--base-url", scripts.say(model)),
        *[word for setting in settings for word in ("--setting", setting)],
    )
    served.take_in()
    body = {"model": model, "max_tokens": 9, "messages": HELLO, "stream": True}
    with RawConnection(served) as connection:
        connection.send(request(served, json.dumps(body).encode()))
        wait_for(lambda: scripts.asked[desk], "no token was asked for")
    (row,) = wait_for(
        lambda: [row for row in served.manage("usage") if row["model"] == model],
        "the call was not written down",
    )
    assert (row["status"], row["units"], row["http_status"]) == ("left", 0, 499)
    assert (len(scripts.asked[desk]), scripts.asked[model]) == (1, [])


def test_client_that_does_not_read_stops_the_provider_and_costs_no_memory(
    served: LiveGateway,
) -> None:
    name = served.new_name("slow-reader")
    served.chat(PLAIN, stream=True)
    before = served.memory()
    body = {"model": HUGE, "messages": HELLO, "stream": True, "user": name}
    with RawConnection(served, receive_buffer=4096) as connection:
        connection.send(request(served, json.dumps(body).encode()))
        connection.read_until(b"data: ")
        sent = wait_for(lambda: settled_tokens(served, name), "the provider never stops")
        grown = served.memory() - before
        assert served.chat(PLAIN).status_code == 200
    # A token is an event of 280 bytes here: what is on the way lies in buffers of the kernel.
    assert sent * 280 < 64 * MEGABYTE
    assert grown < 32 * MEGABYTE
    assert wait_until_let_go(served, name)["aborted"] == 1


def settled_tokens(live: LiveGateway, name: str) -> int:
    """What the provider has sent, once it sends no more."""
    first = live.calls_by("request_id", name).get("sent_tokens", 0)
    time.sleep(0.5)
    return first if live.calls_by("request_id", name).get("sent_tokens", 0) == first else 0


def test_many_leavers_leave_nothing_behind(served: LiveGateway) -> None:
    names = [served.new_name("crowd") for _ in range(30)]
    clients = [RawConnection(served) for _ in names]
    for name, client in zip(names, clients, strict=True):
        body = {"model": ENDLESS, "messages": HELLO, "stream": True, "user": name}
        client.send(request(served, json.dumps(body).encode()))
    for client in clients:
        client.read_until(b'"content":"')
    for client in clients:
        client.__exit__()
    for name in names:
        assert wait_until_let_go(served, name)["aborted"] == 1
    wait_for(lambda: open_streams(served) == 0, "streams are still counted as open")
    served.gateway.books.wait_until_shipped()
    rows = served.manage("usage", "--limit", 40)
    crowd = [row for row in rows if row["model"] == ENDLESS][:30]
    assert {row["status"] for row in crowd} == {"left"}
    assert served.manage("audit")["differences"] == []


def open_streams(live: LiveGateway) -> float:
    text = httpx.get(f"{live.url}/metrics", trust_env=False).text
    lines = [line for line in text.splitlines() if line.startswith("chatapi_open_streams ")]
    return float(lines[0].split()[1])

"""Silent providers: comments keep the client, and other channels are still tried."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.waiting import wait_for
from tests.relay.live_gateway import HELLO, LiveGateway
from tests.relay.raw_http import RawConnection, request

COMMENT = ": keep-alive"
ADDRESSES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"input": "hi"},
    "/v1/messages": {"max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]},
}


@pytest.fixture(scope="module")
def impatient(live: LiveGateway) -> Iterator[LiveGateway]:
    live.set_option("KeepAliveSeconds", 1)
    yield live
    live.set_option("KeepAliveSeconds", 15)


def ask(live: LiveGateway, path: str, model: str, *, stream: bool = True) -> str:
    body = {"model": model, "stream": stream} | ADDRESSES[path]
    response = live.call("POST", path, json=body)
    assert response.status_code == 200
    return response.text


@pytest.fixture(scope="module")
def slow(impatient: LiveGateway) -> str:
    model = impatient.new_name("sim-slow:seconds=2.5:x")
    impatient.new_channel(model, "--setting", "dialects=openai", key="sim-key-slow:seconds=2.5")
    impatient.take_in()
    return model


@pytest.mark.parametrize("path", ADDRESSES)
def test_silence_is_filled_with_comments(impatient: LiveGateway, slow: str, path: str) -> None:
    events = ask(impatient, path, slow).split("\n\n")
    assert events[0] == COMMENT
    assert 1 <= events.count(COMMENT) <= 3
    assert "lantern" in "".join(events) or "river" in "".join(events) or len(events) > 5


def test_whole_answers_bear_none(impatient: LiveGateway, slow: str) -> None:
    assert COMMENT not in ask(impatient, "/v1/chat/completions", slow, stream=False)


def test_another_channel_goes_on_behind_the_comment(impatient: LiveGateway) -> None:
    model = impatient.new_name("silent")
    patience = ("--first-byte-seconds", 2, "--total-seconds", 2)
    impatient.new_channel(model, "--priority", 1, *patience, key="sim-key-hang:x")
    impatient.new_channel(model)
    impatient.take_in()
    text = ask(impatient, "/v1/chat/completions", model)
    assert text.startswith(COMMENT)
    assert text.endswith("data: [DONE]\n\n")
    assert '"finish_reason":"stop"' in text
    assert "error" not in text


@pytest.mark.parametrize(
    ("path", "sign"),
    [
        ("/v1/chat/completions", 'data: {"error":'),
        ("/v1/responses", 'event: error\ndata: {"type":"error"'),
        ("/v1/messages", 'event: error\ndata: {"type":"error","error":'),
    ],
)
def test_failure_of_all_is_an_event_of_the_dialect(
    impatient: LiveGateway, path: str, sign: str
) -> None:
    model = impatient.new_name("silent")
    patience = ("--first-byte-seconds", 2, "--total-seconds", 2)
    settings = ("--setting", "dialects=openai")
    impatient.new_channel(model, *patience, *settings, key="sim-key-hang:x")
    impatient.take_in()
    text = ask(impatient, path, model)
    assert text.startswith(COMMENT)
    assert sign in text
    assert "upstream_timeout" in text or "timeout" in text


def test_client_that_takes_nothing_is_dropped_though_a_comment_waits(
    impatient: LiveGateway,
) -> None:
    model = impatient.new_name("sim-big:kb=40000:x")
    plain = impatient.new_name("plain")
    impatient.new_channel(f"{model},{plain}", "--total-seconds", 4, "--max-concurrency", 1)
    key = impatient.new_token(impatient.new_user(), "--concurrency", 1)
    impatient.take_in()
    body = json.dumps({"model": model, "messages": HELLO, "stream": True}).encode()
    with RawConnection(impatient, receive_buffer=4096) as client:
        client.send(request(impatient, body, key=key))
        wait_for(client.is_cut, "the connection stays")
        wait_for(
            lambda: impatient.chat(plain, key=key).status_code == 200,
            "the token's or the channel's place stays taken",
        )
    (row,) = wait_for(
        lambda: [row for row in impatient.manage("usage") if row["model"] == model],
        "the call was not written down",
    )
    assert (row["status"], row["units"] > 0) == ("left", True)

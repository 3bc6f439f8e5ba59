"""Broken, huge and slow HTTP: answered or closed, and the next call works."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.relay.live_gateway import HELLO, LiveGateway
from tests.relay.raw_http import RawConnection, request

MODEL = "raw-http-model"
BODY = json.dumps({"model": MODEL, "messages": HELLO}).encode()
CHUNKED = b"transfer-encoding: chunked\r\n"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def served(live: LiveGateway) -> LiveGateway:
    live.new_channel(MODEL)
    live.take_in()
    return live


@pytest.fixture(autouse=True)
def unharmed(served: LiveGateway) -> Iterator[None]:
    """After each case the same process answers a good request."""
    pids = served.gateway.worker_pids()
    yield
    assert served.chat(MODEL).status_code == 200
    assert served.gateway.worker_pids() == pids


# name -> how the request differs from a good one; all are refused with 400 and the end.
BROKEN: dict[str, dict[str, Any]] = {
    "length and chunks": {"headers": CHUNKED, "body": CHUNKS},
    "two lengths": {"headers": b"content-length: 5\r\n"},
    "a length below zero": {"headers": b"content-length: -5\r\n", "has_length": False},
    "a signed length": {"headers": b"content-length: +5\r\n", "has_length": False},
    "a length in words": {"headers": b"content-length: many\r\n", "has_length": False},
    "a length of 30 digits": {
        "headers": b"content-length: %b\r\n" % (b"9" * 30),
        "has_length": False,
    },
    "an unknown transfer encoding": {
        "headers": b"transfer-encoding: rot13\r\n",
        "has_length": False,
    },
    "a chunk size in words": {
        "headers": CHUNKED,
        "body": b"many\r\n" + BODY,
        "has_length": False,
    },
    "a NUL in a header": {"headers": b"x-a: a\x00b\r\n"},
    "a folded header": {"headers": b"x-a: a\r\n b\r\n"},
    "a header without name": {"headers": b": b\r\n"},
    "a space in a header's name": {"headers": b"x a: b\r\n"},
    "an unknown method": {"line": b"FETCH /v1/chat/completions HTTP/1.1"},
    "an unknown protocol": {"line": b"POST /v1/chat/completions SMTP/1.1"},
    "no host": {"host": b""},
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_request_is_refused_and_the_connection_closed(
    served: LiveGateway, name: str
) -> None:
    before = served.all_calls()
    with RawConnection(served) as connection:
        connection.send(request(served, **{"body": BODY, **BROKEN[name]}))
        assert connection.read_answer().status == 400
        assert connection.is_closed()
    assert served.all_calls() == before


def test_bare_line_feeds_and_other_protocols_are_refused(served: LiveGateway) -> None:
    for data in (request(served, BODY).replace(b"\r\n", b"\n"), b"\x16\x03\x01" * 50, b"?\r\n\r\n"):
        with RawConnection(served) as connection:
            connection.send(data)
            assert connection.read_answer().status == 400
            assert connection.is_closed()


@pytest.mark.parametrize("headers", [b"x-a: %b\r\n" % (b"a" * MEGABYTE), b"x: y\r\n" * 200_000])
def test_huge_head_is_refused(served: LiveGateway, headers: bytes) -> None:
    with RawConnection(served) as connection:
        connection.send(request(served, BODY, headers=headers))
        # The refusal may be lost when the gateway closes before it has read everything.
        assert connection.read_answer().status in {431, 400, 0}
        assert connection.is_closed()


def test_answer_goes_on_after_continue_and_pipelined_requests_are_answered_in_order(
    served: LiveGateway,
) -> None:
    with RawConnection(served) as connection:
        connection.send(request(served, BODY, headers=b"expect: 100-continue\r\n"))
        connection.send(request(served, CHUNKS, headers=CHUNKED, has_length=False))
        connection.send(request(served, b"", line=b"GET /v1/models/nobody HTTP/1.1"))
        data = connection.read_until(b"model_not_found")
    statuses = [part[:3] for part in data.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"100", b"200", b"200", b"404"]


def test_upgrade_that_is_not_supported_does_not_lose_the_body(served: LiveGateway) -> None:
    """Java's HTTP client asks for HTTP/2 like this with its first request."""
    headers = (
        b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
        b"http2-settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n"
    )
    with RawConnection(served) as connection:
        connection.send(request(served, BODY, headers=headers))
        assert connection.read_answer().status == 200


@pytest.mark.parametrize("has_length", [True, False], ids=["announced", "chunked"])
def test_body_of_100_megabytes_is_refused_before_it_is_there(
    served: LiveGateway, *, has_length: bool
) -> None:
    before = served.all_calls()
    with RawConnection(served) as connection:
        if has_length:
            connection.send(
                request(
                    served,
                    b"",
                    headers=b"content-length: %d\r\n" % (100 * MEGABYTE),
                    has_length=False,
                )
            )
        else:
            connection.send(request(served, b"", headers=CHUNKED, has_length=False))
            chunk = b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"
            sent = sum(connection.send(chunk) for _ in range(100))
            assert sent > 60
        answer = connection.read_answer()
        assert answer.status in ({413} if has_length else {413, 0})
        if answer.status:
            assert json.loads(answer.body)["error"]["code"] == "body_too_large"
            assert "connection: close" in answer.head
        assert connection.is_closed()
    assert served.all_calls() == before


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("path", [b"/login", b"/api/user/login", b"/admin/billing/price/import/"])
def test_pages_take_no_long_bodies_from_strangers(
    served: LiveGateway, path: bytes, *, has_length: bool
) -> None:
    line = b"POST %b HTTP/1.1" % path
    kind = b"content-type: multipart/form-data; boundary=b\r\naccept-language: zh\r\n"
    length = b"content-length: %d\r\n" % (100 * MEGABYTE) if has_length else CHUNKED
    with RawConnection(served) as connection:
        connection.send(request(served, b"", line=line, headers=kind + length, has_length=False))
        if not has_length:
            chunk = b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"
            assert sum(connection.send(chunk) for _ in range(100)) < 100 * len(chunk)
        answer = connection.read_answer()
        assert answer.status in ({413} if has_length else {413, 0})
        if answer.status:
            assert any(text in answer.body for text in ("请求内容".encode(), rb"\u8bf7\u6c42"))
        assert connection.is_closed()


def test_body_of_a_stranger_is_not_read(served: LiveGateway) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 104857600\r\n\r\n"
    with RawConnection(served) as connection:
        connection.send(head + b"x" * 1000)
        answer = connection.read_answer()
        assert answer.status == 401
        # Without this the gateway would have to swallow the rest of the 100 MB.
        assert "connection: close" in answer.head


def test_limit_of_the_body_is_an_option(served: LiveGateway) -> None:
    body = json.dumps({"model": MODEL, "messages": HELLO, "x": "y" * 2 * MEGABYTE}).encode()
    assert served.call("POST", "/v1/chat/completions", content=body).status_code == 200
    served.set_option("MaxBodyMegabytes", 1)
    try:
        assert served.call("POST", "/v1/chat/completions", content=body).status_code == 413
    finally:
        served.set_option("MaxBodyMegabytes", 64)


def test_client_that_leaves_in_its_request_leaves_no_trace(served: LiveGateway) -> None:
    before = served.all_calls()
    for data in (
        request(served, BODY, headers=b"content-length: 500\r\n", has_length=False),
        request(served, b"200\r\n" + BODY, headers=CHUNKED, has_length=False),
        b"POST /v1/chat/comp",
    ):
        with RawConnection(served) as connection:
            connection.send(data)
    assert served.chat(MODEL).status_code == 200
    assert served.all_calls() == before + 1


@pytest.mark.slow
def test_heads_that_never_end_are_closed_while_others_are_served(served: LiveGateway) -> None:
    """Ten seconds for a head, however it is dripped; a hundred such clients disturb nobody."""
    with ExitStack() as stack:
        slow = [stack.enter_context(RawConnection(served)) for _ in range(100)]
        for number, connection in enumerate(slow):
            connection.send((b"", b"POST /v1/ch", request(served, BODY)[:60])[number % 3])
        assert [served.chat(MODEL).status_code for _ in range(10)] == [200] * 10
        for connection in slow:
            assert connection.is_closed()

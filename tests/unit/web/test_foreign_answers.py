"""What a site that people sign in with may answer, and what of it is read."""

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chatapi.web.foreign.identity import MOST_BYTES, ForeignRefusal, ask

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
BODY = b"connection: close\r\n\r\n"
PIECE = b" " * 65536
MOST_SENT = 32 * 1024 * 1024
"""Ends a site without end, should everything be read."""
BUFFERED = 8 * 1024 * 1024
"""What the system may hold for both sides."""


@contextmanager
def site(answer: bytes, *, goes_on: bool = False) -> Iterator[tuple[str, list[int]]]:
    """Its address, and how many bytes it got rid of; says the same to everybody."""
    sent = [0]

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            pieces = [answer, *([PIECE] * (MOST_SENT // len(PIECE)) if goes_on else [])]
            try:
                for piece in pieces:
                    connection.sendall(piece)
                    sent[0] += len(piece)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", sent
        finally:
            thread.join()


@pytest.mark.parametrize("head", [HEAD + BODY, HEAD + b"x: "], ids=["body", "head"])
def test_an_answer_without_end_is_not_read_to_it(head: bytes) -> None:
    with site(head, goes_on=True) as (url, sent), pytest.raises(ForeignRefusal):
        ask(url)
    assert sent[0] < MOST_BYTES + BUFFERED


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b"\xff\xfe", b"7", gzip.compress(b"{}"), b'{"a": ' + b"9" * 5000 + b"}"],
    ids=["deep", "no UTF-8", "a number", "packed", "a long number"],
)
def test_an_answer_that_is_no_object_is_refused(body: bytes) -> None:
    answer = HEAD + b"content-encoding: gzip\r\n" + BODY + body
    with site(answer) as (url, _), pytest.raises(ForeignRefusal):
        ask(url)


def test_a_discovery_leads_to_no_metadata_of_a_cloud() -> None:
    for url in ("http://169.254.169.254/latest", "http://[fd00:ec2::254]/", "file:///etc/passwd"):
        with pytest.raises(ForeignRefusal):
            ask(url)

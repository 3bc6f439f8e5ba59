"""Clients that stop reading are dropped by the server; those that read slowly are not."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn

from relay import protocol
from relay.http import Receive, Scope, Send

PIECE = b"x" * 1024 * 1024
PIECES = 20
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Served:
    """A server whose answer is larger than all buffers on the way."""

    def __init__(self) -> None:
        self.port = 0
        self.ended = asyncio.Event()
        self.sent = 0

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(PIECES):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.sent += 1
        await send({"type": "http.response.body", "body": b""})
        self.ended.set()


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(protocol, "SEND_SECONDS", 0.6)
    monkeypatch.setattr(protocol, "LOOK_SECONDS", 0.1)
    found = Served()
    config = uvicorn.Config(
        found.answer,
        http=protocol.LimitedProtocol,
        interface="asgi3",
        lifespan="off",
        log_config=None,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    found.port = listener.getsockname()[1]
    task = asyncio.create_task(server._serve([listener]))
    yield found
    server.should_exit = server.force_exit = True
    await task


async def test_who_takes_nothing_is_dropped_with_all_that_waits(served: Served) -> None:
    with slow_client() as client:
        await ask(client, served.port)
        async with asyncio.timeout(10):
            await served.ended.wait()
    # What is sent to nobody goes nowhere, and nothing waits.
    assert served.sent == PIECES


async def test_who_reads_slowly_gets_all(served: Served) -> None:
    loop, size, last = asyncio.get_running_loop(), 0, b""
    with slow_client() as client:
        await ask(client, served.port)
        slow_until = loop.time() + 2
        while not last.endswith(b"0\r\n\r\n"):
            last = await loop.sock_recv(client, 256 * 1024)
            assert last, "cut off"
            size += len(last)
            if loop.time() < slow_until:
                await asyncio.sleep(0.05)
    assert size > PIECES * len(PIECE)


async def ask(client: socket.socket, port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, REQUEST)


def slow_client() -> socket.socket:
    """With a small buffer, so that what is not read is not taken."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.settimeout(0)
    return client

"""One HTTP/1.1 connection to a provider: sends a request, hands out the answer as it arrives.

Closing it ends the provider's work at once, also before the first byte of an answer: that is why
the relay has a connection of its own (docs/decisions).
"""

import asyncio
from typing import cast

import httptools

MOST_BUFFERED = 256 * 1024
"""A reader that is slower than the provider stops the provider here."""
MOST_HEAD_BYTES = 64 * 1024
MOST_INTERIM = 100


class ConnectionBroken(Exception):
    """The connection ended, or spoke nonsense, before the answer was whole.

    `was_silent` when not one byte of an answer had come. Just after the request this means a kept
    connection that the provider closed as we sent.
    """

    def __init__(self, reason: str, *, was_silent: bool) -> None:
        super().__init__(reason)
        self.was_silent = was_silent


class Connection(asyncio.Protocol):
    """Belongs to one event loop and serves one exchange at a time."""

    status: int
    headers: dict[bytes, bytes]
    is_complete: bool
    _has_head: bool
    _is_framed: bool
    _keeps_alive: bool
    _heard: int
    _head_bytes: int
    _interim: int

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._is_paused = False
        self._is_busy = False
        self._broken: tuple[str, bool] | None = None
        self.is_closed = False
        self.idle_since = 0.0
        self._begin()

    def send(self, data: bytes) -> None:
        """Start an exchange."""
        if self._transport is None or self.is_closed:
            raise ConnectionBroken("closed", was_silent=True)
        self._begin()
        self._is_busy = True
        self._transport.write(data)

    async def read_head(self) -> None:
        """Returns when status and headers are there; raises ConnectionBroken."""
        while not self._has_head:
            await self._wait()

    async def read(self) -> bytes:
        """All that has arrived since the last time, or b"" at the end; raises ConnectionBroken."""
        while not self._pieces:
            if self.is_complete:
                return b""
            await self._wait()
        pieces = self._pieces
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self._buffered = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return piece

    @property
    def may_be_reused(self) -> bool:
        """After an answer that was read to its end."""
        return self.is_complete and self._keeps_alive and not self.is_closed and not self._pieces

    def close(self) -> None:
        """At once, whatever is under way."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in everything but their base class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._is_busy or self.is_complete:
            # Bytes that nobody asked for: never let them become the next answer.
            self.close()
            return
        self._heard += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("the provider switched protocols")
        except httptools.HttpParserError:
            self._fail("the provider's answer is not HTTP")
        if not self._has_head and self._heard > MOST_HEAD_BYTES:
            self._fail("the head of the provider's answer is too large")
        if self._buffered > MOST_BUFFERED and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        if self._is_busy and not self.is_complete:
            if self._has_head and error is None and not self._is_framed:
                # An answer without length ends with its connection.
                self.is_complete = True
            else:
                self._fail("the connection to the provider broke")
        self._wake()

    # What the parser tells.

    def on_message_begin(self) -> None:
        if self.is_complete:
            msg = "a second answer that nobody asked for"
            raise ValueError(msg)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MOST_HEAD_BYTES:
            msg = "the head of the provider's answer is too large"
            raise ValueError(msg)
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._interim += 1
            if self._interim > MOST_INTERIM:
                msg = "the provider never comes to its answer"
                raise ValueError(msg)
            return
        self.status = status
        self._is_framed = b"content-length" in self.headers or b"transfer-encoding" in self.headers
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        if not self._has_head:
            self.headers = {}
            return
        self._keeps_alive = self._parser.should_keep_alive()
        self.is_complete = True

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers = {}
        self.is_complete = False
        self._has_head = False
        self._is_framed = True
        self._keeps_alive = False
        self._heard = 0
        self._head_bytes = 0
        self._interim = 0

    async def _wait(self) -> None:
        if self._broken is not None:
            # A new one each time: kept, it would hold by its traceback whoever waited, and be held.
            raise ConnectionBroken(self._broken[0], was_silent=self._broken[1])
        if self.is_closed:
            raise ConnectionBroken("closed", was_silent=not self._heard)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, reason: str) -> None:
        if self._broken is None:
            self._broken = reason, not self._heard
        self.close()

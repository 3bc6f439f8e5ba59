"""uvicorn's HTTP protocol with the limits that it lacks: time and size of the request's head, time
of clients that take nothing of their answer.
"""

import asyncio
import fcntl
import struct
import termios
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from relay.http import HANGUP_KEY, SEND_SECONDS, drop
from relay.realtime.protocol import LimitedWebSocket

HEAD_SECONDS = 10.0
BODY_SECONDS = 65.0
"""A little more than the relay allows a body: it answers with 408, this only closes."""
MOST_HEAD_BYTES = 64 * 1024
LOOK_SECONDS = 5.0
INT = struct.Struct("i")
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class LimitedProtocol(HttpToolsProtocol):
    """Closes connections whose request takes too long to arrive, or whose head grows too large,
    and drops those whose client has stopped reading: uvicorn waits for it for ever.

    Tells the call of a lost connection by `on_hangup`: a task that waits for the same news through
    ASGI's `receive` costs each call 15 us.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = False
        self._in_body = False
        self._is_odd_upgrade = False
        self._plain_left: int | None = None
        self._reader_timer: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._taken_at = 0.0
        self.on_hangup: Callable[[], None] | None = None
        self.ws_protocol_class = LimitedWebSocket

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None
        super().connection_lost(exc)
        if self.on_hangup is not None:
            self.on_hangup()

    def data_received(self, data: bytes) -> None:
        if self._plain_left is not None:
            self._feed_plainly(data)
            return
        super().data_received(data)
        if self._is_odd_upgrade:
            self._is_odd_upgrade = False
            self._begin_plain_body(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
                self.transport.write(TOO_LARGE)
                self.transport.close()
        elif self._in_body and self._timer is None:
            # Most bodies come in one piece with their head and never get here.
            self._start_timer(BODY_SECONDS)

    def handle_websocket_upgrade(self) -> None:
        # The websocket's protocol takes the connection over: our timers must not end it.
        self._stop_timer()
        self._in_head = self._in_body = False
        super().handle_websocket_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        # The parser stops behind the head of a request that asks for another protocol (Java's
        # client asks for HTTP/2 so): we answer in HTTP/1.1, and its body is ours to read.
        self._is_odd_upgrade = True

    def _begin_plain_body(self, data: bytes) -> None:
        length = dict(self.headers).get(b"content-length", b"0")
        if b"transfer-encoding" in dict(self.headers) or not length.isdigit() or len(length) > 15:
            self.transport.close()
            return
        self.cycle.keep_alive = False
        self._plain_left = int(length)
        self._feed_plainly(data[data.find(b"\r\n\r\n") + 4 :])

    def _feed_plainly(self, data: bytes) -> None:
        taken = data[: self._plain_left]
        self._plain_left = (self._plain_left or 0) - len(taken)
        if taken:
            self.on_body(taken)
        if not self._plain_left:
            self.on_message_complete()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[HANGUP_KEY] = self  # type: ignore[literal-required]
        self._in_head = True
        self._head_bytes = 0
        if self._timer is None:
            self._start_timer(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_body = True
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._stop_timer()
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._taken_at = self.loop.time()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():
            # Closing waits until the last answer is taken.
            self._watch_reader()

    def _watch_reader(self) -> None:
        """While the client takes less than there is, or the connection is closing: short pauses
        need no timer each.
        """
        if self._reader_timer is None:
            self._unsent, self._taken_at = self._count_unsent(), self.loop.time()
            self._reader_timer = self.loop.call_later(LOOK_SECONDS, self._look_at_reader)

    def _look_at_reader(self) -> None:
        self._reader_timer = None
        if not (self.flow.write_paused or self.transport.is_closing()):
            return
        now, left = self.loop.time(), self._count_unsent()
        if left < self._unsent:
            self._taken_at = now
        self._unsent = left
        if now - self._taken_at >= SEND_SECONDS:
            drop(self.transport)
            return
        self._reader_timer = self.loop.call_later(LOOK_SECONDS, self._look_at_reader)

    def _count_unsent(self) -> int:
        """Bytes that the client has not acknowledged: its slow reading shows in the kernel's buffer
        long before it does in ours (tcp(7), SIOCOUTQ).
        """
        found = self.transport.get_extra_info("socket")
        try:
            (queued,) = INT.unpack(fcntl.ioctl(found.fileno(), termios.TIOCOUTQ, bytes(INT.size)))
        except (OSError, ValueError):
            # It is closed already.
            queued = 0
        return self.transport.get_write_buffer_size() + int(queued)

    def _start_timer(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._close_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()

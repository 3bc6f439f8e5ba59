"""Speaks HTTP byte by byte, as no library would."""

import select
import socket
from dataclasses import dataclass
from typing import Self

from tests.relay.live_gateway import LiveGateway

PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class RawAnswer:
    """What came back; status 0 when nothing did."""

    data: bytes

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1]) if self.data.startswith(b"HTTP/1.1 ") else 0

    @property
    def head(self) -> str:
        return self.data.partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


class RawConnection:
    """One connection to the gateway."""

    def __init__(self, live: LiveGateway, receive_buffer: int = 0) -> None:
        self._socket = socket.socket()
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(PATIENCE_SECONDS)
        self._socket.connect(("127.0.0.1", live.gateway.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """False when the gateway takes no more."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def read_answer(self) -> RawAnswer:
        """One answer with a known length; what came, when the gateway closes before its end."""
        data = self.read_until(b"\r\n\r\n")
        answer = RawAnswer(data)
        length = answer.head.partition("content-length: ")[2].partition("\r\n")[0]
        missing = int(length or 0) - len(answer.body)
        while missing > 0 and (piece := self._receive()):
            data += piece
            missing -= len(piece)
        return RawAnswer(data)

    def read_until(self, mark: bytes) -> bytes:
        data = b""
        while mark not in data and (piece := self._receive()):
            data += piece
        return data

    def is_closed(self) -> bool:
        """Whether the gateway closes the connection; waits for it."""
        while self._receive():
            pass
        return True

    def is_cut(self) -> bool:
        """Whether the gateway has reset the connection; reads nothing."""
        poll = select.poll()
        poll.register(self._socket, 0)
        return any(events & select.POLLERR for _, events in poll.poll(0))

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except ConnectionError:
            return b""


def request(
    live: LiveGateway,
    body: bytes,
    *,
    line: bytes = b"POST /v1/chat/completions HTTP/1.1",
    headers: bytes = b"",
    host: bytes = b"host: gateway\r\n",
    has_length: bool = True,
    key: str = "",
) -> bytes:
    """A request with the standing key or another, and whatever is wrong with it."""
    bearer = b"authorization: Bearer %b\r\n" % (key or live.key).encode()
    length = b"content-length: %d\r\n" % len(body) if has_length else b""
    return line + b"\r\n" + host + bearer + headers + length + b"\r\n" + body

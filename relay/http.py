"""One HTTP exchange with a client: read its body within limits, answer, stream, notice when it
hangs up.
"""

import asyncio
import contextlib
import socket
import struct
import time
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import zstandard

from chatapi.lib.ids import make_request_id
from chatapi.lib.net import Network, client_address
from relay import errors
from relay.error_forms import write_error, write_stream_error
from relay.errors import CallRefused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_SECONDS = 60.0
SEND_SECONDS = 60.0
"""A client that takes nothing for so long has left."""
HANGUP_KEY = "chatapi.connection"
"""In the scope: the connection, whose `on_hangup` is called when it is lost."""
MEGABYTE = 1024 * 1024
SMALL_BODY = 64 * 1024
"""Compressed bodies up to this are unpacked on the event loop."""
CORS = (b"access-control-allow-origin", b"*")
JSON_TYPE = (b"content-type", b"application/json")


class ClientLeft(Exception):
    """The client hung up before its request was whole."""


class ClientExchange:
    """A request and its answer. At most one of `answer` or `start_stream` is called, once.

    Pages of any site may read it, and send no cookie with it: a key is what lets one in.
    """

    shared: tuple[tuple[bytes, bytes], ...] = (CORS,)
    __slots__ = (
        "_is_read",
        "_listener",
        "_receive",
        "_send",
        "dialect",
        "has_content",
        "headers",
        "is_ended",
        "is_gone",
        "is_started",
        "on_gone",
        "request_id",
        "scope",
        "sent_at",
        "stream_form",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self.request_id = make_request_id()
        self.dialect = "openai"
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.is_started = self.has_content = self.is_ended = False
        self.sent_at = 0.0
        self.stream_form = ""
        self._is_read = False
        self.on_gone: Callable[[], None] | None = None
        self.is_gone = False
        self._listener: asyncio.Task[None] | None = None

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    def headers_to_pass(self, names: tuple[bytes, ...]) -> tuple[tuple[str, str], ...]:
        """Those of these headers that are there and harmless, for a provider."""
        found = ((name.decode(), self.header(name)) for name in names)
        return tuple(
            (name, value)
            for name, value in found
            if value and value.isascii() and value.isprintable() and len(value) <= 1000
        )

    def query(self, name: str) -> str:
        """A parameter of the address; '' where it is not there."""
        raw = self.scope.get("query_string") or b""
        return dict(parse_qsl(raw.decode("latin-1"))).get(name, "") if raw else ""

    def address(self, trusted: tuple[Network, ...]) -> str:
        """The client's address, through trusted proxies."""
        client = self.scope.get("client")
        peer = client[0] if client else ""
        if not trusted:
            return peer
        forwarded = [
            value.decode("latin-1")
            for name, value in self.scope["headers"]
            if name == b"x-forwarded-for"
        ]
        return client_address(peer, forwarded, self.header(b"x-real-ip"), trusted)

    async def read_body(self, limit: int) -> bytes:
        """The decoded body; raises CallRefused (413, 408, 415, 400) or ClientLeft."""
        self._check_length(limit)
        body = await self._read_raw(limit)
        encoding = self.headers.get(b"content-encoding", b"identity").strip().lower()
        self._is_read = True
        if encoding in {b"identity", b""}:
            return body
        if len(body) > SMALL_BODY:
            return await asyncio.to_thread(decompress, body, encoding, limit)
        return decompress(body, encoding, limit)

    async def read_into(self, feed: Callable[[bytes], None], limit: int) -> None:
        """Hands the body over piece by piece, so that it need not be in memory; a compressed one
        in one piece. Raises as read_body does.
        """
        if self.headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            feed(await self.read_body(limit))
            return
        self._check_length(limit)
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while not self._is_read:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise ClientLeft
                    size += len(message.get("body", b""))
                    if size > limit:
                        raise errors.body_too_large(limit // MEGABYTE)
                    feed(message.get("body", b""))
                    self._is_read = not message.get("more_body")
        except TimeoutError as error:
            raise errors.body_too_slow() from error

    def _check_length(self, limit: int) -> None:
        length = self.headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 15 or int(length) > limit:
            raise errors.body_too_large(limit // MEGABYTE)

    async def _read_raw(self, limit: int) -> bytes:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await self._receive()
                if message["type"] == "http.request" and not message.get("more_body"):
                    body: bytes = message.get("body", b"")
                    return body
                return await self._read_rest(message, limit)
        except TimeoutError as error:
            raise errors.body_too_slow() from error

    async def _read_rest(self, message: MutableMapping[str, Any], limit: int) -> bytes:
        parts = bytearray()
        while True:
            if message["type"] == "http.disconnect":
                raise ClientLeft
            parts += message.get("body", b"")
            if len(parts) > limit:
                raise errors.body_too_large(limit // MEGABYTE)
            if not message.get("more_body"):
                return bytes(parts)
            message = await self._receive()

    def watch_for_hangup(self) -> None:
        """From now on `is_gone` tells, and `on_gone` is called once, when the client hangs up."""
        connection = self.scope.get(HANGUP_KEY)
        if connection is None:
            self._listener = asyncio.get_running_loop().create_task(self._listen())
        else:
            connection.on_hangup = self._hang_up
            if connection.transport.is_closing():
                self._hang_up()

    async def _listen(self) -> None:
        """Where the server is not ours: by ASGI's own means."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._hang_up()

    def _hang_up(self) -> None:
        self.is_gone = True
        if self.on_gone is not None:
            self.on_gone()

    def stop_watching(self) -> None:
        connection = self.scope.get(HANGUP_KEY)
        if connection is not None:
            connection.on_hangup = None
        if self._listener is not None:
            self._listener.cancel()
            self._listener = None

    async def answer(
        self, status: int, body: bytes, extra: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)
    ) -> None:
        """A whole answer."""
        self.is_started = self.has_content = True
        length = (b"content-length", str(len(body)).encode())
        await self._start(status, (length, *extra))
        await self._send({"type": "http.response.body", "body": body})

    async def refuse(self, error: CallRefused) -> None:
        """An error answer in the client's dialect."""
        language = self.header(b"accept-language")
        body = write_error(self.dialect, error, self.request_id, language)
        extra: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)
        if error.retry_after is not None:
            extra += ((b"retry-after", str(error.retry_after).encode()),)
        if not self._is_read and self.scope["method"] == "POST":
            # Nobody reads the rest of the body: the connection can't be used again.
            extra += ((b"connection", b"close"),)
        await self.answer(error.status, body, extra)

    async def start_stream(self, extra: tuple[tuple[bytes, bytes], ...]) -> None:
        """From now on the answer is this one; its headers may have gone before a comment."""
        self.has_content = True
        if not self.is_started:
            self.is_started = True
            await self._start(200, extra)

    async def send_comment(self, extra: tuple[tuple[bytes, bytes], ...], comment: bytes) -> None:
        """Into a stream whose content may still come from anywhere."""
        if not self.is_started:
            self.is_started = True
            await self._start(200, extra)
        await self.send(comment)

    async def refuse_in_stream(self, error: CallRefused) -> None:
        """An error in a stream that had nothing but comments so far."""
        language = self.header(b"accept-language")
        await self.send(write_stream_error(self.stream_form, error, self.request_id, language))
        await self.end()

    async def send(self, piece: bytes) -> None:
        """A piece of a stream; returns when the client's buffers took it."""
        self.sent_at = time.monotonic()
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        self.is_ended = True
        await self._send({"type": "http.response.body", "body": b""})

    def abort(self) -> None:
        """Ends the connection at once, with all that its client has not taken."""
        connection = self.scope.get(HANGUP_KEY)
        if connection is not None:
            drop(connection.transport)

    async def break_off(self) -> None:
        """Closes the connection in the middle of an answer that can't tell of its failure."""
        connection = self.scope.get(HANGUP_KEY)
        if connection is not None:
            connection.transport.close()
            # The loop tells the server of it, which then expects nothing more of us.
            await asyncio.sleep(0)

    async def _start(self, status: int, extra: tuple[tuple[bytes, bytes], ...]) -> None:
        headers = [*extra, *self.shared, (b"x-oneapi-request-id", self.request_id.encode())]
        if self.dialect == "anthropic":
            headers.append((b"request-id", self.request_id.encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


def drop(transport: asyncio.Transport) -> None:
    """Closes a connection at once. Without SO_LINGER the kernel would go on offering what it holds
    to a client that takes nothing (socket(7)).
    """
    with contextlib.suppress(OSError):
        found = transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def decompress(body: bytes, encoding: bytes, limit: int) -> bytes:
    """The decoded body, never more than `limit` bytes; raises CallRefused."""
    try:
        if encoding in {b"gzip", b"x-gzip"}:
            decoder = zlib.decompressobj(wbits=31)
            data = decoder.decompress(body, limit + 1)
            is_whole = decoder.eof and not decoder.unused_data
        elif encoding == b"zstd":
            data, is_whole = _unpack_zstd(body, limit)
        else:
            raise errors.unsupported_encoding()
    except (zlib.error, zstandard.ZstdError) as error:
        raise errors.bad_request(BAD_ENCODING, "invalid_encoding") from error
    if len(data) > limit:
        raise errors.body_too_large(limit // MEGABYTE)
    if not is_whole:
        raise errors.bad_request(BAD_ENCODING, "invalid_encoding")
    return data


BAD_ENCODING = "The compressed request body is damaged"


def _unpack_zstd(body: bytes, limit: int) -> tuple[bytes, bool]:
    """In small steps, because one kilobyte may stand for 32 megabytes."""
    decoder = zstandard.ZstdDecompressor(max_window_size=8 * MEGABYTE).decompressobj()
    data = bytearray()
    for start in range(0, len(body), 1024):
        if decoder.eof or len(data) > limit:
            break
        data += decoder.decompress(body[start : start + 1024])
    return bytes(data), decoder.eof and not decoder.unused_data

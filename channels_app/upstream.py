"""The only module that opens a connection to a provider: kept connections for each way there."""

import asyncio
import re
import ssl
import time
from collections import defaultdict
from functools import cache, lru_cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

import certifi
import msgspec

from channels_app.connection import Connection, ConnectionBroken
from channels_app.failures import Cause, UpstreamFailure
from channels_app.tunnels import (
    Handshake,
    TunnelRefused,
    open_connect,
    open_socks,
    proxy_authorization,
)
from channels_app.upstream_request import UpstreamRequest

IDLE_SECONDS = 30.0
"""Shorter than providers keep idle connections, so that they rarely close one as we send."""
MOST_IDLE = 512
SWEEP_SECONDS = 10.0
RESEND_SECONDS = 1.0
"""What a provider closes later than this after a request, it may have worked at."""
UNSAFE = re.compile(r"[^\x20-\x7e\t]")


class Line(msgspec.Struct, frozen=True):
    """How to get to a provider."""

    proxy_url: str
    connect_seconds: int


class Target(msgspec.Struct, frozen=True):
    """Connections to the same target through the same proxy are interchangeable."""

    is_tls: bool
    host: str
    port: int
    proxy_url: str


class TooLarge(Exception):
    """The body is larger than the limit; the argument is its beginning."""


class Exchange:
    """One request and its answer. Leaving the `async with` early closes the connection at once."""

    __slots__ = ("_connection", "_connects_in", "_data", "_target", "_upstream", "status")

    def __init__(self, upstream: "Upstream", target: Target, data: bytes, connects_in: int) -> None:
        self._upstream = upstream
        self._target = target
        self._data = data
        self._connects_in = connects_in
        self.status = 0

    async def __aenter__(self) -> Self:
        """Sends the request; returns with the head of the answer. Raises UpstreamFailure."""
        connection = self._upstream.take_idle(self._target)
        if connection is not None:
            sent_at = time.monotonic()
            try:
                await self._send(connection)
            except ConnectionBroken as error:
                # The provider closed the kept connection as we sent: nothing was processed.
                if not error.was_silent or time.monotonic() - sent_at > RESEND_SECONDS:
                    raise broken() from error
            else:
                return self
        connection = await self._upstream.connect(self._target, self._connects_in)
        try:
            await self._send(connection)
        except ConnectionBroken as error:
            raise broken() from error
        return self

    async def _send(self, connection: Connection) -> None:
        self._connection = connection
        try:
            connection.send(self._data)
            await connection.read_head()
        except BaseException:
            connection.close()
            raise
        self.status = connection.status

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection.may_be_reused:
            self._upstream.keep(self._target, self._connection)
        else:
            self._connection.close()

    def header(self, name: str) -> str | None:
        value = self._connection.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    async def read(self) -> bytes:
        """What has arrived, or b"" at the end; raises UpstreamFailure."""
        try:
            return await self._connection.read()
        except ConnectionBroken as error:
            raise broken() from error

    async def read_all(self, limit: int) -> bytes:
        """The whole body; raises TooLarge beyond `limit` bytes, UpstreamFailure when it breaks."""
        first = await self.read()
        if self._connection.is_complete and len(first) <= limit and not await self.read():
            return first
        parts = bytearray(first)
        while len(parts) <= limit:
            piece = await self.read()
            if not piece:
                return bytes(parts)
            parts += piece
        raise TooLarge(bytes(parts[:limit]))


class Upstream:
    """Idle connections by target; made on one event loop and closed with it."""

    def __init__(self) -> None:
        self._idle: defaultdict[Target, list[Connection]] = defaultdict(list)
        self._sweeper: asyncio.TimerHandle | None = None

    def exchange(self, request: UpstreamRequest, line: Line) -> Exchange:
        """Prepare a request; nothing is sent before the `async with`. Raises UpstreamFailure."""
        try:
            target, head = prepare(request.method, request.url, request.headers, line.proxy_url)
        except ValueError as error:
            msg = "the channel's address or headers can't be used"
            raise UpstreamFailure(Cause.NETWORK, msg, code="bad_address") from error
        data = b"%b%d\r\n\r\n%b" % (head, len(request.body), request.body)
        return Exchange(self, target, data, line.connect_seconds)

    def take_idle(self, target: Target) -> Connection | None:
        """The kept connection that was used last."""
        idle = self._idle.get(target)
        while idle:
            connection = idle.pop()
            if not connection.is_closed and time.monotonic() - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def keep(self, target: Target, connection: Connection) -> None:
        idle = self._idle[target]
        if len(idle) >= MOST_IDLE:
            connection.close()
            return
        connection.idle_since = time.monotonic()
        idle.append(connection)
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)

    async def connect(self, target: Target, seconds: int) -> Connection:
        """A fresh connection; raises UpstreamFailure."""
        try:
            async with asyncio.timeout(seconds):
                return await open_connection(target)
        except TimeoutError as error:
            msg = "no connection to the provider in time"
            raise UpstreamFailure(Cause.TIMEOUT, msg, code="connect_timeout") from error
        except ssl.SSLError as error:
            msg = "the provider's certificate or TLS is not acceptable"
            raise UpstreamFailure(Cause.NETWORK, msg, code="upstream_tls_error") from error
        except (OSError, UnicodeError, TunnelRefused) as error:
            msg = "no connection to the provider"
            raise UpstreamFailure(Cause.NETWORK, msg, code="connect_failed") from error

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()
        # Lets the transports end before their loop does.
        await asyncio.sleep(0)

    def _sweep(self) -> None:
        self._sweeper = None
        oldest = time.monotonic() - IDLE_SECONDS
        for target, connections in list(self._idle.items()):
            for connection in connections:
                if connection.idle_since < oldest:
                    connection.close()
            self._idle[target] = [found for found in connections if not found.is_closed]
            if not self._idle[target]:
                del self._idle[target]
        if self._idle:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)


@lru_cache(maxsize=4096)
def prepare(
    method: str, url: str, headers: tuple[tuple[str, str], ...], proxy_url: str
) -> tuple[Target, bytes]:
    """Where to connect, and the request's head up to the number of the body's bytes.

    Raises ValueError.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an http address")
    is_tls = parts.scheme == "https"
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    port = parts.port or (443 if is_tls else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name = f"[{host}]" if ":" in host else host
    name += f":{parts.port}" if parts.port else ""
    proxy = urlsplit(proxy_url)
    is_forwarded = proxy.scheme in {"http", "https"} and not is_tls
    lines = [
        f"{method} {f'http://{name}{path}' if is_forwarded else path} HTTP/1.1",
        f"host: {name}",
        *(f"{field}: {value}" for field, value in headers),
    ]
    if any(UNSAFE.search(line) for line in lines) or any(" " in field for field, _ in headers):
        raise ValueError("a header or the address has characters that can't be sent")
    head = "\r\n".join(lines) + "\r\n"
    if is_forwarded:
        head += proxy_authorization(proxy)
    return Target(is_tls, host, port, proxy_url), f"{head}content-length: ".encode()


async def open_connection(target: Target) -> Connection:
    loop = asyncio.get_running_loop()
    connection = Connection(loop)
    context = tls_context() if target.is_tls else None
    if not target.proxy_url:
        name = target.host if context else None
        await loop.create_connection(
            lambda: connection, target.host, target.port, ssl=context, server_hostname=name
        )
        return connection
    await _open_through(target, connection, context)
    return connection


async def _open_through(
    target: Target, connection: Connection, context: ssl.SSLContext | None
) -> None:
    """By way of a proxy; plain requests over an HTTP proxy need no tunnel."""
    loop = asyncio.get_running_loop()
    proxy: SplitResult = urlsplit(target.proxy_url)
    is_socks = proxy.scheme.startswith("socks5")
    port = proxy.port or {"http": 80, "https": 443}.get(proxy.scheme, 1080)
    outer = tls_context() if proxy.scheme == "https" else None
    made: Any = await loop.create_connection(
        lambda: Handshake(loop), proxy.hostname or "", port, ssl=outer
    )
    transport, handshake = made
    try:
        if is_socks:
            await open_socks(handshake, transport, proxy, target.host, target.port)
        elif context is not None:
            await open_connect(handshake, transport, proxy, target.host, target.port)
        if context is None:
            transport.set_protocol(connection)
            connection.connection_made(transport)
            return
        inner = await loop.start_tls(transport, connection, context, server_hostname=target.host)
    except BaseException:
        transport.abort()
        raise
    if inner is None:
        raise TunnelRefused
    connection.connection_made(inner)


@cache
def tls_context() -> ssl.SSLContext:
    """The system's and certifi's authorities; SSL_CERT_FILE adds an operator's own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def broken() -> UpstreamFailure:
    msg = "the connection to the provider broke"
    return UpstreamFailure(Cause.NETWORK, msg, code="connection_broken")

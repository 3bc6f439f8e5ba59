"""A client for addresses that were checked before, straight or by way of the option OutProxyUrl.

The tunnel is opened here, to the checked address: httpx's own proxies would ask for a certificate
of that address in place of its name, and a proxy that gets a name looks it up once more.
"""

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore
import httpx

from channels_app.tunnels import Handshake, TunnelRefused, open_connect, open_socks
from channels_app.upstream import tls_context

PORTS = {"http": 80, "https": 443}
SOCKS_PORT = 1080


def open_client(seconds: float, proxy_url: str = "") -> httpx.AsyncClient:
    """It follows no redirects and knows no proxies but this one."""
    context = tls_context()
    transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
    if proxy_url:
        # httpx has no other place for a way to connect.
        transport._pool = httpcore.AsyncConnectionPool(  # noqa: SLF001
            ssl_context=context, network_backend=ByProxy(urlsplit(proxy_url))
        )
    return httpx.AsyncClient(
        transport=transport, trust_env=False, follow_redirects=False, timeout=seconds
    )


class ByProxy(httpcore.AsyncNetworkBackend):
    """Connections through CONNECT or SOCKS5."""

    def __init__(self, proxy: SplitResult) -> None:
        self._proxy = proxy
        self._direct = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        proxy = self._proxy
        name, place = proxy.hostname or "", proxy.port or PORTS.get(proxy.scheme, SOCKS_PORT)
        stream = await self._direct.connect_tcp(name, place, timeout, local_address, socket_options)
        try:
            if proxy.scheme == "https":
                stream = await stream.start_tls(tls_context(), name, timeout)
            talk: Any = StreamHandshake(stream, timeout)
            enter = open_socks if proxy.scheme.startswith("socks5") else open_connect
            await enter(talk, talk, proxy, host, port)
        except TunnelRefused as error:
            await stream.aclose()
            raise httpcore.ConnectError("the proxy does not let us through") from error
        except BaseException:
            await stream.aclose()
            raise
        return stream


class StreamHandshake(Handshake):
    """With a stream; what is written waits for the next read."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, timeout: float | None) -> None:
        super().__init__(asyncio.get_running_loop())
        self._stream, self._timeout = stream, timeout
        self._sent = b""

    def write(self, data: bytes) -> None:
        self._sent += data

    async def _wait(self) -> None:
        sent, self._sent = self._sent, b""
        if sent:
            await self._stream.write(sent, self._timeout)
        piece = await self._stream.read(4096, self._timeout)
        if not piece:
            raise TunnelRefused
        self.data_received(piece)

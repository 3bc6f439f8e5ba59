"""Proxies on the way to a provider: asked rightly, and believed only when they agree."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import httpx
import pytest

from channels_app.failures import UpstreamFailure
from channels_app.fetcher import fetch_pinned
from channels_app.upstream import Line, Upstream
from channels_app.upstream_request import UpstreamRequest

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def proxy(serve: Serve) -> AsyncIterator[str]:
    """host:port of a proxy that serves each connection so, and closes it."""

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async with await asyncio.start_server(serve_and_close, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


async def ask(url: str, proxy_url: str) -> bytes:
    upstream = Upstream()
    request = UpstreamRequest("POST", url, (("x-a", "b"),), b"{}")
    try:
        async with (
            asyncio.timeout(10),
            upstream.exchange(request, Line(proxy_url, 2)) as answer,
        ):
            return await answer.read_all(1000)
    finally:
        await upstream.close()


async def test_http_proxy_gets_the_whole_address_and_its_own_password() -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n{}"))
        writer.write(ANSWER)

    async with proxy(serve) as address:
        asked = "http://provider.invalid:8080/v1/x?a=b"
        assert await ask(asked, f"http://us%40er:p%3Aw@{address}") == b"ok"
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == f"POST {asked} HTTP/1.1"
    assert {"host: provider.invalid:8080", "x-a: b", "content-length: 2"} <= set(lines)
    assert "proxy-authorization: Basic dXNAZXI6cDp3" in lines


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200" + b" " * 40_000,
        b"",
    ],
)
async def test_connect_proxy_that_refuses_is_a_failure_without_its_address(reply: bytes) -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply)

    async with proxy(serve) as address:
        with pytest.raises(UpstreamFailure) as failure:
            await ask("https://provider.invalid/v1", f"http://user:pw@{address}")
    assert failure.value.may_retry
    assert not [part for part in (address, "pw", "invalid") if part in failure.value.message]
    head = seen[0].decode()
    assert head.startswith("CONNECT provider.invalid:443 HTTP/1.1\r\n")
    assert "x-a" not in head


def socks(method: int, status: int = 0, seen: list[bytes] | None = None) -> Serve:
    """A SOCKS5 proxy that answers the request itself."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count = (await reader.readexactly(2))[1]
        offered = await reader.readexactly(count)
        writer.write(bytes((5, method)))
        if method == 2 and 2 in offered:
            user = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            writer.write(b"\x01\x00" if (user, password) == (b"u@", b"p:w") else b"\x01\x01")
        _, _, _, kind = await reader.readexactly(4)
        length = (await reader.readexactly(1))[0] if kind == 3 else {1: 4, 4: 16}[kind]
        target = await reader.readexactly(length + 2)
        if seen is not None:
            seen.append(target)
        writer.write(bytes((5, status, 0, 1)) + bytes(6))
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(ANSWER)

    return serve


@pytest.mark.parametrize(
    ("scheme", "login", "method"),
    [("socks5", "", 0), ("socks5h", "", 0), ("socks5", "u%40:p%3Aw@", 2), ("socks5", "u:p@", 0)],
)
async def test_socks_proxy_resolves_the_name_and_lets_us_in(
    scheme: str, login: str, method: int
) -> None:
    seen: list[bytes] = []
    async with proxy(socks(method, seen=seen)) as address:
        assert await ask("http://provider.invalid/v1", f"{scheme}://{login}{address}") == b"ok"
        assert await ask("http://10.1.2.3:81/v1", f"{scheme}://{login}{address}") == b"ok"
    assert seen == [b"provider.invalid\x00\x50", b"\x0a\x01\x02\x03\x00\x51"]


@pytest.mark.parametrize(
    ("login", "method", "status"), [("", 255, 0), ("u:wrong@", 2, 0), ("", 0, 5), ("", 0, 1)]
)
async def test_socks_proxy_that_refuses_is_a_failure(login: str, method: int, status: int) -> None:
    async with proxy(socks(method, status)) as address:
        with pytest.raises(UpstreamFailure):
            await ask("http://provider.invalid/v1", f"socks5://{login}{address}")


async def test_silent_proxy_does_not_hold_us_for_ever() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with proxy(serve) as address:
        for url in ("http://provider.invalid/v1", "https://provider.invalid/v1"):
            with pytest.raises(UpstreamFailure) as failure:
                await ask(url, f"socks5://{address}")
            assert failure.value.code == "connect_timeout"


# --- What users point at, by way of a proxy ---

CHECKED = "93.184.215.14"
PICTURE = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 3\r\n\r\nPNG"


async def fetch(proxy_url: str) -> tuple[str, str]:
    return await fetch_pinned("http://pictures.invalid/a?b=c", CHECKED, 1000, proxy_url)


async def test_a_picture_comes_through_connect_from_the_checked_address() -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(PICTURE)

    async with proxy(serve) as address:
        assert await fetch(f"http://user:pw@{address}") == ("image/png", "UE5H")
    tunnel, asked = (head.decode().split("\r\n") for head in seen)
    assert tunnel[0] == f"CONNECT {CHECKED}:80 HTTP/1.1"
    assert "proxy-authorization: Basic dXNlcjpwdw==" in tunnel
    assert asked[0] == "GET /a?b=c HTTP/1.1"
    assert "host: pictures.invalid" in asked
    assert not any(line.startswith("proxy-") for line in asked)


async def test_a_picture_comes_through_socks_from_the_checked_address() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(3) == b"\x05\x01\x00"
        writer.write(b"\x05\x00")
        wanted = b"\x05\x01\x00\x01" + ip_address(CHECKED).packed + b"\x00\x50"
        assert await reader.readexactly(10) == wanted
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(PICTURE)

    async with proxy(serve) as address:
        assert await fetch(f"socks5://{address}") == ("image/png", "UE5H")


@pytest.mark.parametrize("reply", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b""])
async def test_a_proxy_that_refuses_is_no_way_around_it(reply: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)

    async with proxy(serve) as address:
        with pytest.raises(httpx.ConnectError):
            await fetch(f"http://{address}")

"""Fetches what users point at: pictures and documents by URL. The guard against misuse is
`chatapi.lib.public_address`: the name is resolved once, every address must be a public one, and the
connection goes to the address that was checked, also by way of a proxy. No redirects, bounded in
size and time.
"""

import asyncio
import base64
import socket
from urllib.parse import urlsplit

import httpx

from channels_app.outward import open_client
from chatapi.lib.public_address import AddressRefused, pick_public, pin

MOST_BYTES = 20 * 1024 * 1024
SECONDS = 20.0


class FetchRefused(ValueError):
    """What the URL names can't be fetched, or may not be; the text is fit for clients."""


class Room:
    """So many bytes may be fetched in all, by whoever shares it."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise FetchRefused("all together is too large")


async def fetch_media(url: str, proxy_url: str = "", room: Room | None = None) -> tuple[str, str]:
    """(media type, base64 data); raises FetchRefused."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError as error:
        raise FetchRefused("the address can't be read") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise FetchRefused("not an http address")
    try:
        async with asyncio.timeout(SECONDS):
            address = await resolve_public(parts.hostname, port)
            return await fetch_pinned(url, address, MOST_BYTES, proxy_url, room)
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise FetchRefused("the address did not answer") from error


async def resolve_public(host: str, port: int) -> str:
    """An address of this name; raises FetchRefused unless all of them are public."""
    loop = asyncio.get_running_loop()
    try:
        return pick_public(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        raise FetchRefused("the name is not known") from error
    except AddressRefused as refused:
        raise FetchRefused(str(refused)) from refused


async def fetch_pinned(
    url: str, address: str, most_bytes: int, proxy_url: str = "", room: Room | None = None
) -> tuple[str, str]:
    """As fetch_media, from an address that was checked before."""
    pinned, name = pin(url, address)
    async with (
        open_client(SECONDS, proxy_url) as client,
        client.stream(
            "GET",
            pinned,
            headers={"host": name, "user-agent": "chat-api", "accept-encoding": "identity"},
            extensions={"sni_hostname": urlsplit(url).hostname or ""},
        ) as answer,
    ):
        if answer.status_code != 200:
            raise FetchRefused(f"the address answered with status {answer.status_code}")
        data = bytearray()
        async for piece in answer.aiter_raw():
            data += piece
            if room is not None:
                room.take(len(piece))
            if len(data) > most_bytes:
                raise FetchRefused("what the address holds is too large")
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind or "application/octet-stream", base64.b64encode(data).decode()

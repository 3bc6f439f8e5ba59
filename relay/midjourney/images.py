"""Hands out the pictures of tasks at addresses that only we can make, so that their providers stay
unknown. What such an address leads to was said by a provider: it is fetched with the same care as
what users point at.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec
from django.db import DatabaseError

from channels_app.fetcher import MOST_BYTES, SECONDS, FetchRefused, resolve_public
from channels_app.midjourney import SUCCESS
from channels_app.outward import open_client
from relay import errors
from relay.gateway import Gateway
from relay.http import JSON_TYPE, ClientExchange
from relay.midjourney.pictures import PLACE
from relay.midjourney.signing import is_signed
from relay.models import MidjourneyTask

KINDS = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"})
"""Pictures that are nothing else: an SVG would be a page with scripts on our own site."""
SHOW_SECONDS = 120.0
"""For clients that read slowly."""
FINAL = b"public, max-age=86400, immutable"
CHANGING = b"no-store"


async def show_image(exchange: ClientExchange, gateway: Gateway, mj_id: str) -> None:
    signature = exchange.query("sig")
    try:
        task = await gateway.database.run(find_signed, mj_id, signature)
    except DatabaseError as error:
        raise errors.not_selling() from error
    if task is None:
        await _refuse(exchange, 403, "invalid_signature")
    elif not task.image_url:
        await _refuse(exchange, 400, "image_url_not_found")
    else:
        await _pass_on(exchange, task, gateway.options.out_proxy_url)


def find_signed(mj_id: str, signature: str) -> MidjourneyTask | None:
    """The task that this address was made for."""
    rows = MidjourneyTask.objects.filter(mj_id=mj_id).order_by("-id")[:20]
    return next((task for task in rows if is_signed(PLACE, str(task.pk), signature)), None)


async def _pass_on(exchange: ClientExchange, task: MidjourneyTask, proxy_url: str) -> None:
    try:
        async with asyncio.timeout(SHOW_SECONDS):
            address = await find_address(task.image_url)
            async with open_image(task.image_url, address, proxy_url) as answer:
                await exchange.start_stream(_headers(answer, is_final=task.status == SUCCESS))
                async for piece in read_bounded(answer):
                    await exchange.send(piece)
            await exchange.end()
    except (ValueError, TimeoutError, httpx.HTTPError, httpx.InvalidURL):
        if exchange.is_started:
            # Without its end the client knows that the picture is not whole.
            raise
        await _refuse(exchange, 502, "http_get_image_failed")


async def find_address(url: str) -> str:
    """The public address of the URL's host; raises ValueError where there is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise FetchRefused("not an http address")
    return await resolve_public(parts.hostname, parts.port or 443)


@contextlib.asynccontextmanager
async def open_image(url: str, address: str, proxy_url: str = "") -> AsyncIterator[httpx.Response]:
    """The answer with a picture, its body not yet read. The connection goes to `address`, which
    was checked, whatever the name resolves to by now; redirects are not followed. Raises
    FetchRefused, httpx.HTTPError or httpx.InvalidURL.
    """
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    place = _bracket(address) + port
    pinned = urlunsplit((parts.scheme, place, parts.path or "/", parts.query, ""))
    headers = {
        "host": _bracket(parts.hostname or "") + port,
        "user-agent": "chat-api",
        "accept-encoding": "identity",
    }
    async with (
        open_client(SECONDS, proxy_url) as client,
        client.stream(
            "GET", pinned, headers=headers, extensions={"sni_hostname": parts.hostname}
        ) as answer,
    ):
        if answer.status_code != 200 or _kind_of(answer) not in KINDS:
            raise FetchRefused("there is no picture")
        yield answer


async def read_bounded(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Raises FetchRefused behind the most bytes that a picture may have."""
    read = 0
    async for piece in answer.aiter_raw():
        read += len(piece)
        if read > MOST_BYTES:
            raise FetchRefused("the picture is too large")
        yield piece


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _kind_of(answer: httpx.Response) -> str:
    kind: str = answer.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()


def _headers(answer: httpx.Response, *, is_final: bool) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"content-type", _kind_of(answer).encode()),
        (b"cache-control", FINAL if is_final else CHANGING),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"default-src 'none'; sandbox"),
    )


async def _refuse(exchange: ClientExchange, status: int, code: str) -> None:
    body = msgspec.json.encode({"error": code})
    await exchange.answer(status, body, (JSON_TYPE, (b"cache-control", b"no-store")))

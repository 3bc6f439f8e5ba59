"""One request to an address that somebody set: pinned to a checked address, no redirects, ten
seconds, a small answer.
"""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from django.utils.translation import gettext as _

from chatapi.lib.net import UrlNotAllowed, check_operator_url
from chatapi.lib.public_address import AddressRefused, pick_not_metadata, pick_public, pin

SECONDS = 10.0
MOST_BYTES = 64 * 1024
USUAL_PORTS = frozenset({80, 443})
FIRST_FREE_PORT = 1024
"""Below it live services that a stranger must not be able to speak to: mail, remote shells."""


class PostRefused(ValueError):
    """This address is never called; the text is fit for users."""


class NoAnswer(Exception):
    """Nobody answered in time, or what came was no HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is what came first of it."""

    status: int
    body: bytes
    retry_after: str


def check_stranger_url(url: str) -> str:
    """A URL that a user set, without trailing slash; raises UrlNotAllowed. Where its name leads is
    checked at each call, because that may change.
    """
    checked = check_operator_url(url)
    port = urlsplit(checked).port
    if port is not None and port not in USUAL_PORTS and port < FIRST_FREE_PORT:
        raise UrlNotAllowed(_("this port is not allowed"))
    return checked


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent, and how much of the answer is read."""

    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    most_bytes: int = MOST_BYTES


def post(url: str, body: bytes, headers: Mapping[str, str], *, is_trusted: bool) -> Answer:
    """As `send`."""
    return send(Letter(url, body, headers), is_trusted=is_trusted)


def send(letter: Letter, *, is_trusted: bool) -> Answer:
    """Blocks up to ten seconds. `is_trusted`: an operator set the address, so that it may be a
    private one. Raises PostRefused or NoAnswer.
    """
    try:
        (check_operator_url if is_trusted else check_stranger_url)(letter.url)
    except UrlNotAllowed as error:
        raise PostRefused(str(error)) from error
    try:
        return asyncio.run(_send_in_time(letter, is_trusted=is_trusted))
    except AddressRefused as error:
        raise PostRefused(_("its name leads to an address that is not a public one")) from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise PostRefused(_("the address is not a valid URL")) from error
    except (TimeoutError, httpx.HTTPError, OSError) as error:
        raise NoAnswer(type(error).__name__) from error


async def _send_in_time(letter: Letter, *, is_trusted: bool) -> Answer:
    parts = urlsplit(letter.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    async with asyncio.timeout(SECONDS):
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        address = (pick_not_metadata if is_trusted else pick_public)(found)
        return await _send_pinned(letter, address)


async def _send_pinned(letter: Letter, address: str) -> Answer:
    pinned, name = pin(letter.url, address)
    common = {"host": name, "user-agent": "chat-api", "accept-encoding": "identity"}
    async with (
        httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=SECONDS) as client,
        client.stream(
            letter.method,
            pinned,
            content=letter.body,
            headers={**common, **letter.headers},
            extensions={"sni_hostname": urlsplit(letter.url).hostname or ""},
        ) as answer,
    ):
        data = bytearray()
        async for piece in answer.aiter_raw():
            data += piece
            if len(data) >= letter.most_bytes:
                break
        retry_after = answer.headers.get("retry-after", "")
        return Answer(answer.status_code, bytes(data[: letter.most_bytes]), retry_after)

"""Ends requests with a body above a limit while it still comes in: Django would store all of it
before a view could look.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from chatapi.lib.languages import choose_language

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

MOST_PAGE_BYTES = 2 * 1024 * 1024
MOST_FILE_BYTES = 9 * 1024 * 1024
FILE_PATHS = frozenset({"/admin/billing/price/import/"})
"""The only pages that take a file."""


def most_page_bytes(path: str) -> int:
    return MOST_FILE_BYTES if path in FILE_PATHS else MOST_PAGE_BYTES


async def answer_limited(
    application: Application, scope: Any, receive: Receive, send: Send, *, most_bytes: int
) -> None:
    """413 when the body is longer, without waiting for the rest of it."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if length.isdigit() and int(length[:20]) > most_bytes:
        await refuse(scope, send)
        return
    seen = 0

    async def count() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        # Django takes it for a client that left: it forgets the body and answers nothing.
        return message if seen <= most_bytes else {"type": "http.disconnect"}

    await application(scope, count, send)
    if seen > most_bytes:
        await refuse(scope, send)


async def refuse(scope: Any, send: Send) -> None:
    asked = dict(scope["headers"]).get(b"accept-language", b"").decode("latin1")
    with translation.override(choose_language(asked)):
        text = _("The request is too large.")
    is_api = scope["path"].startswith("/api/")
    body = (json.dumps({"success": False, "message": text}) if is_api else text).encode()
    headers = [
        (b"content-type", b"application/json" if is_api else b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})

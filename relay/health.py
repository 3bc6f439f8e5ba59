"""/healthz, /readyz and /metrics."""

import asyncio

import msgspec
from django.db import DatabaseError

from chatapi.options.feed import last_number
from relay import errors
from relay.gateway import Gateway
from relay.http import ClientExchange, Receive, Scope, Send
from relay.meters import render_metrics

TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class InsideExchange(ClientExchange):
    """Whoever can reach it may read it; pages of other sites in such a browser may not."""

    shared = ()
    __slots__ = ()


async def answer_health(
    scope: Scope, receive: Receive, send: Send, gateway: Gateway | None
) -> None:
    exchange = InsideExchange(scope, receive, send)
    path = scope["path"]
    if path == "/metrics":
        await exchange.answer(200, await asyncio.to_thread(render_metrics), (TEXT,))
    elif path == "/healthz":
        await exchange.answer(200, b'{"status":"ok"}')
    else:
        problems = ["starting"] if gateway is None else await find_problems(gateway)
        body = msgspec.json.encode(
            {"status": "unavailable" if problems else "ok", "problems": problems}
        )
        await exchange.answer(503 if problems else 200, body)


async def find_problems(gateway: Gateway) -> list[str]:
    """Why this worker should get no new calls; empty when it is ready."""
    problems = [] if gateway.is_ready else ["expired"]
    try:
        gateway.check_selling()
    except errors.CallRefused as error:
        problems.append("disk_full" if gateway.is_disk_full else error.code)
    try:
        async with asyncio.timeout(2):
            await gateway.database.run(last_number)
        is_away = gateway.database_away.is_on  # it may answer, and yet have no room to write
    except (DatabaseError, TimeoutError):
        is_away = True
    return [*problems, "database"] if is_away else problems

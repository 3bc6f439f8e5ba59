"""`previous_response_id`: a request goes on where an earlier response ended."""

import asyncio
from typing import Any

import msgspec
import structlog
from django.db import DatabaseError

from channels_app.dialects.reply import Collector
from chatapi.lib.secrets import Undecipherable
from relay import errors
from relay.call import Call
from relay.gateway import DATABASE_SECONDS, Gateway
from relay.plan import Plan
from relay.request import CallRequest
from relay.response_store import (
    MOST_BYTES,
    Remembered,
    as_items,
    read_response,
    write_responses,
)

log = structlog.get_logger("responses")
NAME = "previous_response_id"


async def find_response(gateway: Gateway, user_id: int, response_id: str) -> Remembered | None:
    """Raises CallRefused(503) while the database is away."""
    pending = gateway.responses.pending(user_id, response_id)
    if pending is not None:
        return pending
    try:
        return await gateway.database.run(read_response, user_id, response_id)
    except Undecipherable as error:
        log.warning("response_unreadable", error=str(error))
        return None
    except DatabaseError as error:
        raise errors.not_selling() from error


async def go_on(
    gateway: Gateway, user_id: int, request: CallRequest
) -> tuple[CallRequest, int | None]:
    """(the request with all that was said before, the channel that must answer it).

    A response that its provider holds can only be continued there; one that we hold, anywhere; of
    an unknown one the provider decides.
    """
    response_id = read_previous(request)
    found = await find_response(gateway, user_id, response_id) if response_id else None
    if found is None:
        return request, None
    if not found.items:
        return request, found.channel_id
    fields = {name: raw for name, raw in request.fields.items() if name != NAME}
    said = msgspec.json.decode(found.items, type=list[msgspec.Raw])
    new = as_items(msgspec.json.decode(fields.get("input", msgspec.Raw(b'""'))))
    fields["input"] = msgspec.Raw(msgspec.json.encode([*said, *new]))
    longer = msgspec.structs.replace(
        request, fields=fields, body_bytes=request.body_bytes + len(found.items)
    )
    return longer, None


def read_previous(request: CallRequest) -> str:
    """The id, or '' where there is none; raises CallRefused(400)."""
    raw = request.fields.get(NAME)
    if raw is None or bytes(raw) == b"null":
        return ""
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError as error:
        raise errors.wrong_type(NAME) from error


def is_stored(request: CallRequest) -> bool:
    """Whether the client lets the response be kept; OpenAI's default is yes."""
    return bytes(request.fields.get("store", b"null")) != b"false"


def watch_over(plan: Plan, call: Call, gateway: Gateway) -> None:
    """Before the answer: collect what will be kept."""
    wanted = gateway.options.response_store_hours and is_stored(call.request)
    if call.request.dialect == "responses" and not plan.is_plain and wanted:
        plan.collector = Collector()


async def keep(plan: Plan, call: Call, gateway: Gateway, response_id: str) -> None:
    """After the answer: note who holds the response, or keep it. Never fails the call.

    What we hold is there for all workers when its client has the answer; while the database is
    away, for this one.
    """
    channel = call.channel
    if call.request.dialect != "responses" or channel is None or not is_stored(call.request):
        return
    user_id = call.caller.user_id
    if plan.is_plain:
        gateway.responses.note(Remembered(response_id, user_id, channel.id))
        return
    if plan.collector is None:
        return
    body = plan.write_whole(plan.collector.reply)
    answer: dict[str, Any] = msgspec.json.decode(body)
    said = as_items(msgspec.json.decode(call.request.fields.get("input", b'""')))
    items = msgspec.json.encode([*said, *answer.get("output", [])])
    if len(body) + len(items) > MOST_BYTES:
        return
    found = Remembered(answer["id"], user_id, channel.id, body, items)
    hours = gateway.options.response_store_hours
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            await gateway.database.run(write_responses, [found], hours)
    except (DatabaseError, TimeoutError) as error:
        if not gateway.responses.note(found):
            log.warning("response_not_kept", error=str(error)[:200])

"""The story of a submit: let in, understood, its price set aside, taken by a provider, written down
as a task, charged.
"""

import asyncio

import msgspec
import structlog
from django.db import DatabaseError

from billing.pricing import Consumption, compute_charge
from channels_app.failures import UpstreamFailure
from channels_app.midjourney import SATURATED, write_submission
from relay import errors, settlement
from relay.admission import Admitted, admit, check_model
from relay.call import Call, Outcome
from relay.fields import BIG_BODY
from relay.gateway import DATABASE_SECONDS, Gateway
from relay.http import ClientExchange
from relay.midjourney.actions import Order, Refused, Speed, read_order
from relay.midjourney.asking import Taken, first_to_take, refuse_for, saturated
from relay.midjourney.charging import describe, open_call
from relay.midjourney.pictures import picture_address
from relay.midjourney.tasks import find_task, make_task, record_task
from relay.models import MidjourneyTask
from relay.routes import find_routes
from relay.token_limits import one_more_call

log = structlog.get_logger("midjourney")


async def submit(exchange: ClientExchange, gateway: Gateway, path: str, speed: Speed) -> None:
    """Answer one submit; raises Refused or CallRefused."""
    admitted = await admit(exchange, gateway)
    check_model(admitted.caller, speed.model)
    gateway.check_selling()
    body = await exchange.read_body(gateway.options.max_body_bytes)
    if len(body) > BIG_BODY:
        order = await asyncio.to_thread(read_order, path, speed, body)
    else:
        order = read_order(path, speed, body)
    with one_more_call(gateway, admitted.caller):
        await _run(exchange, gateway, admitted, order)


async def _run(
    exchange: ClientExchange, gateway: Gateway, admitted: Admitted, order: Order
) -> None:
    """From the price to the settlement: whatever happens in between, the call ends exactly once.
    A client that hangs up changes nothing: the provider has the task.
    """
    origin = await find_origin(gateway, admitted, order)
    if origin is not None:
        # Only this account knows the task.
        admitted = msgspec.structs.replace(admitted, pinned=origin.channel_id)
    request = describe(order)
    by_speed = msgspec.structs.replace(request, model=order.speed.model)
    routes = find_routes(gateway, admitted, by_speed)
    call = await open_call(exchange, gateway, admitted, request, order)
    try:
        taken = await first_to_take(iter(routes), gateway, call, order)
        answer = await finish(exchange, gateway, call, taken, order, origin)
    except UpstreamFailure as failure:
        settlement.void(
            gateway, call, Outcome("failed", 400, failure.code or "fail_to_fetch_midjourney")
        )
        raise refuse_for(failure, exchange.header(b"accept-language")) from failure
    finally:
        settlement.void(gateway, call, Outcome("failed", 500, "internal_error"))
    await exchange.answer(200, answer)


async def find_origin(gateway: Gateway, admitted: Admitted, order: Order) -> MidjourneyTask | None:
    """The caller's own task that this one follows on; raises Refused where there is none."""
    if not order.origin:
        return None
    try:
        origin = await gateway.database.run(find_task, admitted.caller.user_id, order.origin)
    except DatabaseError as error:
        raise errors.not_selling() from error
    if origin is None:
        raise Refused("task_no_found")
    if order.is_free and not origin.is_open:
        # It may have been given back: then nothing pays for the modal any more.
        raise Refused("task_is_finished")
    return origin


async def finish(
    exchange: ClientExchange,
    gateway: Gateway,
    call: Call,
    taken: Taken,
    order: Order,
    origin: MidjourneyTask | None,
) -> bytes:
    """Write the task down and charge for it; returns the answer for the client.

    The journal hears of the charge before the row is written: should this process die in between,
    the charge stands, for a task that the provider works on and nobody can ask for. Where the row
    can't be written, nothing is charged.
    """
    submission = taken.submission
    draft = make_task(call, taken.channel.id, submission, taken.refusal, order)
    if not submission.is_taken:
        settlement.void(gateway, call, Outcome("failed", 200, f"midjourney_{submission.code}"))
        await _record(gateway, draft, None)
        if submission.code == SATURATED:
            raise saturated(taken.refusal, exchange.header(b"accept-language"))
        return write_submission(submission, order.action, "", taken.refusal)
    charge = compute_charge(call.quote, Consumption())
    draft.units, draft.charge_id = charge.units, call.request_id if charge.units else ""
    settlement.note_progress(gateway, call, Consumption())
    try:
        task = await _record(gateway, draft, origin if order.is_free else None)
    except asyncio.CancelledError:
        settlement.close(gateway, call, Outcome(), charge)
        raise
    if task is None:
        settlement.void(gateway, call, Outcome("failed", 503, "accounting_unavailable"))
        raise errors.not_selling()
    await settlement.settle(gateway, call, Outcome())
    address = picture_address(exchange, gateway, task)
    return write_submission(submission, order.action, address)


async def _record(
    gateway: Gateway, draft: MidjourneyTask, origin: MidjourneyTask | None
) -> MidjourneyTask | None:
    """The row that stands for the task; None when the database does not take it."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            return await gateway.database.run(record_task, draft, origin)
    except (DatabaseError, TimeoutError) as error:
        log.error("task_not_written", request_id=draft.request_id, error=str(error)[:200])
        return None

"""Ends a call exactly once: the charge is computed, journalled, and the rest of the hold is free
again.
"""

import asyncio

import msgspec
import structlog

from billing.pricing import NOTHING, Charge, Consumption, compute_charge
from billing.records import Progress
from channels_app.dialects.consumed import Consumed
from relay import counting
from relay.call import Call, Outcome, encode_items
from relay.call_log import log_call
from relay.errors import CallRefused
from relay.gateway import Gateway
from relay.media.consumption import media_consumption

log = structlog.get_logger("settlement")


async def settle(gateway: Gateway, call: Call, outcome: Outcome) -> None:
    """Charge what `outcome` says was consumed. Runs to its end also when the caller is
    cancelled.
    """
    if call.is_settled:
        return
    charge = compute_charge(call.quote, outcome.consumption)
    missing = charge.units - call.reservation.hold.units
    if missing > 0 and call.reservation.hold.purses:
        await asyncio.shield(asyncio.ensure_future(_grow_and_close(gateway, call, outcome, charge)))
    else:
        close(gateway, call, outcome, charge)
    if gateway.journal.always:
        await asyncio.to_thread(gateway.journal.sync)


def void(gateway: Gateway, call: Call, outcome: Outcome) -> None:
    """End a call that costs nothing: it failed before a provider produced anything."""
    if not call.is_settled:
        close(gateway, call, outcome, NOTHING)


def close(gateway: Gateway, call: Call, outcome: Outcome, charge: Charge) -> None:
    """Without any wait, so that nothing can come between the journal and the hold."""
    call.is_settled = True
    hold = call.reservation.hold
    units = min(charge.units, hold.units)
    used = outcome.consumption
    call.used_tokens, call.used_units = used.prompt_tokens + used.completion_tokens, units
    record = call.closed(outcome, charge, units, charge.units - units)
    try:
        gateway.append(record)
    except CallRefused:
        # Kept in memory and written as soon as the disk takes it; nothing is sold until then.
        log.error("settle_delayed", request_id=call.request_id, units=units)
        gateway.journal.append_soon(record)
    if hold.purses:
        gateway.purses.release(hold, units)
    if call.produced is not None:
        call.produced.close()
    log_call(record)
    if gateway.options.keeps_texts:
        gateway.texts.note(call, outcome)


def note_progress(gateway: Gateway, call: Call, consumption: Consumption) -> None:
    """What is charged if this process dies now."""
    charge = compute_charge(call.quote, consumption)
    channel = call.channel
    gateway.append(
        Progress(
            call.request_id,
            channel.id if channel else None,
            channel.name if channel else "",
            call.upstream_model,
            consumption.prompt_tokens,
            consumption.completion_tokens,
            min(charge.units, call.reservation.hold.units),
            encode_items(charge),
        )
    )


async def _grow_and_close(gateway: Gateway, call: Call, outcome: Outcome, charge: Charge) -> None:
    """The provider reported more than was held: take what is there of the difference."""
    try:
        missing = charge.units - call.reservation.hold.units
        await gateway.purses.grow(call.reservation.hold, missing, least=1)
    except CallRefused:
        log.warning("hold_not_extended", request_id=call.request_id)
    if not call.is_settled:
        close(gateway, call, outcome, charge)


async def consumption_of(
    call: Call, reported: Consumed | None, answer: str, *, more_bytes: int = 0
) -> tuple[Consumption, bool]:
    """(what to charge, whether we counted it ourselves)."""
    reported = believable(call, reported)
    media = call.request.media
    if media is not None:
        return await media_consumption(call.request, media, call.quote, reported, call.produced)
    if reported is not None:
        return counting.as_consumption(reported), False
    try:
        return await counting.count_consumption(call.request, answer, more_bytes=more_bytes), True
    except asyncio.CancelledError:
        # The server stops hard: what can be said without waiting must do.
        return counting.guess_consumption(call.request, len(answer) + more_bytes), True


def believable(call: Call, reported: Consumed | None) -> Consumed | None:
    """What the provider reported, unless it can't be true."""
    if reported is None:
        return None
    if counting.is_plausible(reported, call.request, call.reservation.output_tokens):
        return reported
    log.warning("usage_implausible", request_id=call.request_id, reported=str(reported)[:300])
    return None


def without_output(used: Consumption) -> Consumption:
    """For endpoints that produce no text: whatever a provider puts there is not charged."""
    return msgspec.structs.replace(used, completion_tokens=0, reasoning_tokens=0)

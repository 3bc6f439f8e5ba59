"""Passes an answer on to the client, whole or as a stream, and settles the call before its last
byte.
"""

import asyncio

from billing.pricing import ceiling_units
from billing.records import UsageState
from channels_app.dialects.consumed import Consumed
from channels_app.dialects.reply import BadAnswer, BadStream
from channels_app.dialects.watch import Watch
from channels_app.failures import Cause, UpstreamFailure, hide_channel
from channels_app.upstream import Exchange
from relay import settlement
from relay.attempt import Running, read_beginning, read_whole
from relay.call import Outcome
from relay.continuing import keep
from relay.errors import CallRefused
from relay.http import JSON_TYPE, SEND_SECONDS
from relay.media.watching import media_watch, read_type
from relay.whole import Told, is_document, understand

STREAM_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
ARRAY_HEADERS = ((b"content-type", b"application/json; charset=utf-8"), *STREAM_HEADERS[1:])
CLAMPED = b"x-chatapi-max-tokens-clamped"
DROPPED = b"x-chatapi-dropped"
GROW_TOKENS = 2048
TAIL_SECONDS = 2.0
MOST_HELD_BACK = 64 * 1024
"""So much of a stream waits for its first word, sound or call; what is that long says something."""
EMPTY_ANSWER = "the provider's answer was empty"


async def relay_answer(running: Running, answer: Exchange) -> None:
    """Whole or streamed, as the client wants it and the provider gives it."""
    plan = running.plan
    if plan.conversion is None:
        streams = running.call.request.is_stream and plan.outgoing.is_stream
    else:
        plan.answer_type = read_type(answer.header("content-type"))
        running.watch = media_watch(running.call, plan.endpoint, plan.answer_type)
        streams = running.watch is not None
    await (relay_stream if streams else relay_whole)(running, answer)


async def relay_whole(running: Running, answer: Exchange) -> None:
    """An answer that is read to its end before any of it goes on; raises UpstreamFailure when it
    is none.
    """
    call, exchange, plan = running.call, running.exchange, running.plan
    body = await read_whole(answer, running.gateway.options.max_answer_bytes)
    call.note_first_byte()
    is_stream = call.request.is_stream
    try:
        told = await understand(plan, body, answer, wants_stream=is_stream)
    except BadAnswer as error:
        raise UpstreamFailure(Cause.OVERLOADED, str(error), code="bad_upstream_response") from error
    if told.error:
        raise running.adaptor.failure(answer.status, told.error, answer.header("retry-after"))
    reported = settlement.believable(call, told.consumed)
    is_counted = call.request.has_output and not (reported and reported.completion_tokens)
    text = told.text() if is_counted else ""
    is_empty = is_counted and not text
    if is_empty and running.gateway.options.retries_empty:
        raise UpstreamFailure(Cause.OVERLOADED, EMPTY_ANSWER, code="empty_answer")
    output = told.write()
    if is_empty:
        settlement.void(running.gateway, call, Outcome("ok", 200, "empty_answer"))
    else:
        await _settle_whole(running, told, reported, text)
    if exchange.is_gone:
        return
    if plan.conversion is not None or not is_stream:
        kind = (b"content-type", plan.answer_type) if plan.answer_type else JSON_TYPE
        await exchange.answer(200, output, (kind, *_notes(running)))
        return
    await exchange.start_stream(_stream_headers(running))
    await exchange.send(output)
    await exchange.end()


async def _settle_whole(running: Running, told: Told, reported: Consumed | None, text: str) -> None:
    """Before its first byte: an answer that can't be written down is not given."""
    call = running.call
    used, is_estimated = await settlement.consumption_of(call, reported, text)
    if not call.request.has_output and call.request.media is None and used.completion_tokens:
        used = settlement.without_output(used)
    status: UsageState = "left" if running.exchange.is_gone else "ok"
    outcome = Outcome(status, 200, "", used, is_estimated, told.said)
    await settlement.settle(running.gateway, call, outcome)
    await keep(running.plan, call, running.gateway, told.id)


async def relay_stream(running: Running, answer: Exchange) -> None:
    """An event stream; raises UpstreamFailure only before its first event was passed on."""
    watch = running.watch or running.plan.watch(hides_usage=not running.call.request.wants_usage)
    running.watch = watch
    running.ends_at = asyncio.get_running_loop().time() + running.timeouts.total
    ready = await _first_event(running, answer, watch)
    running.call.note_first_byte()
    if not running.exchange.is_gone:
        await running.exchange.start_stream(_stream_headers(running))
    running.gateway.streams.add(running)
    try:
        await _pass_on(running, answer, watch, ready)
    except UpstreamFailure as failure:
        await running.cut_off(failure.code or "upstream_error", failure.message)
    except BadStream as error:
        # What came in one piece with the nonsense is lost, unless it repeated what the client has.
        is_whole = running.rest is not None and not running.rest.has_more
        await running.cut_off("bad_upstream_response", str(error), may_go_on=is_whole)
    finally:
        running.gateway.streams.discard(running)


async def _first_event(running: Running, answer: Exchange, watch: Watch) -> bytes:
    """What can be sent once there is something to read in it; raises UpstreamFailure if that never
    comes, or is an error: until then another channel may answer.
    """
    kind = (answer.header("content-type") or "").lower()
    if is_document(kind) or "html" in kind:
        body = await read_beginning(answer)
        raise _not_a_stream(running, answer, body)
    ready = b""
    try:
        while not (watch.has_begun() or watch.is_done or len(ready) > MOST_HELD_BACK):
            piece = await answer.read()
            if not piece:
                ready += watch.flush()
                break
            ready += watch.feed(piece)
            if watch.has_prologue() and not running.exchange.is_gone:
                # The provider is at work: what it thinks of may take longer than its first sign.
                running.patience.extend(running.timeouts.idle, at_most=running.ends_at)
    except BadStream as error:
        raise UpstreamFailure(Cause.OVERLOADED, str(error), code="bad_upstream_response") from error
    if watch.error and not watch.events:
        raise running.adaptor.failure(answer.status, watch.error, answer.header("retry-after"))
    if not watch.has_prologue():
        msg = "the provider's stream was empty"
        raise UpstreamFailure(Cause.OVERLOADED, msg, code="empty_stream")
    is_empty = watch.is_empty and watch.is_finished and running.rest is None
    if is_empty and running.gateway.options.retries_empty:
        raise UpstreamFailure(Cause.OVERLOADED, EMPTY_ANSWER, code="empty_answer")
    return ready


def _not_a_stream(running: Running, answer: Exchange, body: bytes) -> UpstreamFailure:
    failure = running.adaptor.failure(answer.status, body, answer.header("retry-after"))
    if failure.cause == Cause.OVERLOADED and not failure.code:
        failure.code = "bad_upstream_response"
        failure.message = "the provider did not answer with a stream"
    return failure


async def _pass_on(running: Running, answer: Exchange, watch: Watch, ready: bytes) -> None:
    """Pieces in, pieces out, until the end of either side or of the credit."""
    exchange, patience = running.exchange, running.patience
    limit = running.call.reservation.output_tokens
    while True:
        if watch.is_done or watch.error:
            break
        if ready and not exchange.is_gone:
            patience.extend(SEND_SECONDS, at_most=running.ends_at)
            running.is_sending = True
            await exchange.send(ready)
            running.is_sending = False
        if limit is not None and running.produced_tokens() > limit:
            try:
                limit = await _grow(running, limit)
            except CallRefused as refusal:
                # The client has a part of the answer: that is charged, and nothing beyond it given.
                await _stop(running, refusal.code)
                return
            if limit is None:
                await _stop(running, "insufficient_user_quota")
                return
        if not exchange.is_gone:
            patience.extend(running.timeouts.idle, at_most=running.ends_at)
        piece = await answer.read()
        if not piece:
            ready = watch.flush()
            break
        ready = watch.feed(piece)
    await _finish(running, watch, ready)
    await _read_tail(running, answer)


async def _finish(running: Running, watch: Watch, ready: bytes) -> None:
    """Settle, then send the last piece: what the client has got is written down first."""
    exchange = running.exchange
    if watch.error or not watch.is_finished:
        if ready and not exchange.is_gone:
            await exchange.send(ready)
        failure = running.adaptor.failure(502, watch.error or b"{}", None)
        if running.call.channel is not None:
            hide_channel(failure, running.call.channel)
        message = failure.message if watch.error else "the provider broke off"
        await running.cut_off(failure.code or "upstream_cut", message)
        return
    # Before the response is kept: it is not whole without its end.
    ready += watch.ending()
    if watch.is_empty and running.rest is None:
        settlement.void(running.gateway, running.call, Outcome("ok", 200, "empty_answer"))
    else:
        await running.settle("left" if exchange.is_gone else "ok")
        await keep(running.plan, running.call, running.gateway, getattr(watch, "id", ""))
    if not exchange.is_gone:
        await exchange.send(ready)
        await exchange.end()


async def _read_tail(running: Running, answer: Exchange) -> None:
    """Read to the end of the body, so that the connection can be used again."""
    running.patience.end_within(TAIL_SECONDS)
    try:
        while await answer.read():
            pass
    except UpstreamFailure:
        return


async def _grow(running: Running, limit: int) -> int | None:
    """The model writes more than was held for: hold more, or None when the credit is used up."""
    call = running.call
    prompt = call.reservation.prompt_tokens
    units = ceiling_units(call.quote, prompt, GROW_TOKENS) - ceiling_units(call.quote, prompt, 0)
    if await running.gateway.purses.grow(call.reservation.hold, units):
        return limit + GROW_TOKENS
    return None


async def _stop(running: Running, code: str) -> None:
    """The credit is used up, or nobody can tell: end the answer properly."""
    await running.settle("stopped", 200, code)
    if not running.exchange.is_gone and running.watch is not None:
        await running.exchange.send(running.watch.stop())
        await running.exchange.end()


def _stream_headers(running: Running) -> tuple[tuple[bytes, bytes], ...]:
    plain = ARRAY_HEADERS if running.plan.is_array else STREAM_HEADERS
    if running.plan.answer_type:
        plain = ((b"content-type", running.plan.answer_type), *STREAM_HEADERS[1:])
    return (*plain, *_notes(running))


def _notes(running: Running) -> tuple[tuple[bytes, bytes], ...]:
    """Headers that say what became of the request on its way."""
    reservation, dropped = running.call.reservation, running.plan.dropped
    notes: tuple[tuple[bytes, bytes], ...] = ()
    if reservation.is_clamped and reservation.output_tokens is not None:
        limit = reservation.output_tokens // running.call.request.choices
        notes = ((CLAMPED, str(limit).encode()),)
    if dropped:
        names = ", ".join(dropped)[:1000]
        notes += ((DROPPED, names.encode("ascii", "replace").replace(b"\n", b" ")),)
    return notes

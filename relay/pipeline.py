"""The story of one call: let in, understood, priced, set aside, sent, retried elsewhere, answered,
settled.
"""

import asyncio
import time

from billing.price_book import UnpricedModel, fold_gizmo
from channels_app.failures import UpstreamFailure, hide_channel, without_trace
from channels_app.routing import ChannelConfig
from channels_app.upstream import Line
from relay import errors, settlement
from relay.admission import Admitted, admit, check_model
from relay.answers import relay_answer
from relay.attempt import Running, plan_timeouts, read_failure
from relay.call import Call, Outcome
from relay.continuing import NAME, go_on, watch_over
from relay.errors import CallRefused
from relay.fields import BIG_BODY
from relay.gateway import Gateway
from relay.http import ClientExchange, ClientLeft
from relay.keep_alive import keep_alive
from relay.patience import Patience
from relay.plan import plan_attempt
from relay.request import NO_PARTS, CallRequest, PathParts, parse_request
from relay.reservation import reserve
from relay.resuming import end_broken
from relay.retry import end_failed
from relay.routes import OneRoute, Routes, find_routes
from relay.token_limits import one_more_call

PASSED_HEADERS = {"messages": (b"anthropic-beta",), "responses": (b"openai-beta",)}
"""Headers of clients that a provider of the same dialect gets too."""


async def relay(
    exchange: ClientExchange, gateway: Gateway, endpoint: str, path: PathParts = NO_PARTS
) -> None:
    """Answer one call on an endpoint; raises CallRefused while nothing was sent to the client."""
    admitted = await admit(exchange, gateway)
    gateway.check_selling()
    body = await exchange.read_body(gateway.options.max_body_bytes)
    headers = exchange.headers_to_pass(PASSED_HEADERS.get(endpoint, ()))
    if len(body) > BIG_BODY:
        request = await asyncio.to_thread(parse_request, endpoint, body, path, headers)
    else:
        request = parse_request(endpoint, body, path, headers)
    await run_admitted(exchange, gateway, admitted, request)


async def run_admitted(
    exchange: ClientExchange, gateway: Gateway, admitted: Admitted, request: CallRequest
) -> None:
    """A call whose request is understood, within what its token may use at once and in a
    minute.
    """
    check_model(admitted.caller, request.model)
    with one_more_call(gateway, admitted.caller):
        await run_call(exchange, gateway, admitted, request)


async def run_call(
    exchange: ClientExchange, gateway: Gateway, admitted: Admitted, request: CallRequest
) -> None:
    """From the price to the settlement: whatever happens in between, the call ends exactly once."""
    holder = None
    if request.dialect == "responses" and NAME in request.fields:
        request, holder = await go_on(gateway, admitted.caller.user_id, request)
    routes = find_routes(gateway, admitted, request, holder)
    call = await open_call(exchange, gateway, admitted, request)
    exchange.watch_for_hangup()
    comments = keep_alive(exchange, request, gateway.options.keep_alive_seconds)
    try:
        if comments is not None:
            comments.start()
        await answer_from(routes, exchange, gateway, call)
    except UpstreamFailure as failure:
        raise end_failed(gateway, call, failure) from failure
    except CallRefused as refusal:
        settlement.void(gateway, call, Outcome("failed", refusal.status, refusal.code))
        raise
    except ClientLeft:
        settlement.void(gateway, call, Outcome("left", 499, "client_left"))
    finally:
        exchange.stop_watching()
        settlement.void(gateway, call, Outcome("failed", 500, "internal_error"))
        if comments is not None:
            await comments.stop()


async def open_call(
    exchange: ClientExchange, gateway: Gateway, admitted: Admitted, request: CallRequest
) -> Call:
    """Price it, set the money aside, write it down."""
    caller = admitted.caller
    try:
        quote = gateway.snapshot.prices.quote(
            request.model,
            caller.group,
            wants_by_call=caller.is_billed_by_call,
            unit=request.unit,
        )
    except UnpricedModel as error:
        raise errors.unpriced_model(request.model) from error
    if request.media is not None:
        quote = request.media.refine(quote, request.model)
    reservation = await reserve(gateway, caller, request, quote)
    call = Call(exchange.request_id, caller, admitted.address, request, quote, reservation)
    call.client_headers = exchange.headers
    # Without its end an opened call costs nothing, so this one may wait for the next write.
    gateway.journal.append_soon(call.opened())
    return call


async def answer_from(
    routes: Routes | OneRoute, exchange: ClientExchange, gateway: Gateway, call: Call
) -> None:
    """The first route that answers; raises the last UpstreamFailure when none does, CallRefused
    when none could be tried.
    """
    last: UpstreamFailure | None = None
    model, health = fold_gizmo(call.request.model), gateway.health
    call.passed_over, call.preferred = routes.passed, routes.preferred
    for channel in routes:
        if exchange.is_gone:
            break
        started, is_retry = time.monotonic(), last is not None
        turn = call.turn = health.begin(
            channel, model, started, is_retry=is_retry, tokens=routes.tokens
        )
        try:
            await try_channel(channel, exchange, gateway, call)
        except UpstreamFailure as failure:
            hide_channel(failure, channel)
            call.note_failure(channel, started, failure)
            decision = gateway.note_failure(channel, model, failure)
            last = without_trace(failure)
            if not decision.retries:
                break
            routes.failed(decision)
        except (CallRefused, ClientLeft):
            # What another channel said of the answer is charged, and kept from getting lost.
            if call.broken is None:
                raise
        else:
            if not call.is_cut:
                health.note_success(channel, model, time.monotonic())
                gateway.affinity.keep(routes.marker, channel)
            return
        finally:
            health.end(turn, call.used_tokens, call.used_units)
    if call.broken is not None:
        await end_broken(call.broken)
        return
    try:
        raise ClientLeft if exchange.is_gone else explain(routes, last)
    finally:
        last = None  # Or this frame and the failure hold each other.


def explain(routes: Routes | OneRoute, last: UpstreamFailure | None) -> Exception:
    """Why nobody answered. That a channel which should rest failed again is no news: the client is
    told when to come back.
    """
    if last is None or (routes.is_last_resort and last.may_retry):
        return routes.refusal()
    return last


async def try_channel(
    channel: ChannelConfig, exchange: ClientExchange, gateway: Gateway, call: Call
) -> None:
    """One attempt. Raises UpstreamFailure while nothing was sent to the client, and where the next
    channel may go on with what was; ClientLeft where nobody waits any more for what is asked.
    """
    # The first event of a picture may be the picture.
    is_stream = call.request.is_stream and call.request.media is None
    plan = await plan_attempt(channel, call, gateway)
    if exchange.is_gone:
        raise ClientLeft
    watch_over(plan, call, gateway)
    timeouts = plan_timeouts(gateway, channel, is_stream=is_stream)
    line = Line(channel.proxy_url, timeouts.connect)
    upstream = gateway.upstream.exchange(plan.request, line)
    patience = Patience(timeouts.first_byte)
    running = Running(exchange, gateway, call, plan, patience, timeouts, channel=channel)
    exchange.on_gone = running.client_left
    try:
        async with patience, upstream as answer:
            if answer.status != 200:
                raise await read_failure(answer, plan.adaptor, channel.status_mapping)
            await relay_answer(running, answer)
    except TimeoutError as error:
        await running.ran_out_of_time(error)
    except asyncio.CancelledError:
        running.settle_now()
        raise
    finally:
        exchange.on_gone = None

"""Opens the provider's side of a session: the next channel while the handshake fails, or while the
first event is an error. Nothing was sent to the client yet.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from billing.price_book import fold_gizmo
from channels_app.failures import Cause, UpstreamFailure, hide_channel, without_trace
from channels_app.mapping import MappingCycle, resolve_model
from channels_app.passing import merge
from channels_app.providers import adaptor_of
from channels_app.providers.realtime import open_realtime
from channels_app.realtime_line import LineClosed, RealtimeLine, open_line
from channels_app.routing import ChannelConfig
from channels_app.upstream import Line
from relay.attempt import plan_timeouts
from relay.call import Call
from relay.gateway import Gateway
from relay.http import ClientLeft
from relay.plan import headers_of
from relay.realtime.client import ClientSocket, Message
from relay.realtime.events import read_server_event
from relay.routes import OneRoute, Routes

FIRST_EVENT_SECONDS = 3.0
"""Providers greet at once, also those that accept a handshake only to say what is wrong. Who says
nothing for so long waits for the client.
"""
BETA_PROTOCOL = "openai-beta.realtime-v1"
BETA = ("openai-beta", "realtime=v1")


class Dialled(msgspec.Struct):
    """An open line, and what came on it already."""

    channel: ChannelConfig
    line: RealtimeLine
    greeting: list[Message]
    idle_seconds: int


@asynccontextmanager
async def dialled(
    routes: Routes | OneRoute, client: ClientSocket, gateway: Gateway, call: Call
) -> AsyncIterator[Dialled]:
    """The first route that answers, busy while the block lasts. Raises the last UpstreamFailure
    when none answers, CallRefused when none could be tried, ClientLeft when nobody waits any more.
    """
    last: UpstreamFailure | None = None
    model, health = fold_gizmo(call.request.model), gateway.health
    call.passed_over, call.preferred = routes.passed, routes.preferred
    for channel in routes:
        if client.is_gone:
            raise ClientLeft
        started, is_retry = time.monotonic(), last is not None
        turn = call.turn = health.begin(
            channel, model, started, is_retry=is_retry, tokens=routes.tokens
        )
        found: Dialled | None = None
        try:
            found = await _try_channel(channel, client, gateway, call)
            health.note_success(channel, model, time.monotonic())
            yield found
        except UpstreamFailure as failure:
            hide_channel(failure, channel)
            call.note_failure(channel, started, failure)
            decision = gateway.note_failure(channel, model, failure)
            last = without_trace(failure)
            if not decision.retries:
                break
            routes.failed(decision)
        else:
            return
        finally:
            health.end(turn, call.used_tokens, call.used_units)
            if found is not None:
                found.line.abort()
    try:
        raise last or routes.refusal()
    finally:
        last = None  # Or this frame and the failure hold each other.


async def _try_channel(
    channel: ChannelConfig, client: ClientSocket, gateway: Gateway, call: Call
) -> Dialled:
    try:
        model = resolve_model(call.request.model, channel.mapping)
    except MappingCycle as error:
        raise UpstreamFailure(Cause.OVERLOADED, str(error), code="model_mapping_cycle") from error
    call.begin_attempt(channel, model)
    timeouts = plan_timeouts(gateway, channel, is_stream=True)
    opening = open_realtime(channel, model, _passed_headers(client))
    if channel.header_templates:
        headers = merge(opening.headers, headers_of(channel, call, model))
        opening = msgspec.structs.replace(opening, headers=headers)
    way = Line(channel.proxy_url, timeouts.connect)
    line = await open_line(opening, way, adaptor_of(channel.kind).failure)
    try:
        greeting = await _listen(line, channel)
    except BaseException:
        line.abort()
        raise
    call.note_first_byte()
    return Dialled(channel, line, greeting, timeouts.idle)


async def _listen(line: RealtimeLine, channel: ChannelConfig) -> list[Message]:
    """What the provider says first; raises UpstreamFailure when that is an error or a close."""
    try:
        async with asyncio.timeout(FIRST_EVENT_SECONDS):
            message = await line.receive()
    except TimeoutError:
        return []
    except LineClosed as closed:
        words = closed.reason or "the provider closed the connection"
        body = msgspec.json.encode({"error": {"message": words}})
        raise adaptor_of(channel.kind).failure(502, body, None) from closed
    event = read_server_event(message)
    if event.type == "error":
        body = msgspec.json.encode({"error": event.error or None})
        raise adaptor_of(channel.kind).failure(502, body, None)
    return [message]


def _passed_headers(client: ClientSocket) -> tuple[tuple[str, str], ...]:
    """The generation of the API that the client speaks."""
    is_beta = client.header(b"openai-beta").lower().startswith("realtime=")
    return (BETA,) if is_beta or BETA_PROTOCOL in client.subprotocols else ()

"""Calls that come as websockets: the table of their paths, and how each begins and fails."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from billing.price_book import UnpricedModel
from channels_app.failures import UpstreamFailure
from relay import errors, settlement
from relay.admission import Admitted, admit, check_model
from relay.call import Call, Outcome
from relay.errors import CallRefused
from relay.gateway import Gateway
from relay.http import ClientLeft, Receive, Scope, Send
from relay.meters import count_refusal
from relay.realtime.account import set_aside
from relay.realtime.client import ClientSocket
from relay.realtime.dialing import dialled
from relay.realtime.responses import converse
from relay.realtime.session import Session
from relay.request import CallRequest, read_model
from relay.retry import end_failed
from relay.routes import find_routes
from relay.token_limits import one_more_call

log = structlog.get_logger("realtime")

Handler = Callable[[ClientSocket, Gateway], Awaitable[None]]


async def answer(scope: Scope, receive: Receive, send: Send, gateway: Gateway) -> None:
    """One websocket, from its handshake to its close."""
    client = ClientSocket(scope, receive, send)
    with contextlib.suppress(ClientLeft):
        await client.open()
        try:
            await _dispatch(client, gateway)
        except CallRefused as refusal:
            count_refusal(refusal.status, refusal.code)
            await _refuse(client, refusal)
        except (ClientLeft, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("call_failed", request_id=client.request_id)
            count_refusal(500, "internal_error")
            await _refuse(client, errors.internal_error())
        finally:
            client.stop_watching()
            client.on_shutdown(None)


async def _refuse(client: ClientSocket, refusal: CallRefused) -> None:
    if client.is_accepted:
        await client.close(1011, refusal.code)
    elif not client.is_started:
        await client.refuse(refusal)


async def _dispatch(client: ClientSocket, gateway: Gateway) -> None:
    path = client.scope["path"]
    handler = TABLE.get(path)
    if handler is None:
        raise errors.unknown_path("WebSocket", path[:200])
    await handler(client, gateway)


async def open_session(client: ClientSocket, gateway: Gateway) -> None:
    """GET /v1/realtime?model=; raises CallRefused while the handshake can still be refused."""
    admitted = await admit(client, gateway)
    gateway.check_selling()
    model = read_model({}, "realtime", client.query("model"))
    check_model(admitted.caller, model)
    with one_more_call(gateway, admitted.caller):
        await run_session(client, gateway, admitted, model)


async def run_session(
    client: ClientSocket, gateway: Gateway, admitted: Admitted, model: str
) -> None:
    """From the price to the settlement: whatever happens in between, the call ends exactly once."""
    stopping = asyncio.Event()
    client.on_shutdown(stopping.set)
    request = CallRequest(
        endpoint="realtime",
        fields={},
        model=model,
        is_stream=True,
        wants_usage=True,
        max_tokens=None,
        choices=1,
        body_bytes=0,
    )
    routes = find_routes(gateway, admitted, request)
    call = await _open_call(client, gateway, admitted, request)
    try:
        async with dialled(routes, client, gateway, call) as found:
            await client.accept()
            await Session(client, found, gateway, call, stopping).run()
    except UpstreamFailure as failure:
        raise end_failed(gateway, call, failure) from failure
    except CallRefused as refusal:
        settlement.void(gateway, call, Outcome("failed", refusal.status, refusal.code))
        raise
    except ClientLeft:
        settlement.void(gateway, call, Outcome("left", 499, "client_left"))
    finally:
        settlement.void(gateway, call, Outcome("failed", 500, "internal_error"))


async def _open_call(
    client: ClientSocket, gateway: Gateway, admitted: Admitted, request: CallRequest
) -> Call:
    """Price it, set the money aside, write it down."""
    caller = admitted.caller
    try:
        quote = gateway.snapshot.prices.quote(
            request.model, caller.group, wants_by_call=caller.is_billed_by_call
        )
    except UnpricedModel as error:
        raise errors.unpriced_model(request.model) from error
    reservation = await set_aside(gateway, caller, quote)
    call = Call(client.request_id, caller, admitted.address, request, quote, reservation)
    call.client_headers = client.headers
    gateway.journal.append_soon(call.opened())
    return call


TABLE: dict[str, Handler] = {"/v1/realtime": open_session, "/v1/responses": converse}

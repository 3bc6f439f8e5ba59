"""/v1/responses/{id}: retrieve, delete, cancel, input_items. Asked of the channel that holds the
response, or answered from what is kept here; never another user's.
"""

from urllib.parse import quote

import msgspec
from django.db import DatabaseError
from django.utils.translation import gettext_noop as _

from channels_app.failures import UpstreamFailure, hide_channel
from channels_app.providers import adaptor_of
from channels_app.providers.base import Outgoing
from channels_app.routing import ChannelConfig
from channels_app.upstream import Line
from channels_app.upstream_request import UpstreamRequest
from relay import errors
from relay.admission import admit
from relay.attempt import read_beginning, read_whole
from relay.continuing import find_response
from relay.errors import CallRefused, bad_request
from relay.gateway import Gateway
from relay.http import ClientExchange
from relay.patience import Patience
from relay.response_store import Remembered, delete_response
from relay.retry import refuse_for

ROOT = "/v1/responses/"
ACTIONS = {
    ("GET", ""): "retrieve",
    ("DELETE", ""): "delete",
    ("POST", "cancel"): "cancel",
    ("GET", "input_items"): "input_items",
}
SECONDS = 60.0


async def answer_stored(
    exchange: ClientExchange, gateway: Gateway, response_id: str, action: str
) -> None:
    """Raises CallRefused."""
    admitted = await admit(exchange, gateway)
    user_id = admitted.caller.user_id
    found = await find_response(gateway, user_id, response_id)
    if found is None:
        raise errors.unknown_response(response_id[:100])
    if found.body:
        await _answer_kept(exchange, gateway, found, action)
        return
    channel = gateway.snapshot.routes.by_id.get(found.channel_id)
    if channel is None or not channel.is_enabled:
        raise errors.unknown_response(response_id[:100])
    await _ask(exchange, gateway, channel, response_id, action)
    if action == "delete":
        await _delete(gateway, found)


async def _delete(gateway: Gateway, found: Remembered) -> None:
    """Raises CallRefused(503) while the database is away."""
    gateway.responses.forget([found])
    try:
        await gateway.database.run(delete_response, found.user_id, found.response_id)
    except DatabaseError as error:
        gateway.responses.note(found)
        raise errors.not_selling() from error


async def _answer_kept(
    exchange: ClientExchange, gateway: Gateway, found: Remembered, action: str
) -> None:
    match action:
        case "retrieve":
            body = found.body
        case "delete":
            await _delete(gateway, found)
            told = {"id": found.response_id, "object": "response", "deleted": True}
            body = msgspec.json.encode(told)
        case "input_items":
            items = msgspec.json.decode(found.items, type=list[msgspec.Raw])
            output = msgspec.json.decode(found.body, type=dict[str, msgspec.Raw])["output"]
            own = len(msgspec.json.decode(output, type=list[msgspec.Raw]))
            said = items[: len(items) - own]
            body = msgspec.json.encode({"object": "list", "data": said[::-1], "has_more": False})
        case _:
            raise bad_request(
                _("Only background responses can be cancelled"), "response_not_cancellable"
            )
    await exchange.answer(200, body)


async def _ask(
    exchange: ClientExchange,
    gateway: Gateway,
    channel: ChannelConfig,
    response_id: str,
    action: str,
) -> None:
    """Costs nothing: what was produced was charged when it was made."""
    adaptor = adaptor_of(channel.kind)
    usual = adaptor.build(
        Outgoing("responses", "responses", "", is_stream=False, body={}), channel, 0
    )
    base, mark, query = usual.url.partition("?")
    tail = action if action in {"cancel", "input_items"} else ""
    url = f"{base}/{quote(response_id, safe='')}" + (f"/{tail}" if tail else "") + mark + query
    method = {"delete": "DELETE", "cancel": "POST"}.get(action, "GET")
    request = UpstreamRequest(method, url, usual.headers, b"")
    line = Line(channel.proxy_url, channel.timeouts.connect or gateway.options.connect_seconds)
    try:
        async with Patience(SECONDS), gateway.upstream.exchange(request, line) as answer:
            if answer.status != 200:
                body = await read_beginning(answer)
                raise adaptor.failure(answer.status, body, answer.header("retry-after"))
            body = await read_whole(answer, gateway.options.max_answer_bytes)
    except TimeoutError as error:
        raise errors.upstream_failed(504, "the provider took too long", "timeout") from error
    except UpstreamFailure as failure:
        hide_channel(failure, channel)
        raise refusal_of(failure, response_id) from failure
    await exchange.answer(200, body)


def refusal_of(failure: UpstreamFailure, response_id: str) -> CallRefused:
    if failure.status == 404:
        return errors.unknown_response(response_id[:100])
    return refuse_for(failure)

"""Asks a channel's provider small questions besides calls: GET, an answer in JSON."""

import asyncio
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from channels_app.failures import Cause, UpstreamFailure, hide_channel
from channels_app.providers import adaptor_of
from channels_app.routing import ChannelConfig
from channels_app.upstream import Line, TooLarge, Upstream
from channels_app.upstream_request import UpstreamRequest

ASK_SECONDS = 20
CONNECT_SECONDS = 10
MOST_ANSWER = 8 * 1024 * 1024
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Question(NamedTuple):
    url: str
    headers: tuple[tuple[str, str], ...] = ()


async def ask(question: Question, channel: ChannelConfig, upstream: Upstream) -> Any:
    """The answer's JSON, its fractions as Decimal; raises UpstreamFailure, cleaned of what belongs
    to the channel.
    """
    fields = {"accept": "application/json", "accept-encoding": "identity"}
    fields |= {name.lower(): value for name, value in channel.headers}
    fields |= dict(question.headers)
    request = UpstreamRequest("GET", question.url, tuple(fields.items()), b"")
    line = Line(channel.proxy_url, channel.timeouts.connect or CONNECT_SECONDS)
    try:
        async with asyncio.timeout(ASK_SECONDS), upstream.exchange(request, line) as answer:
            body = await answer.read_all(MOST_ANSWER)
            if answer.status != 200:
                retry_after = answer.header("retry-after")
                raise adaptor_of(channel.kind).failure(answer.status, body, retry_after)
    except UpstreamFailure as failure:
        hide_channel(failure, channel)
        raise
    except TimeoutError as error:
        raise UpstreamFailure(Cause.TIMEOUT, "no answer in time", code="timeout") from error
    except TooLarge as error:
        raise UpstreamFailure(Cause.OVERLOADED, "the answer is too large") from error
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise unreadable() from error


def unreadable() -> UpstreamFailure:
    return UpstreamFailure(Cause.OVERLOADED, "the answer can't be read", code="unreadable")


def bearer(channel: ChannelConfig) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {channel.key}"),)

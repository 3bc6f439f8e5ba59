"""Access tokens of clouds: fetched once for all calls that wait, and renewed ahead of their end
beside the calls, so that none waits for the renewal.
"""

import asyncio
import time
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from channels_app.failures import Cause, UpstreamFailure, from_answer
from channels_app.providers.base import TokenRequest
from channels_app.routing import ChannelConfig
from channels_app.upstream import Line, TooLarge, Upstream

EARLY_SECONDS = 300
"""A token is renewed so long before its end."""
LAST_SECONDS = 30
"""A token that ends sooner is not used any more: calls take their time."""
AGAIN_SECONDS = 20
"""After a renewal that failed; meanwhile the token is still good."""
MOST_ANSWER = 64 * 1024
FETCH_SECONDS = 20.0
CONNECT_SECONDS = 10

log = structlog.get_logger("credentials")


@dataclass(slots=True)
class Token:
    """An access token; times of the monotonic clock."""

    value: str
    renew_at: float
    ends_at: float


class Credentials:
    """Tokens by what they were fetched with."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._fetching: dict[str, asyncio.Task[str]] = {}

    async def get(self, wanted: TokenRequest, channel: ChannelConfig, upstream: Upstream) -> str:
        """A token that is valid now; raises UpstreamFailure."""
        known = self._tokens.get(wanted.cache_key)
        now = time.monotonic()
        if known is not None and now < known.renew_at:
            return known.value
        task = self._fetching.get(wanted.cache_key)
        if task is None:
            task = asyncio.create_task(self._fetch(wanted, channel, upstream))
            self._fetching[wanted.cache_key] = task
            task.add_done_callback(partial(self._end_fetch, wanted.cache_key))
        if known is not None and now < known.ends_at:
            return known.value
        # A caller that gives up must not end the fetch for the others.
        return await asyncio.shield(task)

    def _end_fetch(self, key: str, task: asyncio.Task[str]) -> None:
        self._fetching.pop(key, None)
        known = self._tokens.get(key)
        if task.cancelled() or task.exception() is None or known is None:
            return
        # Nobody may be waiting for it: the token in use has some minutes left.
        known.renew_at = time.monotonic() + AGAIN_SECONDS
        log.warning("token_not_renewed", error=str(task.exception())[:200])

    async def _fetch(self, wanted: TokenRequest, channel: ChannelConfig, upstream: Upstream) -> str:
        line = Line(channel.proxy_url, channel.timeouts.connect or CONNECT_SECONDS)
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),
                upstream.exchange(wanted.request, line) as answer,
            ):
                body = await answer.read_all(MOST_ANSWER)
                status = answer.status
        except TimeoutError as error:
            msg = "no access token in time"
            raise UpstreamFailure(Cause.TIMEOUT, msg, code="token_timeout") from error
        except TooLarge as error:
            raise _no_token() from error
        if status != 200:
            failure = from_answer(status, body)
            if 400 <= status < 500 and status != 429:
                failure.cause = Cause.CREDENTIAL
            raise failure
        token, seconds = _read_token(wanted, body)
        now = time.monotonic()
        renew_at = now + max(seconds - EARLY_SECONDS, seconds / 2)
        ends_at = max(renew_at, now + seconds - LAST_SECONDS)
        self._tokens[wanted.cache_key] = Token(token, renew_at, ends_at)
        return token


def _read_token(wanted: TokenRequest, body: bytes) -> tuple[str, float]:
    try:
        answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        token = msgspec.json.decode(answer[wanted.value_field], type=str)
        raw = answer.get(wanted.seconds_field)
        seconds = msgspec.json.decode(raw, type=float | int) if raw else wanted.usual_seconds
    except (msgspec.DecodeError, KeyError) as error:
        raise _no_token() from error
    return token, float(seconds)


def _no_token() -> UpstreamFailure:
    msg = "the provider gave no access token"
    return UpstreamFailure(Cause.OVERLOADED, msg, code="no_access_token")

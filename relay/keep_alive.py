"""Keeps the client's connection alive while a provider is silent: comments in its event stream.

They begin only after some silence, because with the first one the answer's status is sent. Other
channels may still be tried then; what fails in the end is told as the dialect's error event.
"""

import asyncio
import time

from relay.answers import STREAM_HEADERS
from relay.http import ClientExchange, ClientLeft
from relay.request import CallRequest

COMMENT = b": keep-alive\n\n"
UNDERSTAND = frozenset({"openai", "completions", "responses", "anthropic"})
"""Dialects whose SDKs read event streams as the standard has it; google-genai does not."""


class KeepAlive:
    """`start` it with a streamed call, `stop` it with its end."""

    def __init__(self, exchange: ClientExchange, dialect: str, seconds: float) -> None:
        self._exchange = exchange
        exchange.stream_form = dialect
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._exchange.sent_at = time.monotonic()
        self._handle = self._loop.call_later(self._seconds, self._wake)

    async def stop(self) -> None:
        """Returns when no comment is under way any more; one that its client does not take never
        would be.
        """
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _wake(self) -> None:
        """One timer for the whole call: it looks how long the silence is when it fires."""
        exchange = self._exchange
        if exchange.is_gone or exchange.is_ended:
            return
        silent = time.monotonic() - exchange.sent_at
        if silent >= self._seconds and (self._task is None or self._task.done()):
            self._task = self._loop.create_task(self._comment())
            silent = 0.0
        self._handle = self._loop.call_later(self._seconds - silent, self._wake)

    async def _comment(self) -> None:
        try:
            await self._exchange.send_comment(STREAM_HEADERS, COMMENT)
        except ClientLeft:
            return


def keep_alive(exchange: ClientExchange, request: CallRequest, seconds: int) -> KeepAlive | None:
    """None where nothing is streamed, or not as events that bear comments."""
    if not (seconds and request.is_stream) or request.is_array:
        return None
    if request.dialect not in UNDERSTAND or type(exchange) is not ClientExchange:
        return None
    return KeepAlive(exchange, request.dialect, float(seconds))

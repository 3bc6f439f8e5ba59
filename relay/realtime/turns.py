"""The responses of a session: counted as they go by, charged when they are done, paid for before
they are begun.
"""

import asyncio

import structlog

from billing.pricing import Consumption
from relay.call import Call
from relay.counting import MOST_REASONING
from relay.gateway import Gateway
from relay.realtime.account import SLICE_TOKENS, Account
from relay.realtime.estimate import Conversation, Output
from relay.realtime.events import (
    ClientEvent,
    ResponseObject,
    ServerEvent,
    base64_bytes,
    read_response,
    read_text,
)
from relay.realtime.usage import Report, read_transcription, read_usage
from relay.reservation import LEAST_OUTPUT

log = structlog.get_logger("realtime")

AUDIO_DELTAS = frozenset({"response.output_audio.delta", "response.audio.delta"})
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
MOST_PROMPT = 131_072
"""What a report may claim beyond four times what we saw: the largest context of such a model, which
a stored prompt may fill.
"""
MOST_OPEN = 64


class Turns:
    """`before` goes before an event is passed on, `after` behind it: what is told is written down,
    and a done response reaches its client also when the balance ends with it.
    """

    def __init__(self, gateway: Gateway, call: Call, account: Account) -> None:
        self._gateway = gateway
        self._call = call
        self._account = account
        self._words = account.words
        self._conversation = Conversation(None if self._words is None else self._words.asked)
        self._outputs: dict[bytes, Output] = {}
        self._limit: int | None = None
        self._client_bytes = 0
        self.awaited_since: float | None = None

    @property
    def has_open(self) -> bool:
        """Whether a response is under way."""
        return any(not output.is_done for output in self._outputs.values())

    @property
    def is_waiting(self) -> bool:
        """Whether the provider owes the client events."""
        return self.awaited_since is not None or self.has_open

    def produced(self) -> int:
        """About how many tokens the responses under way have brought."""
        spoken = self._conversation.tokens_spoken
        return sum(output.text.guess() + spoken(output) for output in self._outputs.values())

    # --- The client's events ---

    async def before_client(self, event: ClientEvent, size: int) -> bool:
        """False when the balance does not pay for the response that is asked for. Raises
        CallRefused.
        """
        self._client_bytes += size
        self._conversation.note_client(event)
        if event.type != "response.create":
            return True
        more = (*self.guesses(), self._conversation.expect())
        enough = await self._secure_response(*more)
        if enough:
            self.awaited_since = asyncio.get_running_loop().time()
        return enough

    # --- The provider's events ---

    async def before(self, event: ServerEvent) -> None:
        self._conversation.note_server(event)
        match event.type:
            case "response.created":
                self.awaited_since = None
                key = bytes(read_response(event.response).id)
                if len(self._outputs) < MOST_OPEN:
                    self._outputs[key] = Output()
            case "response.done":
                await self._end(read_response(event.response))
            case "error":
                self.awaited_since = None
            case kind if kind == TRANSCRIBED:
                if self._words is not None:
                    self._words.hear(event.transcript)
                used = read_transcription(event.usage)
                if used is not None:
                    self._account.add_transcription(self._conversation.transcriber, used)
                    await self.note()
            case kind if kind.startswith("response.") and kind.endswith(".delta"):
                self._count_delta(event)

    async def after(self, event: ServerEvent) -> bool:
        """False when the balance is used up. Raises CallRefused."""
        match event.type:
            case "response.created":
                enough = await self._secure_response(*self.guesses())
                self._set_limit()
                return enough
            case "response.done":
                if not await self._account.cover():
                    return False
                expected = (*self.guesses(), self._conversation.expect())
                return await self._account.secure(*expected, output_tokens=LEAST_OUTPUT)
            case kind if kind == TRANSCRIBED:
                return await self._account.cover()
            case kind if kind.endswith(".delta"):
                return self._limit is None or self.produced() <= self._limit or await self._grow()
            case _:
                return True

    # --- What became of them ---

    def guesses(self) -> list[Consumption]:
        """What the responses under way have used, counted without waiting."""
        return [self._conversation.guess(output) for output in self._outputs.values()]

    async def note(self) -> None:
        """What they cost if this process dies now; responses that brought nothing cost nothing."""
        started = (output for output in self._outputs.values() if not output.is_empty)
        await self._account.note(*map(self._conversation.guess, started))

    async def charge_open(self, *, charges_cut: bool) -> None:
        """The session ends in the middle of them: what arrived is counted and charged."""
        for key, output in list(self._outputs.items()):
            if self._is_charged(output, charges_cut=charges_cut):
                used = await self._conversation.count(self._call.request.model, output)
                self._account.add(used, is_estimated=True)
            self._drop(key)

    def charge_open_now(self) -> None:
        """The same without any wait."""
        for key, output in list(self._outputs.items()):
            if self._is_charged(output, charges_cut=True):
                self._account.add(self._conversation.guess(output), is_estimated=True)
            self._drop(key)

    def _is_charged(self, output: Output, *, charges_cut: bool) -> bool:
        if output.is_done:
            return True
        return charges_cut and not output.is_empty and not self._account.quote.by_call

    def _count_delta(self, event: ServerEvent) -> None:
        output = self._outputs.get(bytes(event.response_id))
        if output is None:
            return
        if event.type in AUDIO_DELTAS:
            output.audio_bytes += base64_bytes(event.delta)
        else:
            output.text.add(read_text(event.delta))

    async def _end(self, response: ResponseObject) -> None:
        key = bytes(response.id)
        output = self._outputs.setdefault(key, Output())
        report = read_usage(response.usage)
        if not self._costs(response.status, output, report):
            self._drop(key)
            return
        if report is not None and self._is_plausible(report):
            self._account.add(report.consumption(self._account.quote.price))
            self._conversation.note_report(report)
        else:
            # If this is cancelled, the end of the session charges it.
            output.is_done = True
            used = await self._conversation.count(self._call.request.model, output)
            self._account.add(used, is_estimated=True)
        self._drop(key)
        await self.note()

    def _drop(self, key: bytes) -> None:
        """A response that is over."""
        output = self._outputs.pop(key, None)
        if output is not None and self._words is not None:
            self._words.tell(output.text)

    def _costs(self, status: str, output: Output, report: Report | None) -> bool:
        """Nothing is charged for what failed or was cancelled before it brought anything."""
        if status == "failed":
            return not output.is_empty and self._gateway.options.charge_cut_answers
        used_nothing = report is None or not (report.input or report.output)
        return not (status == "cancelled" and output.is_empty and used_nothing)

    def _is_plausible(self, report: Report) -> bool:
        if not (report.input or report.output):
            return False
        seen = 4 * self._conversation.expect().prompt_tokens + self._client_bytes
        if report.input <= seen + MOST_PROMPT and report.output <= MOST_REASONING:
            return True
        log.warning("usage_implausible", request_id=self._call.request_id, reported=str(report))
        return False

    async def _secure_response(self, *more: Consumption) -> bool:
        account = self._account
        return await account.secure_most(*more, output_tokens=account.usual_output)

    async def _grow(self) -> bool:
        """More is written than was held for."""
        enough = await self._account.secure_most(*self.guesses(), output_tokens=SLICE_TOKENS)
        self._set_limit()
        return enough

    def _set_limit(self) -> None:
        left = self._account.affordable(*self.guesses())
        self._limit = None if left is None else self.produced() + left

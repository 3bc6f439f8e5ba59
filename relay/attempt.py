"""What one attempt at a channel needs: its time, its limit of output, and how it ends when either
runs out.
"""

from collections.abc import Mapping
from functools import partial

import msgspec

from billing.price_book import fold_gizmo
from billing.pricing import Consumption, compute_charge
from billing.records import UsageState
from channels_app.dialects.beginnings import Rest
from channels_app.dialects.watch import Watch
from channels_app.failures import Cause, UpstreamFailure
from channels_app.providers.base import Adaptor
from channels_app.routing import ChannelConfig
from channels_app.tokens import count_tokens_aside
from channels_app.upstream import Exchange, TooLarge
from relay import settlement
from relay.call import Call, Outcome, Said
from relay.counting import as_consumption, count_answer, guess_prompt
from relay.gateway import Gateway
from relay.http import ClientExchange
from relay.patience import Patience
from relay.plan import Plan
from relay.resuming import find_broken, move_beginning

MOST_ERROR_BYTES = 64 * 1024


class PlannedTimeouts(msgspec.Struct, frozen=True):
    """Seconds for one attempt; `first_byte` is the whole time for an answer that is not
    streamed.
    """

    connect: int
    first_byte: int
    idle: int
    total: int


class Running(msgspec.Struct, eq=False):
    """An attempt under way."""

    exchange: ClientExchange
    gateway: Gateway
    call: Call
    plan: Plan
    patience: Patience
    timeouts: PlannedTimeouts
    watch: Watch | None = None
    is_sending: bool = False
    noted_tokens: int = 0
    prompt_tokens: int | None = None
    ends_at: float = 0.0
    channel: ChannelConfig | None = None

    @property
    def rest(self) -> Rest | None:
        """What is left of an answer that another channel began."""
        return self.plan.rest

    @property
    def adaptor(self) -> Adaptor:
        return self.plan.adaptor

    def client_left(self) -> None:
        """From now on the provider is only read for its usage, and not for long."""
        self.patience.end_within(self.gateway.options.drain_seconds)

    def produced_tokens(self) -> int:
        """About how many tokens the client has got."""
        if self.watch is None:
            return 0
        begun = len(self.rest.beginning) // 6 if self.rest and self.rest.is_begun else 0
        return max(self.watch.events, self.watch.text_bytes // 6) + begun

    def progress(self) -> Consumption:
        if self.call.request.media is not None:
            # Half a picture is none, and nobody knows how much of a sound has come.
            return Consumption()
        if self.prompt_tokens is None:
            self.prompt_tokens = guess_prompt(self.call.request)
        return Consumption(self.prompt_tokens, self.produced_tokens())

    async def ran_out_of_time(self, error: TimeoutError) -> None:
        """Settles what was under way; raises UpstreamFailure when another channel may still be
        tried.
        """
        is_gone = self.exchange.is_gone or self.is_sending
        if self.is_sending:
            # A comment may wait for the same client, and so would the server's graceful close.
            self.exchange.abort()
        if self.call.is_settled:
            return
        is_unanswered = self.watch is None and self.call.broken is not None
        if not is_gone and (is_unanswered or not self.exchange.has_content):
            raise UpstreamFailure(
                Cause.TIMEOUT, "the provider took too long", code="timeout"
            ) from error
        if is_gone:
            await self.end_left()
            return
        await self.cut_off("upstream_timeout", "the provider stopped sending")

    async def end_left(self) -> None:
        """The client left and the answer is not whole: it pays for what it was sent."""
        if self.exchange.has_content:
            await self.settle("left", 499, "client_left")
        else:
            settlement.void(self.gateway, self.call, Outcome("left", 499, "client_left"))

    def watch_has_report(self) -> bool:
        return self.watch is not None and self.watch.consumed is not None

    async def settle(self, status: UsageState, http_status: int = 200, code: str = "") -> None:
        """Charge what the stream reported or what we count of it."""
        used, is_estimated = await self._find_used()
        outcome = Outcome(status, http_status, code, used, is_estimated, self.said)
        await settlement.settle(self.gateway, self.call, outcome)

    def said(self) -> Said:
        """What the client has got of the answer in words: a copy, so that nothing of the attempt is
        held for it.
        """
        if self.rest is not None:
            words = self.rest.said
            return Said(lambda: words, len(words))
        if self.watch is None:
            return Said(str, 0)
        text = bytes(self.watch.text)
        read = read_escaped if self.call.request.media is not None else read_plain
        return Said(partial(read, text), len(text))

    async def _find_used(self) -> tuple[Consumption, bool]:
        """(what to charge, whether we counted any of it)."""
        watch, rest, request = self.watch, self.rest, self.call.request
        answer = watch.text.decode("utf-8", "replace") if watch else ""
        more = max(watch.text_bytes - len(watch.text), 0) if watch else 0
        reported = watch.consumed if watch else None
        if rest is not None:
            answer, more = rest.said, 0
        used, is_estimated = await settlement.consumption_of(
            self.call, reported, answer, more_bytes=more
        )
        if is_estimated or watch is None:
            return used, is_estimated
        if rest is not None and rest.is_begun:
            size = await count_tokens_aside(request.model, rest.beginning)
            used, is_estimated = move_beginning(used, size), True
        if not watch.is_finished and answer:
            counted = await count_answer(request, answer, more_bytes=more)
            if counted > used.completion_tokens:
                used, is_estimated = put_output(used, counted), True
        return used, is_estimated

    def settle_now(self) -> None:
        """The server stops hard: charge what is known, without any wait."""
        if self.call.is_settled:
            return
        if self.watch is None:
            if self.call.broken is not None:
                self.call.broken.running.settle_now()
            return
        guessed, reported = self.progress(), self.watch.consumed
        used = guessed if reported is None else as_consumption(reported)
        if reported is not None and self.rest is not None and self.rest.is_begun:
            used = move_beginning(used, len(self.rest.beginning) // 6)
        if not self.watch.is_finished and guessed.completion_tokens > used.completion_tokens:
            used, reported = put_output(used, guessed.completion_tokens), None
        outcome = Outcome("interrupted", 200, "gateway_stopped", used, reported is None, self.said)
        settlement.close(self.gateway, self.call, outcome, compute_charge(self.call.quote, used))

    async def cut_off(self, code: str, message: str, *, may_go_on: bool = True) -> None:
        """The provider broke off in the middle: charge what arrived (option), tell the client.
        Raises UpstreamFailure when another channel may go on.
        """
        if self.call.is_settled:
            return
        failure = UpstreamFailure(Cause.NETWORK, message, code=code)
        broken = find_broken(self, code, message) if may_go_on else None
        if broken is not None:
            self.call.broken = broken
            raise failure
        if self.call.channel is not None:
            self.gateway.note_failure(
                self.call.channel, fold_gizmo(self.call.request.model), failure
            )
        await self.end_cut(code, message)

    async def end_cut(self, code: str, message: str) -> None:
        """Charge what the client has got (option), and tell it that this is not all."""
        self.call.is_cut = True
        if self.exchange.is_gone and not self.exchange.has_content:
            await self.end_left()
            return
        is_counted = self.call.request.media is None or self.watch_has_report()
        if self.gateway.options.charge_cut_answers and is_counted:
            await self.settle("cut", 200, code)
        else:
            outcome = Outcome("cut", 200, code, said=self.said)
            settlement.void(self.gateway, self.call, outcome)
        if not self.exchange.is_gone and self.watch is not None:
            told = self.watch.fail(f"{message} (request id: {self.exchange.request_id})", code)
            if not told:
                await self.exchange.break_off()
                return
            await self.exchange.send(told)
            await self.exchange.end()


def read_plain(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def read_escaped(text: bytes) -> str:
    """Transcripts are watched as they stand in their events."""
    try:
        return msgspec.json.decode(b'"%b"' % text, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read_plain(text)


def put_output(used: Consumption, tokens: int) -> Consumption:
    """At least so much: what a provider reports before its end is less than it has produced."""
    return msgspec.structs.replace(used, completion_tokens=tokens)


def plan_timeouts(gateway: Gateway, channel: ChannelConfig, *, is_stream: bool) -> PlannedTimeouts:
    """The channel's own seconds, else the options'; RELAY_TIMEOUT bounds the total."""
    own, options = channel.timeouts, gateway.options
    total = own.total or gateway.relay_timeout or options.total_seconds
    first_byte = min(own.first_byte or options.first_byte_seconds, total) if is_stream else total
    return PlannedTimeouts(
        own.connect or options.connect_seconds, first_byte, own.idle or options.idle_seconds, total
    )


async def read_failure(
    answer: Exchange, adaptor: Adaptor, status_mapping: Mapping[int, int]
) -> UpstreamFailure:
    """`status_mapping`: how the operator wants the provider's statuses understood."""
    body = await read_beginning(answer)
    status = status_mapping.get(answer.status, answer.status)
    return adaptor.failure(status, body, answer.header("retry-after"))


async def read_beginning(answer: Exchange) -> bytes:
    """The body of an error, as far as it is worth reading."""
    try:
        return await answer.read_all(MOST_ERROR_BYTES)
    except TooLarge as error:
        beginning: bytes = error.args[0]
        return beginning


async def read_whole(answer: Exchange, limit: int) -> bytes:
    """The whole body; raises UpstreamFailure when it is too large."""
    try:
        return await answer.read_all(limit)
    except TooLarge as error:
        msg = "the provider's answer is too large"
        raise UpstreamFailure(Cause.OVERLOADED, msg, code="bad_upstream_response") from error

"""One client request and everything that became of it."""

import time
from collections.abc import Callable, Mapping
from tempfile import SpooledTemporaryFile
from typing import Any

import msgspec

from billing.pricing import Charge, Consumption, Quote
from billing.purses import Hold
from billing.records import Closed, Opened, UsageState
from channels_app.conditions import Turn
from channels_app.dialects.conversation import Conversation
from channels_app.failures import UpstreamFailure
from channels_app.routing import ChannelConfig
from relay.affinity import Served
from relay.callers import Caller
from relay.request import CallRequest

MOST_PASSED = 20


class Attempt(msgspec.Struct, omit_defaults=True):
    """One try at a route, as the usage row keeps it."""

    channel: int
    name: str
    ms: int = 0
    error: str = ""
    message: str = ""
    key: str = ""
    """The end of the key, where the channel has several."""
    why: str = ""


class Reservation(msgspec.Struct):
    """What was set aside, and the output that it pays for; None where there is nothing to limit."""

    hold: Hold
    prompt_tokens: int
    output_tokens: int | None
    is_clamped: bool = False


class Said(msgspec.Struct, frozen=True):
    """What the client was answered in words: `read` gives the text, on any thread; `size` is about
    the bytes that are held for it. `asked` where that does not stand in the request.
    """

    read: Callable[[], str]
    size: int
    asked: Callable[[], str] | None = None


class Outcome(msgspec.Struct):
    """How the call ended, for the charge and the log. `said` is asked only where texts are kept."""

    status: UsageState = "ok"
    http_status: int = 200
    error_code: str = ""
    consumption: Consumption = Consumption()
    is_estimated: bool = False
    said: Callable[[], Said] | None = None


class Call(msgspec.Struct, eq=False):
    """The life of one request; settled exactly once."""

    request_id: str
    caller: Caller
    address: str
    request: CallRequest
    quote: Quote
    reservation: Reservation
    started_at: float = msgspec.field(default_factory=time.time)
    started: float = msgspec.field(default_factory=time.monotonic)
    attempts: list[Attempt] = []
    channel: ChannelConfig | None = None
    upstream_model: str = ""
    first_byte_ms: int | None = None
    is_settled: bool = False
    attempt_started: float | None = None
    parsed: Conversation | None = None
    passed_over: list[tuple[ChannelConfig, str]] = []
    """Channels that were not tried, and why."""
    is_cut: bool = False
    broken: Any = None
    """A `relay.resuming.Broken`: the answer that the next channel is to go on with."""
    client_headers: Mapping[bytes, bytes] = {}
    produced: "SpooledTemporaryFile[bytes] | None" = None
    """The sound that the client got, where its length is the price."""
    turn: Turn | None = None
    """The attempt under way, as the channels' health knows it."""
    preferred: Served | None = None
    """What served such calls last."""
    used_tokens: int = 0
    used_units: int = 0
    """What it consumed and was charged, once it is settled."""

    def conversation(self) -> Conversation:
        """The request in the hub's form, parsed once; raises CallRefused(400)."""
        if self.parsed is None:
            self.parsed = self.request.conversation()
        return self.parsed

    def elapsed_ms(self) -> int:
        return int((time.monotonic() - self.started) * 1000)

    def note_first_byte(self) -> None:
        if self.turn is not None:
            self.turn.has_answered = True
        if self.first_byte_ms is None:
            self.first_byte_ms = self.elapsed_ms()

    def begin_attempt(self, channel: ChannelConfig, upstream_model: str) -> None:
        self.channel, self.upstream_model = channel, upstream_model
        self.attempt_started = time.monotonic()

    def _encode_attempts(self) -> str:
        if not (self.attempts or self.passed_over):
            return ""
        passed = [_skipped(*one) for one in self.passed_over[:MOST_PASSED]]
        return _encode([*passed, *self.attempts]).decode()

    def note_failure(
        self, channel: ChannelConfig, started: float, failure: UpstreamFailure
    ) -> None:
        taken = int((time.monotonic() - started) * 1000)
        self.attempt_started = None
        self.attempts.append(
            self._attempt(channel, taken, error=failure.label, message=failure.message)
        )

    def _note_last_attempt(self) -> None:
        """The one under way, where there is more to tell of than its channel."""
        channel, started = self.channel, self.attempt_started
        if channel is None or started is None:
            return
        attempt = self._attempt(channel, int((time.monotonic() - started) * 1000))
        if self.attempts or attempt.key or attempt.why:
            self.attempts.append(attempt)

    def _attempt(
        self, channel: ChannelConfig, taken: int, *, error: str = "", message: str = ""
    ) -> Attempt:
        preferred = self.preferred
        is_preferred = preferred is not None and preferred.channel == channel.id
        why = "affinity" if is_preferred else ""
        return Attempt(channel.id, channel.name, taken, error, message, channel.key_hint, why)

    def opened(self) -> Opened:
        caller = self.caller
        return Opened(
            self.request_id,
            int(self.started_at * 1000),
            caller.user_id,
            caller.username,
            caller.token_id,
            caller.token_name,
            caller.group,
            caller.wallet_id,
            caller.limit_id,
            self.reservation.hold.units,
            self.request.endpoint,
            self.request.model,
            self.request.is_stream,
            self.quote.price.version,
            self.address,
        )

    def closed(self, outcome: Outcome, charge: Charge, units: int, uncollected: int) -> Closed:
        caller, channel, used = self.caller, self.channel, outcome.consumption
        self._note_last_attempt()
        return Closed(
            self.request_id,
            int(self.started_at * 1000),
            caller.user_id,
            caller.username,
            caller.token_id,
            caller.token_name,
            caller.group,
            caller.wallet_id,
            caller.limit_id,
            self.request.endpoint,
            self.request.model,
            self.request.is_stream,
            self.quote.price.version,
            self.address,
            channel.id if channel else None,
            channel.name if channel else "",
            self.upstream_model,
            outcome.status,
            outcome.http_status,
            outcome.error_code[:64],
            used.prompt_tokens,
            used.completion_tokens,
            used.cached_tokens,
            used.reasoning_tokens,
            outcome.is_estimated,
            units,
            uncollected,
            encode_items(charge),
            self._encode_attempts(),
            self.first_byte_ms,
            self.elapsed_ms(),
        )


_encode = msgspec.json.Encoder().encode


def _skipped(channel: ChannelConfig, reason: str) -> Attempt:
    """A channel that was not asked; or, with its first channel, a whole priority."""
    if reason == "tier":
        return Attempt(0, str(channel.priority), error="skipped:tier")
    return Attempt(channel.id, channel.name, error=f"skipped:{reason}")


def encode_items(charge: Charge) -> str:
    """[[name, quantity, unit price, amount], …, ["group", ratio]]: all exact decimal texts."""
    if not charge.items:
        return ""
    items: list[list[str | int]] = [
        [item.name, item.quantity, f"{item.unit_price:f}", f"{item.amount:f}"]
        for item in charge.items
    ]
    items.append(["group", f"{charge.group_ratio:f}"])
    return _encode(items).decode()

"""What is wrong with one model at one channel, or at one key of it: how long it rests, and how it
comes back.

After a rest one call at a time tries until one has its first byte, and at most TRIAL_CALLS begin
in the first second: a provider that has just come back is not trampled. Times are monotonic
seconds.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from channels_app.decisions import Rest
from channels_app.routing import ChannelConfig
from channels_app.tallies import Entry

FIRST_COOLING, MOST_COOLING = 5.0, 300.0
FAILURES_TO_OPEN = 5
FIRST_OPEN, MOST_OPEN = 10.0, 300.0
TRIAL_SECONDS, TRIAL_CALLS = 1.0, 3
PROBE_SECONDS = 10.0
"""A trial that has no answer for so long holds up no other."""
LAST_RESORT_SECONDS = 5.0
"""Where nothing else is left, an open circuit is tried so soon."""


class Reason(StrEnum):
    """Why a channel is passed over."""

    COOLING = "cooling"
    OPEN = "circuit_open"
    PROBING = "circuit_probing"
    RETRIES = "retry_budget"


class Place(NamedTuple):
    """A model at a channel, or at one key of it."""

    channel: int
    key: str
    model: str


class Turn(msgspec.Struct, eq=False):
    """An attempt that was begun. `has_answered` once the first byte is there."""

    channel: ChannelConfig
    model: str
    is_retry: bool
    began: float
    entries: tuple[Entry, ...] = ()
    has_answered: bool = False
    is_over: bool = False


class Condition(msgspec.Struct, eq=False):
    """Kept until a success has proved itself."""

    failures: int = 0
    coolings: int = 0
    openings: int = 0
    cools_until: float = 0.0
    opens_until: float = 0.0
    failed_at: float = 0.0
    why: str = ""
    """The label of the last failure."""
    trial: Turn | None = None
    trial_at: float = 0.0
    trial_calls: int = 0
    is_trusted: bool = False

    @property
    def has_rested(self) -> bool:
        return bool(self.coolings or self.openings)

    @property
    def rests_until(self) -> float:
        return max(self.cools_until, self.opens_until)

    def objection(self, now: float, head_start: float = 0.0) -> Reason | None:
        """`head_start` are the seconds that other workers may try it before this one."""
        if self.cools_until > now:
            return Reason.COOLING
        if self.opens_until > now:
            return Reason.OPEN
        if not self.has_rested or (self.is_trusted and now >= self.trial_at + TRIAL_SECONDS):
            return None
        trial = self.trial
        is_waiting = trial is not None and not (trial.has_answered or trial.is_over)
        if is_waiting and trial is not None and now < trial.began + PROBE_SECONDS:
            return Reason.PROBING
        if self.trial_at and now < self.trial_at + TRIAL_SECONDS:
            return Reason.PROBING if self.trial_calls >= TRIAL_CALLS else None
        return Reason.PROBING if now < self.rests_until + head_start else None

    def begin(self, turn: Turn) -> None:
        """A call is let through, though it failed lately."""
        if not self.has_rested:
            return
        if not self.trial_at:
            self.trial_at, self.trial_calls = turn.began, 0
        self.trial = turn
        self.trial_calls += 1

    def is_last_resort(self, now: float) -> bool:
        """Whether it may be tried before its rest is over, where nothing else is left. What a
        provider asked for is obeyed.
        """
        trial = self.trial
        is_tried = trial is not None and not trial.is_over and now < trial.began + PROBE_SECONDS
        return (
            self.cools_until <= now < self.opens_until
            and now >= self.failed_at + LAST_RESORT_SECONDS
            and not is_tried
        )

    def wait(self, now: float) -> float:
        """Seconds until somebody may try it, also as a last resort."""
        opens = min(self.opens_until, self.failed_at + LAST_RESORT_SECONDS)
        return max(self.cools_until, opens) - now

    def fail(self, rest: Rest, retry_after: float | None, now: float, why: str = "") -> None:
        if self.is_trusted:
            self.failures = self.coolings = self.openings = 0
            self.is_trusted = False
        self.trial_at, self.trial_calls, self.failed_at, self.why = 0.0, 0, now, why
        if rest == Rest.COOL:
            wait = retry_after or FIRST_COOLING * 2**self.coolings
            self.coolings = min(self.coolings + 1, 10)
            self.cools_until = now + min(wait, MOST_COOLING)
            return
        self.failures += 1
        if self.openings or self.failures >= FAILURES_TO_OPEN:
            wait = FIRST_OPEN * 2**self.openings
            self.openings = min(self.openings + 1, 10)
            self.opens_until = now + min(wait, MOST_OPEN)

    def take_over(self, told: "Condition") -> None:
        """What another worker found, where it found more."""
        self.coolings = max(self.coolings, told.coolings)
        self.openings = max(self.openings, told.openings)
        self.cools_until = max(self.cools_until, told.cools_until)
        self.opens_until = max(self.opens_until, told.opens_until)
        self.failed_at, self.why = max(self.failed_at, told.failed_at), told.why
        self.trial_at, self.trial_calls, self.is_trusted = 0.0, 0, False

    def trust(self, now: float, calls: int = 0) -> None:
        """It works again, as somebody found out just now, with so many calls."""
        self.is_trusted = True
        self.cools_until = self.opens_until = 0.0
        self.trial_at = self.trial_at or now
        self.trial_calls = max(self.trial_calls, calls)

    def succeed(self, now: float) -> bool:
        """True when nothing more need be known."""
        if not self.has_rested or now >= self.trial_at + TRIAL_SECONDS or not self.trial_at:
            return True
        self.trust(now)
        return False

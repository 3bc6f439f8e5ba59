"""Which channels and keys are well, in one worker's memory. Times are monotonic seconds, given by
the caller; nothing is awaited.

What a failure adds up to, channels_app.decisions says; how a rest ends, channels_app.conditions;
what others found, channels_app.sharing brings.
"""

import random
import time
from collections.abc import Collection, Iterable
from enum import StrEnum

import msgspec

from channels_app.conditions import TRIAL_CALLS, Condition, Place, Reason, Turn
from channels_app.decisions import Decision, Rest
from channels_app.failures import UpstreamFailure
from channels_app.limits import LimitBook, Over
from channels_app.routing import RANDOM, ChannelConfig

STRIKE_SECONDS = 600.0
LEAST_RETRIES = 3
RETRY_SHARE = 0.2
"""Retries under way at a channel may be a fifth of its calls, as Envoy's default has it."""
MOST_KEPT = 50_000
MOST_TOLD = 2_000
RECOVERED_SECONDS = 5.0
NEVER = float("-inf")


class Verdict(StrEnum):
    """What is to be taken out of service."""

    NOTHING = "nothing"
    KEY = "key"
    CHANNEL = "channel"


class Traffic(msgspec.Struct):
    """What is under way at one channel."""

    calls: int = 0
    retries: int = 0


class Told(msgspec.Struct, array_like=True, frozen=True):
    """A rest as one worker tells it to others; the times are seconds from now."""

    channel: int
    key: str
    model: str
    cools: float
    opens: float
    failed: float
    coolings: int
    openings: int
    why: str = ""


class Words(msgspec.Struct, array_like=True, frozen=True):
    """All that one worker tells of rests: those it found, and the places that work again, with the
    seconds since.
    """

    rests: list[Told] = []
    recovered: list[tuple[int, str, str, float]] = []


class Health:
    """Asked before a channel is tried, told how it went."""

    def __init__(self) -> None:
        self.limits = LimitBook()
        self._conditions: dict[Place, Condition] = {}
        self._foreign: dict[Place, Condition] = {}
        self._recovered: dict[Place, float] = {}
        self._forgotten: dict[int, float] = {}
        self._rank: int = 0
        self._workers: int = 1
        self._strikes: dict[tuple[int, str], list[float]] = {}
        self._traffic: dict[int, Traffic] = {}
        self._turns: dict[int, int] = {}
        self._random = random.Random()  # noqa: S311 -- spreads load, guards nothing

    # --- Before a call ---

    def objection(
        self,
        channel: ChannelConfig,
        model: str,
        now: float,
        *,
        is_retry: bool = False,
        tokens: int = 0,
    ) -> Reason | Over | None:
        """Why this channel should not be tried now, for a call of about so many tokens; None: it
        may.
        """
        found = self._rest(Place(channel.id, "", model), now)
        if found is None and is_retry and self._has_its_retries(channel.id):
            found = Reason.RETRIES
        if found is not None or not channel.is_limited:
            return found
        return self.limits.objection(channel, model, now, tokens)

    def choose_key(
        self,
        channel: ChannelConfig,
        model: str,
        now: float,
        *,
        used: Collection[str] = (),
        sticky: int | None = None,
    ) -> ChannelConfig | None:
        """The channel with one of its keys, by its strategy: none of `used` and none that rests.
        `sticky` gives the same key for the same number.
        """
        keys = channel.keys
        if not keys:
            return None if channel.key_tag in used else channel
        if sticky is not None:
            first = sticky
        elif channel.key_strategy == RANDOM:
            first = self._random.randrange(len(keys))
        else:
            first = self._turns.get(channel.id, 0)
        for step in range(len(keys)):
            chosen = keys[(first + step) % len(keys)]
            if chosen.key_tag in used:
                continue
            if self._rest(Place(channel.id, chosen.key_tag, model), now) is None:
                self._turns[channel.id] = first + step + 1
                return chosen
        return None

    def _rest(self, place: Place, now: float) -> Reason | None:
        condition = self._conditions.get(place)
        if condition is None:
            condition = self._foreign.get(place)
            if condition is None:
                return None
        return condition.objection(now, self._head_start(place.channel))

    def _head_start(self, channel_id: int) -> float:
        """Workers take turns: a second for each."""
        if self._workers == 1:
            return 0.0
        return float(min((self._rank + channel_id) % self._workers, 5))

    def _has_its_retries(self, channel_id: int) -> bool:
        traffic = self._traffic.get(channel_id)
        if traffic is None:
            return False
        return traffic.retries >= max(LEAST_RETRIES, traffic.calls * RETRY_SHARE)

    def last_resort(
        self, channels: Iterable[ChannelConfig], model: str, now: float
    ) -> ChannelConfig | None:
        """Of channels that all rest, the one whose rest ends first, if it may be tried now."""
        best: tuple[float, ChannelConfig] | None = None
        for channel in channels:
            condition = self._find(Place(channel.id, "", model))
            if condition is None or not condition.is_last_resort(now):
                continue
            if best is None or condition.opens_until < best[0]:
                best = condition.opens_until, channel
        return best[1] if best else None

    def wait_for(self, channels: Iterable[ChannelConfig], model: str, now: float) -> float | None:
        """Seconds until the first of these may be tried again; None: nothing is known."""
        waits = [
            condition.wait(now)
            for channel in channels
            for one in channel.keys or (channel,)
            for place in {Place(channel.id, "", model), Place(channel.id, one.key_tag, model)}
            if (condition := self._find(place)) is not None and condition.has_rested
        ]
        return max(min(waits), 1.0) if waits else None

    def _find(self, place: Place) -> Condition | None:
        return self._conditions.get(place) or self._foreign.get(place)

    # --- A call ---

    def begin(
        self, channel: ChannelConfig, model: str, now: float, *, is_retry: bool, tokens: int = 0
    ) -> Turn:
        """An attempt starts; `end` must follow."""
        traffic = self._traffic.get(channel.id)
        if traffic is None:
            traffic = self._traffic[channel.id] = Traffic()
        traffic.calls += 1
        traffic.retries += is_retry
        turn = Turn(channel, model, is_retry, now)
        if self._conditions or self._foreign:
            for place in _places(channel, model):
                condition = self._own(place)
                if condition is not None:
                    condition.begin(turn)
        if channel.is_limited:
            turn.entries = self.limits.begin(channel, model, now, tokens)
        return turn

    def _own(self, place: Place) -> Condition | None:
        """What is known here; what others told becomes our own when we try it."""
        condition = self._conditions.get(place)
        if condition is None and place in self._foreign:
            condition = self._conditions[place] = self._foreign[place]
        return condition

    def end(self, turn: Turn, tokens: int = 0, units: int = 0) -> None:
        """With the tokens that it consumed and the units that were charged for them."""
        turn.is_over = True
        traffic = self._traffic[turn.channel.id]
        traffic.calls -= 1
        traffic.retries -= turn.is_retry
        if not traffic.calls:
            del self._traffic[turn.channel.id]
        if turn.entries:
            self.limits.end(turn.entries, time.monotonic(), tokens, units)

    def note_success(self, channel: ChannelConfig, model: str, now: float) -> None:
        if self._conditions:
            for place in _places(channel, model):
                condition = self._conditions.get(place)
                if condition is None:
                    continue
                if condition.has_rested and not condition.is_trusted:
                    self._recovered[place] = now
                    self._foreign.pop(place, None)
                if condition.succeed(now):
                    del self._conditions[place]
        if self._strikes:
            self._strikes.pop((channel.id, channel.key_tag), None)

    def note_failure(
        self,
        channel: ChannelConfig,
        model: str,
        failure: UpstreamFailure,
        decision: Decision,
        now: float,
        strikes: int,
    ) -> Verdict:
        """With `strikes` strikes the key is to be disabled, or the channel that has one alone."""
        if decision.rest == Rest.NONE:
            return Verdict.NOTHING
        if len(self._conditions) > MOST_KEPT:
            self._conditions.clear()
        key = channel.key_tag if decision.is_of_key else ""
        place = Place(channel.id, key, model)
        condition = self._own(place)
        if condition is None:
            condition = self._conditions[place] = Condition()
        condition.fail(decision.rest, failure.retry_after, now, failure.label)
        whose = (channel.id, key)
        if not (decision.strikes and self._strike(whose, now) >= strikes):
            return Verdict.NOTHING
        # One verdict: a second would come after an operator may have enabled it again.
        del self._strikes[whose]
        return Verdict.KEY if key else Verdict.CHANNEL

    def _strike(self, whose: tuple[int, str], now: float) -> int:
        strikes = self._strikes.setdefault(whose, [])
        strikes[:] = [at for at in strikes if at > now - STRIKE_SECONDS][-100:]
        strikes.append(now)
        return len(strikes)

    def forget(self, channel_id: int, now: float) -> None:
        """An operator changed or tested it: it starts afresh."""
        self._forgotten[channel_id] = now
        for place in [place for place in self._conditions if place.channel == channel_id]:
            del self._conditions[place]
        for whose in [whose for whose in self._strikes if whose[0] == channel_id]:
            del self._strikes[whose]
        if any(place.channel == channel_id for place in self._foreign):
            self._foreign = {
                place: one for place, one in self._foreign.items() if place.channel != channel_id
            }

    # --- What workers tell each other, and pages ---

    def rests(self, now: float) -> list[tuple[Place, Condition]]:
        """All that rests, also by what others told. Other threads may ask."""
        known = {**self._foreign.copy(), **self._conditions.copy()}
        return [(place, one) for place, one in known.items() if one.rests_until > now]

    def tell(self, now: float) -> Words:
        """What this worker found by itself; the rests that last longest first."""
        found = [
            Told(
                *place,
                round(one.cools_until - now, 2),
                round(one.opens_until - now, 2),
                round(one.failed_at - now, 2),
                one.coolings,
                one.openings,
                one.why,
            )
            for place, one in self._conditions.items()
            if one.has_rested and one.rests_until > now
        ]
        found.sort(key=lambda told: -max(told.cools, told.opens))
        self._recovered = {
            place: at for place, at in self._recovered.items() if at > now - RECOVERED_SECONDS
        }
        back = [(*place, round(now - at, 2)) for place, at in self._recovered.items()]
        return Words(found[:MOST_TOLD], back[:MOST_TOLD])

    def hear(self, all_words: Iterable[Words], rank: int, workers: int, now: float) -> None:
        """The words of all others; of `workers` that live, this one is number `rank`. A rest that
        ends is remembered for some seconds, so that not all come back at once.
        """
        self._rank, self._workers = rank, workers
        recovered = dict(self._recovered)
        self._forgotten = {
            channel: at for channel, at in self._forgotten.items() if at > now - RECOVERED_SECONDS
        }
        rests: list[Told] = []
        for words in all_words:
            rests += words.rests
            for channel, key, model, ago in words.recovered:
                place = Place(channel, key, model)
                recovered[place] = max(recovered.get(place, NEVER), now - ago)
        self._foreign = {
            place: one
            for place, one in self._foreign.items()
            if one.rests_until > now - min(workers, 5) - 1
            and recovered.get(place, NEVER) < one.failed_at
        }
        for place, at in recovered.items():
            own = self._conditions.get(place)
            if own is not None and own.has_rested and own.failed_at < at:
                own.trust(at, TRIAL_CALLS)
        for told in rests:
            place = Place(told.channel, told.key, told.model)
            # Who tells it may not know yet that it is forgotten.
            over = max(recovered.get(place, NEVER), self._forgotten.get(told.channel, NEVER))
            if over < now + told.failed:
                self._take_in(place, told, now)

    def _take_in(self, place: Place, told: Told, now: float) -> None:
        known = Condition(
            coolings=told.coolings,
            openings=told.openings,
            cools_until=now + told.cools if told.coolings else 0.0,
            opens_until=now + told.opens if told.openings else 0.0,
            failed_at=now + told.failed,
            why=told.why,
        )
        own = self._conditions.get(place) or self._foreign.get(place)
        if own is None:
            self._foreign[place] = known
        elif own.failed_at < known.failed_at - 0.05:
            own.take_over(known)


def _places(channel: ChannelConfig, model: str) -> tuple[Place, ...]:
    first = Place(channel.id, "", model)
    return (first, Place(channel.id, channel.key_tag, model)) if channel.key_tag else (first,)

"""Whether a channel had as much as it may: of calls at once, of a minute, of a day.

The workers of a node count in one memory, exactly. Several nodes tell each other about twice a
second what they counted (channels_app.sharing): what was left then is divided among them, so that
they pass a limit by no more than what they begin within that time. Where they can't hear each
other, each keeps to its share. What a day had comes from the books, which lag by what other nodes
do in some seconds.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from channels_app.routing import ChannelConfig, Limits
from channels_app.tallies import Count, Entry, Tallies, make_tag

MICRO = 1_000_000


class Over(StrEnum):
    """Which limit was reached."""

    BUSY = "concurrency"
    RATE = "rate"
    TOKENS = "token_rate"
    DAY = "daily_cap"


class Foreign(NamedTuple):
    """What other nodes counted of one tag."""

    running: int = 0
    requests: int = 0
    tokens: int = 0


class Day(msgspec.Struct, frozen=True):
    """What the books say of a channel's day."""

    requests: int = 0
    tokens: int = 0
    units: int = 0


NOWHERE = Foreign()
NOTHING = Count()


class LimitBook:
    """Asked before a call, told when it begins and ends."""

    def __init__(self) -> None:
        self.tallies = Tallies()
        self.units_per_usd = 500_000
        self._nodes = 1
        self._foreign: Mapping[int, Foreign] = {}
        self._at_sync: dict[int, Count] = {}
        self._days: dict[int, Day] = {}

    def objection(self, channel: ChannelConfig, model: str, now: float, tokens: int) -> Over | None:
        """Which limit another call of about so many tokens would pass; None: it may come."""
        limits, tag = channel.limits, make_tag(channel.id)
        count = self.tallies.read(tag, now)
        before, others = self._at_sync.get(tag, NOTHING), self._foreign.get(tag, NOWHERE)
        if self._is_reached(limits.concurrency, count.running, before.running, others.running):
            return Over.BUSY
        if self._is_reached(
            limits.total_requests_per_minute, count.requests, before.requests, others.requests
        ) or (limits.requests_per_minute and self._is_model_spent(limits, channel.id, model, now)):
            return Over.RATE
        most = limits.tokens_per_minute
        # What is larger than the whole limit goes when nothing else went: the count is rough.
        if most and count.tokens + others.tokens:
            used = count.tokens + max(tokens - 1, 0)
            if self._is_reached(most, used, before.tokens, others.tokens):
                return Over.TOKENS
        return Over.DAY if limits.has_daily and self._is_day_over(channel, count) else None

    def _is_model_spent(self, limits: Limits, channel_id: int, model: str, now: float) -> bool:
        tag = make_tag(channel_id, model)
        count = self.tallies.read(tag, now)
        before, others = self._at_sync.get(tag, NOTHING), self._foreign.get(tag, NOWHERE)
        most = limits.requests_per_minute
        return self._is_reached(most, count.requests, before.requests, others.requests)

    def _is_reached(self, most: int, used: int, before: int, elsewhere: int) -> bool:
        """`used` here, where `before` was used at the last exchange and `elsewhere` by others."""
        if not most:
            return False
        if self._nodes == 1:
            return used >= most
        share = -(-max(most - before - elsewhere, 0) // self._nodes)
        return used >= before + share or used + elsewhere >= most

    def _is_day_over(self, channel: ChannelConfig, count: Count) -> bool:
        limits, base = channel.limits, self._days.get(channel.id) or Day()
        spent = (base.units + count.day_units) * MICRO
        return any(
            most and used >= most
            for most, used in (
                (limits.requests_per_day, base.requests + count.day_requests),
                (limits.tokens_per_day, base.tokens + count.day_tokens),
                (limits.micro_usd_per_day * self.units_per_usd, spent),
            )
        )

    def begin(
        self, channel: ChannelConfig, model: str, now: float, tokens: int
    ) -> tuple[Entry, ...]:
        """For `end`."""
        entry = self.tallies.begin(make_tag(channel.id), now, tokens)
        if not channel.limits.requests_per_minute:
            return (entry,)
        return entry, self.tallies.begin(make_tag(channel.id, model), now, tokens)

    def end(self, entries: tuple[Entry, ...], now: float, tokens: int, units: int) -> None:
        for entry in entries:
            self.tallies.end(entry, now, tokens, units)

    # --- What others tell ---

    def tell(self, now: float) -> dict[int, Foreign]:
        """What this worker alone counted, for other nodes."""
        found = {}
        for tag in self.tallies.tags():
            count = self.tallies.read(tag, now, own=True)
            if count.running or count.requests or count.tokens:
                found[tag] = Foreign(count.running, count.requests, count.tokens)
        return found

    def hear(self, foreign: Mapping[int, Foreign], nodes: int, now: float) -> None:
        """What the other nodes counted; `nodes` are all that live, this one among them."""
        self._foreign, self._nodes = foreign, nodes
        tags = {*foreign, *self.tallies.tags()} if nodes > 1 else ()
        self._at_sync = {tag: self.tallies.read(tag, now) for tag in tags}

    def lose(self) -> None:
        """Nobody can be heard: this node keeps to its share among those that there were."""
        self._foreign, self._at_sync = {}, {}

    def take_days(self, day: int, days: Mapping[int, Day]) -> None:
        """What the books say of this day. They lag behind what was counted here and know what
        others did and what was before the start: of both the larger holds.
        """
        if day != self.tallies.day:
            self.tallies.day, self._days = day, {}
        for channel_id, told in days.items():
            # Of the day alone, which no time matters for.
            count = self.tallies.read(make_tag(channel_id), 0.0)
            base = self._days.get(channel_id) or Day()
            self._days[channel_id] = Day(
                max(base.requests, told.requests - count.day_requests),
                max(base.tokens, told.tokens - count.day_tokens),
                max(base.units, told.units - count.day_units),
            )

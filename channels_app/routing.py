"""Chooses routes: (group, model) -> channels, best first; pure, over an immutable table."""

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from channels_app.catalogue import Kind

ROUND_ROBIN, RANDOM = "round_robin", "random"
"""In which order the keys of a channel are used."""
LEAST_SHOWN_KEY = 9
"""Of a shorter key, four characters would say too much."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that an attempt may take; None: the option's value."""

    connect: int | None = None
    first_byte: int | None = None
    idle: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel may get; 0: as much as comes. `requests_per_minute` holds for each model
    alone, the rest for all together.
    """

    concurrency: int = 0
    requests_per_minute: int = 0
    total_requests_per_minute: int = 0
    tokens_per_minute: int = 0
    requests_per_day: int = 0
    tokens_per_day: int = 0
    micro_usd_per_day: int = 0

    @property
    def has_daily(self) -> bool:
        return bool(self.requests_per_day or self.tokens_per_day or self.micro_usd_per_day)


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True, eq=False)
class ChannelConfig:
    """All that a call needs to know of a channel. Compared by identity; the key never appears in a
    repr.
    """

    id: int
    name: str
    kind: Kind
    base_url: str
    key: str = field(repr=False)
    models: tuple[str, ...]
    groups: tuple[str, ...]
    priority: int = 0
    weight: int = 1
    mapping: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    proxy_url: str = field(default="", repr=False)
    timeouts: Timeouts = Timeouts()
    settings: Mapping[str, str] = field(default_factory=dict)
    asks_usage: bool = True
    auto_ban: bool = True
    limits: Limits = NO_LIMITS
    max_input_tokens: int = 0
    system_prompt: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    status_mapping: Mapping[int, int] = field(default_factory=dict)
    header_templates: tuple[tuple[str, str], ...] = ()
    passes_through: bool = False
    accepts_tools: bool = True
    accepts_images: bool = True
    claude_only: bool = False
    is_enabled: bool = True
    keys: tuple["ChannelConfig", ...] = field(default=(), repr=False)
    """The same channel with each of its keys that is in service, where it has several."""
    key_tag: str = ""
    """What tells its key from the others of the channel; empty where there is one alone."""
    key_strategy: str = ROUND_ROBIN

    @property
    def is_choosy(self) -> bool:
        """Whether it must be looked at what a call needs."""
        return (
            self.passes_through
            or self.claude_only
            or not (self.accepts_tools and self.accepts_images)
        )

    @property
    def key_hint(self) -> str:
        """The end of the key, where it tells which one it is."""
        return show_end(self.key) if self.key_tag else ""

    @property
    def is_limited(self) -> bool:
        return self.limits is not NO_LIMITS

    @property
    def dialects(self) -> Collection[str]:
        """What the channel speaks: its kind's dialects, unless its settings name others."""
        own = self.settings.get("dialects")
        return self.kind.dialects if own is None else own.replace(",", " ").split()


@dataclass(frozen=True, slots=True)
class Tier:
    """Channels of one priority; `sums` are the running sums of their weights."""

    channels: tuple[ChannelConfig, ...]
    sums: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """The picture of all enabled channels: look-ups cost the same for ten channels and ten
    thousand.
    """

    tiers: Mapping[tuple[str, str], tuple[Tier, ...]]
    by_id: Mapping[int, ChannelConfig]
    models_of_group: Mapping[str, tuple[str, ...]]

    def has_model(self, group: str, model: str) -> bool:
        return (group, model) in self.tiers


_random = random.Random()  # noqa: S311 -- spreads load, guards nothing


def build_table(channels: Iterable[ChannelConfig]) -> RoutingTable:
    by_id = {channel.id: channel for channel in channels}
    entries: dict[tuple[str, str], list[ChannelConfig]] = defaultdict(list)
    models: dict[str, dict[str, None]] = defaultdict(dict)
    for channel in by_id.values():
        if not channel.is_enabled:
            continue
        for group in channel.groups:
            for model in channel.models:
                entries[group, model].append(channel)
                models[group][model] = None
    return RoutingTable(
        tiers={key: _build_tiers(found) for key, found in entries.items()},
        by_id=by_id,
        models_of_group={group: tuple(names) for group, names in models.items()},
    )


def _build_tiers(channels: list[ChannelConfig]) -> tuple[Tier, ...]:
    by_priority: dict[int, list[ChannelConfig]] = defaultdict(list)
    for channel in channels:
        by_priority[channel.priority].append(channel)
    return tuple(
        Tier(tuple(found), tuple(accumulate(channel.weight for channel in found)))
        for _, found in sorted(by_priority.items(), reverse=True)
    )


def show_end(key: str) -> str:
    """The last four characters of a key."""
    return f"…{key[-4:]}" if len(key) >= LEAST_SHOWN_KEY else "…"


def pick_among(
    channels: Sequence[ChannelConfig], sums: Sequence[int] = (), rng: random.Random | None = None
) -> ChannelConfig | None:
    """One of them by weight; None of none. `sums` are the running sums, where they are known."""
    if len(channels) < 2:
        return channels[0] if channels else None
    sums = sums or list(accumulate(channel.weight for channel in channels))
    rng, total = rng or _random, sums[-1]
    if total == 0:
        return channels[int(rng.random() * len(channels))]
    # A point in [0, total) lies strictly below the running sum of exactly the chosen channel.
    return channels[bisect_right(sums, int(rng.random() * total))]

"""What a user spent, from the sums by the hour: by day or hour, by model, by hour of the day."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from billing.models import HourlyUsage
from chatapi.console.zones import start_of_day

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LAST_MINUTE = timedelta(minutes=59)
"""Of an hour. Where midnight cuts it, as in zones of half hours, it is one of the new day."""
SUMMED = ("calls", "errors", "prompt_tokens", "completion_tokens", "units")


@dataclass(slots=True)
class Sums:
    """What adds up. `units` is money, in quota units."""

    calls: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    units: int = 0

    def add(self, other: "Sums") -> None:
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class HourOfModel:
    """The sums of one hour and one model."""

    hour_at: datetime
    model: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Range:
    """So many days up to now, drawn by the hour or by the day."""

    name: str
    label: Any
    days: int
    by_day: bool = True

    def start(self, now: datetime, zone: tzinfo) -> datetime:
        """The first midnight of the days, today among them; or the first of 24 hours."""
        if not self.by_day:
            return now.replace(minute=0, second=0, microsecond=0) - 23 * HOUR
        return start_of_day(now, zone) - (self.days - 1) * DAY


RANGES = {
    choice.name: choice
    for choice in (
        Range("24h", _("24 hours"), 1, by_day=False),
        Range("7d", _("7 days"), 7),
        Range("30d", _("30 days"), 30),
        Range("90d", _("90 days"), 90),
    )
}


@dataclass(slots=True)
class Spending:
    """All sums of a time, in the ways that pages show them."""

    total: Sums = field(default_factory=Sums)
    by_slot: dict[datetime, Sums] = field(default_factory=dict)
    by_model: dict[str, Sums] = field(default_factory=dict)
    by_slot_and_model: dict[tuple[datetime, str], Sums] = field(default_factory=dict)

    def top_models(self) -> list[tuple[str, Sums]]:
        """Those that cost most first."""
        return sorted(
            self.by_model.items(), key=lambda item: (-item[1].units, -item[1].calls, item[0])
        )


def read_hours(
    user_id: int, start: datetime, end: datetime | None = None, **filters: Any
) -> Iterator[HourOfModel]:
    """A user's hours with their models; `filters` are columns of HourlyUsage. One query."""
    rows: QuerySet[Any] = HourlyUsage.objects.filter(user_id=user_id, hour_at__gte=start, **filters)
    if end is not None:
        rows = rows.filter(hour_at__lt=end)
    sums = {f"sum_{name}": Sum(name) for name in SUMMED}
    summed: Any = rows.values("hour_at", "model").annotate(**sums)
    for row in summed.order_by("hour_at"):
        found = Sums(**{name: row[f"sum_{name}"] for name in SUMMED})
        yield HourOfModel(row["hour_at"], row["model"], found)


def add_up(
    hours: Iterable[HourOfModel], slots: Iterable[datetime], zone: tzinfo, *, by_day: bool
) -> Spending:
    """By the days (or hours) of the viewer's zone; a slot without a call stays at zero."""
    found = Spending(by_slot={slot: Sums() for slot in slots})
    for hour in hours:
        hour_at = hour.hour_at
        slot = start_of_day(hour_at + LAST_MINUTE, zone) if by_day else hour_at.astimezone(zone)
        found.total.add(hour.sums)
        found.by_slot.setdefault(slot, Sums()).add(hour.sums)
        found.by_model.setdefault(hour.model, Sums()).add(hour.sums)
        found.by_slot_and_model.setdefault((slot, hour.model), Sums()).add(hour.sums)
    return found


def make_slots(start: datetime, end: datetime, zone: tzinfo, *, by_day: bool) -> list[datetime]:
    """Midnights, or whole hours, of a zone. A day stays a day when clocks change."""
    moment, step = start.astimezone(zone), DAY if by_day else HOUR
    slots = []
    while moment <= end:
        slots.append(moment)
        moment = moment + step if by_day else (moment + step).astimezone(zone)
    return slots


def by_hour_of_day(hours: Iterable[HourOfModel], zone: tzinfo) -> list[Sums]:
    """24 sums: all days laid on one another."""
    found = [Sums() for _hour in range(24)]
    for hour in hours:
        found[hour.hour_at.astimezone(zone).hour].add(hour.sums)
    return found

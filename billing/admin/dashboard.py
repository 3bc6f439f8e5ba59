"""The dashboard: what was called, sold and slow in a period, from hourly sums alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.admin.channels import ChannelName, read_channels
from billing.admin.journals import read_lag
from billing.bulk import HOURLY_SUMS
from billing.models import Dimension, HourlyTotal, Usage, Worker, WorkerState
from chatapi.accounts.models import User

HOUR = timedelta(hours=1)
TOP = 8
RANKED = ("calls", "errors", "units", "first_byte_calls", "first_byte_milliseconds")
"""What rankings show: each sum over a month of everybody costs its time."""


@dataclass(frozen=True, slots=True)
class Period:
    """So many hours up to now, shown by the hour or by the day."""

    name: str
    label: Any
    hours: int
    by_day: bool = False

    def start(self, now: datetime) -> datetime:
        """Whole hours, the current one among them; whole days of the server's zone."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if not self.by_day:
            return hour - (self.hours - 1) * HOUR
        today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=self.hours // 24 - 1)


PERIODS = {
    period.name: period
    for period in (
        Period("24h", _("24 hours"), 24),
        Period("7d", _("7 days"), 24 * 7),
        Period("30d", _("30 days"), 24 * 30, by_day=True),
    )
}


@dataclass(slots=True)
class Sums:
    """What adds up, of an hour, a day, a model, a user, a channel or all."""

    key: Any = None
    calls: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    units: int = 0
    milliseconds: int = 0
    first_byte_calls: int = 0
    first_byte_milliseconds: int = 0

    def add(self, other: "Sums") -> None:
        for name in HOURLY_SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def error_percent(self) -> float | None:
        return 100 * self.errors / self.calls if self.calls else None

    @property
    def first_byte_ms(self) -> float | None:
        """The mean time to the first token, of the calls that had one."""
        if not self.first_byte_calls:
            return None
        return self.first_byte_milliseconds / self.first_byte_calls


@dataclass(frozen=True, slots=True)
class Figures:
    """All that the dashboard shows."""

    period: Period
    total: Sums
    before: Sums
    active_users: int
    series: list[Sums]
    models: list[Sums]
    users: list[Sums]
    channels: list[Sums]
    usernames: Mapping[int, str]
    known_channels: Mapping[int, ChannelName]
    lag: Any
    last_call_at: datetime | None


def read_figures(period: Period, now: datetime, hidden: Iterable[int] = ()) -> Figures:
    """Nine queries, whatever the period; none of them reads calls but the one for the last. Users
    that are hidden from who looks are part of the sums, but not named.
    """
    start = period.start(now)
    length = now - start
    hours = list(read_hours(start - length, Dimension.CHANNEL))
    total, before = Sums(), Sums()
    for hour in hours:
        (total if hour.key >= start else before).add(hour)
    users = read_top(start, Dimension.USER, without=map(str, hidden))
    ids = [int(user.key) for user in users if user.key.isdecimal()]
    newest = Usage.objects.order_by("-created_at").values_list("created_at", flat=True)
    return Figures(
        period=period,
        total=total,
        before=before,
        active_users=count_keys(start, Dimension.USER),
        series=fill_gaps(period, start, now, hours),
        models=read_top(start, Dimension.MODEL),
        users=users,
        channels=read_top(start, Dimension.CHANNEL),
        usernames=dict(User.objects.filter(pk__in=ids).values_list("pk", "username")),
        known_channels=read_channels(),
        lag=read_lag(Worker.objects.filter(state=WorkerState.OPEN)),
        last_call_at=newest.first(),
    )


def read_hours(start: datetime, dimension: Dimension) -> Iterator[Sums]:
    """The sums of all keys of a dimension, hour by hour; each call is in one of them."""
    found = _summed(start, dimension, "hour_at", HOURLY_SUMS).order_by("hour_at")
    return _read(found, "hour_at", HOURLY_SUMS)


def read_top(start: datetime, dimension: Dimension, without: Iterable[str] = ()) -> list[Sums]:
    """Who earned most, then who was called most."""
    found = _summed(start, dimension, "key", RANKED).order_by("-sum_units", "-sum_calls", "key")
    if left_out := list(without):
        found = found.exclude(key__in=left_out)
    return list(_read(found[:TOP], "key", RANKED))


def count_keys(start: datetime, dimension: Dimension) -> int:
    """How many users, say, there were. A count of distinct keys would sort all rows."""
    return _totals(start, dimension).values("key").distinct().count()


def _totals(start: datetime, dimension: Dimension) -> QuerySet[HourlyTotal]:
    return HourlyTotal.objects.filter(dimension=dimension, hour_at__gte=start)


def _summed(start: datetime, dimension: Dimension, by: str, names: Sequence[str]) -> Any:
    sums = {f"sum_{name}": Sum(name) for name in names}
    return _totals(start, dimension).values(by).annotate(**sums)


def _read(rows: Any, by: str, names: Sequence[str]) -> Iterator[Sums]:
    return (Sums(row[by], **{name: row[f"sum_{name}"] for name in names}) for row in rows)


def fill_gaps(period: Period, start: datetime, now: datetime, hours: Iterable[Sums]) -> list[Sums]:
    """One of each hour or day of the period, also of those without a call."""
    slots = {moment: Sums(moment) for moment in _slots(period, start, now)}
    for hour in hours:
        if hour.key >= start:
            slots[_slot(period, hour.key)].add(hour)
    return sorted(slots.values(), key=attrgetter("key"))


def _slots(period: Period, start: datetime, now: datetime) -> Iterator[datetime]:
    step = timedelta(days=1) if period.by_day else HOUR
    moment = start
    while moment <= now:
        yield moment
        moment += step  # of a local time: a day stays one when clocks change


def _slot(period: Period, hour: datetime) -> datetime:
    """The hour itself, or the day that it is part of here."""
    return timezone.localtime(hour).replace(hour=0, minute=0) if period.by_day else hour

"""What the calls above their list come to: number, charge and tokens of those that the filters
find, and of the last minute.

Few calls are added up one by one. Many are taken from the sums by the hour where those know the
filters, else the newest are added up. The page says from when on in each case.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Count, Min, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.admin.dashboard import Sums
from billing.admin.usage_list import is_number, owners
from billing.models import Dimension, HourlyTotal, HourlyUsage
from chatapi.accounts.models import Token
from chatapi.console.filters import FieldFilter, TimeFilter
from chatapi.console.money import show_units

MOST_ADDED = 10_000
"""Calls that are looked at one by one: some 20 ms."""
USUAL = timedelta(hours=24)
"""Without a beginning: so long before the end."""
MINUTE = timedelta(minutes=1)
BY_HOUR = frozenset({"from", "to", "user", "token", "model", "channel"})
"""What the sums by the hour know."""

Rows = QuerySet[Any]


@dataclass(frozen=True, slots=True)
class CallSums:
    """`start`: from when on, which is later than asked for where `is_cut`. No end: up to now."""

    start: datetime
    end: datetime | None
    sums: Sums
    last_minute: Sums
    is_hourly: bool = False
    is_cut: bool = False

    def tell(self) -> Iterator[tuple[Any, Any]]:
        tokens = f"{self.sums.prompt_tokens:,} + {self.sums.completion_tokens:,}"
        yield _("calls"), f"{self.sums.calls:,}"
        yield _("charge"), show_units(self.sums.units)
        yield _("tokens in + out"), tokens
        yield _("calls in the last minute"), f"{self.last_minute.calls:,}"
        yield _("tokens in the last minute"), f"{self.last_minute.tokens:,}"


def read_sums(rows: Rows, specs: Mapping[str, FieldFilter]) -> CallSums | None:
    """Of all calls that who looks may see, `rows`, by the active filters; None where a filter says
    no time.
    """
    now = timezone.now()
    end = _moment(specs, "to")
    start = _moment(specs, "from") if "from" in specs else (end or now) - USUAL
    if start is None or ("to" in specs and end is None):
        return None
    found = _narrow(rows, [spec for spec in specs.values() if not spec.is_time])
    minute = Sums(**_add_calls(found.filter(created_at__gte=now - MINUTE)))
    since = _since(rows, specs, start, end)
    if since is not None and (hours := _hours(specs)) is not None:
        whole = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        sums = _add(_between(hours, "hour_at", whole, end), Sum("calls"), "units")
        return CallSums(whole, end, Sums(**sums), minute, is_hourly=True)
    sums = _add_calls(_between(found, "created_at", since or start, end))
    return CallSums(since or start, end, Sums(**sums), minute, is_cut=since is not None)


def _moment(specs: Mapping[str, FieldFilter], name: str) -> datetime | None:
    spec = specs.get(name)
    return spec.moment if isinstance(spec, TimeFilter) else None


def _since(
    rows: Rows, specs: Mapping[str, FieldFilter], start: datetime, end: datetime | None
) -> datetime | None:
    """When the oldest of the calls was that can be looked at; None: all of them can. Only what an
    index finds narrows these: a filter without one looks at calls in vain.
    """
    best = [spec for spec in specs.values() if not spec.is_time and spec.is_indexed][:1]
    newest = _between(_narrow(rows, best), "created_at", start, end).order_by("-created_at")
    seen = newest.values("created_at")[:MOST_ADDED].aggregate(
        oldest=Min("created_at"), count=Count("*")
    )
    return seen["oldest"] if seen["count"] == MOST_ADDED else None


def _hours(specs: Mapping[str, FieldFilter]) -> Rows | None:
    """The sums by the hour of these filters; None where there are none that can be read fast."""
    wanted = {name: spec.value for name, spec in specs.items() if not spec.is_time}
    if not wanted.keys() <= BY_HOUR:
        return None
    if "user" in wanted or "token" in wanted:
        return _hours_of_user(wanted)
    if len(wanted) > 1:
        return None
    if "model" in wanted:
        return HourlyTotal.objects.filter(dimension=Dimension.MODEL, key=wanted["model"])
    all_calls = HourlyTotal.objects.filter(dimension=Dimension.CHANNEL)
    return all_calls.filter(key=str(int(wanted["channel"]))) if wanted else all_calls


def _hours_of_user(wanted: Mapping[str, str]) -> Rows | None:
    """Those of one user alone have an index."""
    if {"user", "token"} <= wanted.keys():
        return None
    users: Rows
    numbers = [wanted[name] for name in ("token", "channel") if name in wanted]
    if not all(is_number(text) for text in numbers):
        return None
    if "token" in wanted:
        users = Token.objects.filter(pk=wanted["token"])
    else:
        users = owners(wanted["user"])
    ids = list(users.values_list("user_id", flat=True)[:2])
    if len(ids) != 1:
        return None
    if wanted.keys() == {"user"}:
        return HourlyTotal.objects.filter(dimension=Dimension.USER, key=str(ids[0]))
    columns = {"token": "token_id", "channel": "channel_id", "model": "model"}
    more = {columns[name]: value for name, value in wanted.items() if name in columns}
    return HourlyUsage.objects.filter(user_id=ids[0], **more)


def _narrow(rows: Rows, specs: Iterable[FieldFilter]) -> Rows:
    for spec in specs:
        rows = spec.apply(rows, spec.value)
    return rows


def _between(rows: Rows, field: str, start: datetime, end: datetime | None) -> Rows:
    found = rows.filter(**{f"{field}__gte": start})
    return found if end is None else found.filter(**{f"{field}__lt": end})


def _add_calls(rows: Rows) -> dict[str, int]:
    return _add(rows, Count("*"), "amount")


def _add(rows: Rows, calls: Aggregate, units: str) -> dict[str, int]:
    found = rows.order_by().aggregate(
        calls=calls,
        units=Sum(units),
        prompt_tokens=Sum("prompt_tokens"),
        completion_tokens=Sum("completion_tokens"),
    )
    return {name: value or 0 for name, value in found.items()}

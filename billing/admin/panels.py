"""The console's first page: steps after installing, and the dashboard."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.admin.dashboard import PERIODS, Figures, Period, Sums, read_figures
from billing.models import LedgerEntry, Usage
from billing.nodes import nodes_in_trouble, read_nodes
from chatapi.accounts.models import Token
from chatapi.accounts.roles import hidden_ids
from chatapi.console.columns import badge, link, mono, when_hour
from chatapi.console.money import show_cents, units_per_usd
from chatapi.console.panels import Panel, Step
from chatapi.lib.money import usd_from_units

Named = tuple[SafeString | str, SafeString | str]
"""A name, and what to say beside it."""
MANY_ERRORS = 10.0
"""Percent from which on a channel is shown as unwell."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its change against the period before; `tone` says whether that is good."""

    label: Any
    value: Any
    change: str = ""
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a ranking; `share` is the percentage of the greatest."""

    name: SafeString | str
    badge: SafeString | str
    share: float
    cells: tuple[SafeString | str, ...]
    """Sales, calls, failed, time to first token."""


def read_dashboard(request: HttpRequest) -> Mapping[str, Any]:
    """What `admin/panels/dashboard.html` shows, for the period in the URL."""
    period = PERIODS.get(request.GET.get("range", ""), PERIODS["24h"])
    found = read_figures(period, timezone.now(), hidden_ids(request.user))
    return {
        "period": period,
        "periods": PERIODS.values(),
        "figures": list(show_figures(found)),
        "is_empty": not found.total.calls,
        "chart": chart_data(found),
        "series": [table_row(period, sums) for sums in reversed(found.series)],
        "rankings": list(show_rankings(found)),
        "health": show_health(found),
        "lag": found.lag,
        "troubled_nodes": nodes_in_trouble(read_nodes()),
        "last_call_at": found.last_call_at,
    }


def show_figures(found: Figures) -> Iterator[Figure]:
    now, before = found.total, found.before
    yield Figure(_("calls"), f"{now.calls:,}", *change(now.calls, before.calls))
    yield Figure(_("sales"), show_cents(now.units), *change(now.units, before.units))
    yield Figure(_("model tokens"), short_count(now.tokens), *change(now.tokens, before.tokens))
    yield Figure(_("active users"), f"{found.active_users:,}")
    yield Figure(
        _("failed"),
        percent(now.error_percent),
        *change(now.error_percent, before.error_percent, is_good=False),
    )
    yield Figure(
        _("time to first token"),
        seconds(now.first_byte_ms),
        *change(now.first_byte_ms, before.first_byte_ms, is_good=False),
    )


def change(now: float | None, before: float | None, *, is_good: bool = True) -> tuple[str, str]:
    """Like ("+12%", "good"); empty where there was nothing before."""
    if not before or now is None:
        return "", "plain"
    ratio = 100 * (float(now) / float(before) - 1)
    if abs(ratio) < 0.5:
        return "±0%", "plain"
    text = f"{ratio:+.0f}%" if ratio < 1000 else f"×{ratio / 100 + 1:,.0f}"
    return text, "good" if (ratio > 0) == is_good else "bad"


def chart_data(found: Figures) -> dict[str, Any]:
    """Numbers for the charts; dollars as floats, for heights only: no sum is made of these."""
    rate = units_per_usd()
    return {
        "by_day": found.period.by_day,
        "times": [sums.key.isoformat() for sums in found.series],
        "succeeded": [sums.calls - sums.errors for sums in found.series],
        "failed": [sums.errors for sums in found.series],
        "sales": [float(usd_from_units(sums.units, rate)) for sums in found.series],
        "prompt": [sums.prompt_tokens for sums in found.series],
        "completion": [sums.completion_tokens for sums in found.series],
        "first_byte": [
            None if sums.first_byte_ms is None else round(sums.first_byte_ms / 1000, 3)
            for sums in found.series
        ],
    }


def table_row(period: Period, sums: Sums) -> dict[str, Any]:
    return {
        "time": f"{sums.key:%Y-%m-%d}" if period.by_day else when_hour(sums.key),
        "cells": (
            f"{sums.calls:,}",
            f"{sums.errors:,}",
            show_cents(sums.units),
            f"{sums.prompt_tokens:,}",
            f"{sums.completion_tokens:,}",
            seconds(sums.first_byte_ms),
        ),
    }


def show_rankings(found: Figures) -> Iterator[dict[str, Any]]:
    yield {
        "title": _("Top models"),
        "rows": rank(found.models, lambda key: (mono(key), "")),
    }
    yield {
        "title": _("Top users"),
        "rows": rank(found.users, lambda key: (user_link(found, key), "")),
    }
    yield {
        "title": _("Top channels"),
        "rows": rank(found.channels, lambda key: channel_link(found, key)),
    }


def rank(tops: Sequence[Sums], name: Callable[[str], Named]) -> list[Row]:
    most = max((sums.units for sums in tops), default=0)
    return [_row(sums, name(sums.key), most) for sums in tops]


def _row(sums: Sums, named: Named, most: int) -> Row:
    failed = percent(sums.error_percent)
    is_bad = (sums.error_percent or 0.0) >= MANY_ERRORS
    return Row(
        *named,
        round(100 * sums.units / most, 1) if most else 0.0,
        (
            show_cents(sums.units),
            f"{sums.calls:,}",
            badge(failed, "bad") if is_bad else failed,
            seconds(sums.first_byte_ms),
        ),
    )


def user_link(found: Figures, key: str) -> SafeString:
    name = found.usernames.get(int(key), f"#{key}") if key.isdecimal() else key
    return link("accounts_user_change", key, text=name)


def channel_link(found: Figures, key: str) -> Named:
    channel = found.known_channels.get(int(key))
    if channel is None:
        return (gettext("no channel") if key == "0" else f"#{key}"), ""
    return link("channels_app_channel_change", channel.pk, text=channel.name), channel.badge


def show_health(found: Figures) -> list[dict[str, Any]]:
    """How many channels there are of each status, and the list of them."""
    counts: dict[int, list[Any]] = {}
    for channel in found.known_channels.values():
        counts.setdefault(channel.status, []).append(channel)
    return [
        {
            "count": len(channels),
            "badge": channels[0].badge,
            "url": f"{reverse('admin:channels_app_channel_changelist')}?status={status}",
        }
        for status, channels in sorted(counts.items())
    ]


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}%"


def seconds(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def short_count(number: int) -> str:
    """`1,234`, `56.7 K`, `8.90 M`, `1.23 G`: three digits, where more are no use."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**4, "K")):
        if number >= size:
            value = number / min(size, 1000) if letter == "K" else number / size
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {letter}"
    return f"{number:,}"


admin.site.panels.append(  # type: ignore[attr-defined]
    Panel(10, "admin/panels/dashboard.html", read_dashboard, reads_request=True)
)
admin.site.steps.extend(  # type: ignore[attr-defined]
    [
        Step(
            30,
            _("Make a token"),
            _("The key that a client calls with. It is shown once."),
            "admin:accounts_token_add",
            Token.objects.exists,
        ),
        Step(
            40,
            _("Give credit"),
            _("Calls are paid from the user's balance: open the user and choose “Give credit”."),
            "admin:accounts_user_changelist",
            LedgerEntry.objects.exists,
        ),
        Step(
            50,
            _("Make the first call"),
            _("The home page has commands to copy."),
            "home",
            Usage.objects.exists,
        ),
    ]
)

"""The user's first page: today, what is left, where it goes, and the first steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Min, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from billing.models import RechargeLot, Usage
from chatapi.accounts.models import Token
from chatapi.console.zones import start_of_day, viewer_zone, whole_hour
from chatapi.web.charts import stack_by_model
from chatapi.web.pages.frame import Frame, read_frame
from chatapi.web.statistics import RANGES, HourOfModel, Sums, add_up, make_slots, read_hours

SOON = timedelta(days=14)
RECENT = 8
TOP = 6


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps of a new user."""

    title: Any
    text: Any
    action: Any
    url: str
    is_done: bool


@require_safe
@login_required
def show_dashboard(request: HttpRequest) -> HttpResponse:
    frame, zone, now = read_frame(request), viewer_zone(request), timezone.now()
    chosen = RANGES.get(request.GET.get("range", ""), RANGES["7d"])
    today = start_of_day(now, zone)
    counted_from = whole_hour(today)
    start = chosen.start(now, zone)
    since = whole_hour(start)
    hours = list(read_hours(request.user.pk or 0, min(since, counted_from)))
    slots = make_slots(start, now, zone, by_day=chosen.by_day)
    spending = add_up(within(hours, since), slots, zone, by_day=chosen.by_day)
    recent = read_recent(frame)
    context = {
        "today": add_up(within(hours, counted_from), [], zone, by_day=True).total,
        "counted_from": counted_from if counted_from != today else None,
        "spending": spending,
        "ranges": RANGES.values(),
        "chosen": chosen,
        "chart": stack_by_model(spending, by_day=chosen.by_day),
        "slots": sorted(spending.by_slot.items(), reverse=True),
        "models": rank(spending.top_models()[:TOP]),
        "expiring": read_expiring(frame.wallet_id, now),
        "recent": recent,
        "steps": [] if recent else list(first_steps(request, frame)),
    }
    return render(request, "user/dashboard.html", context)


def within(hours: list[HourOfModel], start: datetime) -> Iterator[HourOfModel]:
    return (hour for hour in hours if hour.hour_at >= start)


def rank(models: list[tuple[str, Sums]]) -> list[tuple[str, Sums, float]]:
    """With the share of the greatest, in percent."""
    most = max((sums.units for _name, sums in models), default=0)
    return [
        (name, sums, round(100 * sums.units / most, 1) if most else 0.0) for name, sums in models
    ]


def read_recent(frame: Frame) -> list[Usage]:
    rows = Usage.objects.filter(wallet_id=frame.wallet_id).order_by("-created_at", "-pk")
    return list(rows.defer("line_items", "attempts")[:RECENT])


def read_expiring(wallet_id: int, now: datetime) -> dict[str, Any]:
    """Units of lots that end soon, and when the first of them does."""
    lots = RechargeLot.objects.filter(
        budget_id=wallet_id, left__gt=0, expires_at__gt=now, expires_at__lte=now + SOON
    )
    found: dict[str, Any] = lots.aggregate(units=Sum("left"), first=Min("expires_at"))
    return found


def first_steps(request: HttpRequest, frame: Frame) -> Iterator[Step]:
    has_token = Token.objects.filter(user_id=request.user.pk or 0).exists()
    yield Step(
        _("Top up your balance"),
        _("Calls are paid from it, each one exactly."),
        _("Top up"),
        reverse("topup"),
        frame.balance_units > 0,
    )
    yield Step(
        _("Make an API token"),
        _("The key that your programs send with each call."),
        _("Make a token"),
        reverse("token_new"),
        has_token,
    )
    yield Step(
        _("Make the first call"),
        _("Copy a command or a few lines of code from the tutorial."),
        _("Open the tutorial"),
        reverse("about"),
        is_done=False,
    )

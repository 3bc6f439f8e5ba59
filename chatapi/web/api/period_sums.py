"""What statistics answer, made of sums by the hour."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import Usage
from chatapi.accounts.models import User
from chatapi.console.zones import start_of_day
from chatapi.lib.money import usd_from_units
from chatapi.options.snapshot import read_values
from chatapi.web.api.errors import Refused
from chatapi.web.api.log_search import token_ids, wallet_of
from chatapi.web.statistics import Sums, by_hour_of_day, read_hours

MOST_DAYS = 366
USUAL = timedelta(days=30)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def read_period(values: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """From and to; the last 30 days without a start. Raises Refused for more than MOST_DAYS."""
    now = timezone.now()
    # A client's "until ever" must not move the usual start into the future.
    end = min(values.get("end_timestamp") or now, now + DAY)
    start = values.get("start_timestamp") or end - USUAL
    if end - start > timedelta(days=MOST_DAYS):
        raise Refused(_("At most %(days)d days at a time.") % {"days": MOST_DAYS})
    return start.replace(minute=0, second=0, microsecond=0), end


def read_figures(
    hours: QuerySet[Any], calls: QuerySet[Usage], values: Mapping[str, Any], wallet: int | None
) -> dict[str, int]:
    """Units of a period by the hour; calls and tokens of the last minute."""
    start, end = read_period(values)
    if model := values.get("model_name"):
        hours, calls = hours.filter(model=model[:191]), calls.filter(model=model)
    if name := values.get("token_name"):
        tokens = token_ids(name, wallet)
        hours, calls = hours.filter(token_id__in=tokens), calls.filter(token_id__in=tokens)
    units = hours.filter(hour_at__gte=start, hour_at__lte=end).aggregate(sum=Sum("units"))["sum"]
    minute = calls.filter(created_at__gte=timezone.now() - MINUTE).aggregate(
        rpm=Count("pk"), prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens")
    )
    tokens_used = (minute["prompt"] or 0) + (minute["completion"] or 0)
    return {"quota": units or 0, "rpm": minute["rpm"], "tpm": tokens_used}


def days_by_model(user_id: int, start: datetime, end: datetime) -> list[dict[str, Any]]:
    zone = timezone.get_default_timezone()
    found: dict[tuple[str, str], Sums] = {}
    for hour in read_hours(user_id, start, end):
        day = f"{start_of_day(hour.hour_at, zone):%Y-%m-%d}"
        found.setdefault((day, hour.model), Sums()).add(hour.sums)
    return [
        {
            "Day": day,
            "ModelName": model,
            "RequestCount": sums.calls,
            "Quota": sums.units,
            "PromptTokens": sums.prompt_tokens,
            "CompletionTokens": sums.completion_tokens,
        }
        for (day, model), sums in sorted(found.items())
    ]


def hours_and_models(user: User, values: Mapping[str, Any]) -> dict[str, Any]:
    """Amounts in dollars, for charts alone."""
    start, end = read_period(values)
    filters: dict[str, Any] = {}
    if name := values.get("token_name"):
        filters["token_id__in"] = token_ids(name, wallet_of(user.username))
    if model := values.get("model_name"):
        filters["model"] = model[:191]
    hours = list(read_hours(user.pk, start, end, **filters))
    rate = int(read_values()["QuotaPerUnit"])
    models: dict[str, Sums] = {}
    for hour in hours:
        models.setdefault(hour.model, Sums()).add(hour.sums)
    by_hour = by_hour_of_day(hours, timezone.get_default_timezone())
    return {
        "hourly_data": [
            {"hour": number, "count": sums.calls, "amount": _usd(sums, rate)}
            for number, sums in enumerate(by_hour)
        ],
        "model_data": [
            {"model_name": name, "count": sums.calls, "amount": _usd(sums, rate)}
            for name, sums in sorted(models.items())
        ],
    }


def _usd(sums: Sums, rate: int) -> float:
    return float(usd_from_units(sums.units, rate))

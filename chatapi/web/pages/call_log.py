"""The user's calls: list, charts, one call with its bill, and all of them as a file."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.models import Usage
from billing.usage_bill import read_bill
from chatapi.console.exports import stream_csv
from chatapi.console.money import units_per_usd
from chatapi.console.zones import viewer_zone
from chatapi.lib.money import format_usd
from chatapi.web.charts import lines_of_day, pie_of_calls
from chatapi.web.pages.call_filters import CallFilters
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.paging import query_without, read_page
from chatapi.web.statistics import add_up, by_hour_of_day, read_hours

FILE_PAGE = 2000
COLUMNS = (
    "created_at",
    "request_id",
    "token_name",
    "group",
    "endpoint",
    "model",
    "status",
    "http_status",
    "error_code",
    "is_stream",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "is_estimated",
    "first_byte_ms",
    "total_ms",
    "address",
    "amount",
)
HEAD = ("time", *COLUMNS[1:-1], "units", "usd")


@require_safe
@login_required
def show_log(request: HttpRequest) -> HttpResponse:
    user_id, zone, frame = request.user.pk or 0, viewer_zone(request), read_frame(request)
    filters = CallFilters(request.GET, user_id=user_id, zone=zone)
    calls = filters.find_calls(frame.wallet_id).defer("line_items", "attempts")
    hours = list(
        read_hours(
            user_id, filters.chart_start(), filters.value("end"), **filters.chart_conditions()
        )
    )
    spending = add_up(hours, [], zone, by_day=True)
    context = {
        "filters": filters,
        "of_status": filters.value("status"),
        "page": read_page(request, calls, by="created_at"),
        "query": query_without(request).urlencode(),
        "spending": spending,
        "chart_start": filters.chart_start(),
        "pie": pie_of_calls(spending),
        "lines": lines_of_day(by_hour_of_day(hours, zone)),
        "models": sorted(spending.by_model),
        "pace": read_pace(frame.wallet_id),
    }
    return render(request, "user/log.html", context)


def read_pace(wallet_id: int) -> dict[str, int]:
    """Calls and model tokens of the last minute."""
    rows = Usage.objects.filter(
        wallet_id=wallet_id, created_at__gte=timezone.now() - timedelta(minutes=1)
    )
    found = rows.aggregate(
        calls=Count("*"), prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens")
    )
    return {
        "calls": found["calls"],
        "tokens": (found["prompt"] or 0) + (found["completion"] or 0),
    }


@require_safe
@login_required
def show_call(request: HttpRequest, request_id: str) -> HttpResponse:
    frame = read_frame(request)
    call = Usage.objects.filter(wallet_id=frame.wallet_id, request_id=request_id).first()
    if call is None:
        raise Http404
    context = {"call": call, "bill": read_bill(call), "speed": tokens_per_second(call)}
    return render(request, "user/call.html", context)


def tokens_per_second(call: Usage) -> str:
    """Of a stream, from its first byte on; empty where it can't be told."""
    writing = call.total_ms - (call.first_byte_ms or 0)
    if not call.is_stream or call.first_byte_ms is None or writing <= 0:
        return ""
    return f"{1000 * call.completion_tokens / writing:,.1f}" if call.completion_tokens else ""


@require_safe
@login_required
def export_log(request: HttpRequest) -> HttpResponseBase:
    """All calls that the filters find, as CSV."""
    zone, frame = viewer_zone(request), read_frame(request)
    filters = CallFilters(request.GET, user_id=request.user.pk or 0, zone=zone)
    rows = filters.find_calls(frame.wallet_id)
    rate = units_per_usd()
    name = f"calls-{timezone.now().astimezone(zone):%Y%m%d-%H%M}.csv"
    return stream_csv(
        request,
        name,
        HEAD,
        lambda: (
            [
                (call[0].astimezone(zone).isoformat(), *call[1:], format_usd(call[-1], rate))
                for call in part
            ]
            for part in read_parts(rows)
        ),
    )


def read_parts(rows: QuerySet[Usage]) -> Iterator[list[Sequence[Any]]]:
    """Newest first, part by part, each beginning where the one before ended."""
    ordered: Any = rows.order_by("-created_at", "-pk").values_list("pk", *COLUMNS)
    found = list(ordered[:FILE_PAGE])
    while found:
        yield [row[1:] for row in found]
        if len(found) < FILE_PAGE:
            return
        key, moment = found[-1][:2]
        behind = Q(created_at__lt=moment) | Q(pk__lt=key)
        found = list(ordered.filter(behind, created_at__lte=moment)[:FILE_PAGE])

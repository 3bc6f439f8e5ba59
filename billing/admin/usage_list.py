"""How calls are found: the filters of the log, which of them an index answers, and the export."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from billing.models import UsageStatus
from billing.models.budget import WalletOwner
from billing.usage_status import of_status
from chatapi.console.filters import choice_filter, number_filter, text_filter, time_filter
from chatapi.console.money import units_per_usd
from chatapi.lib.money import format_usd

Rows = QuerySet[Any]
PAGE = 2000


def of_user(rows: Rows, text: str) -> Rows:
    """By name or id; through the user's wallet, because that is what the table is indexed by."""
    wallets = list(owners(text).values_list("budget_id", flat=True)[:2])
    if len(wallets) == 1:
        return rows.filter(wallet_id=wallets[0])
    return rows.filter(wallet_id__in=wallets) if wallets else rows.none()


def owners(text: str) -> QuerySet[WalletOwner]:
    wanted = Q(user__username=text)
    if is_number(text):
        wanted |= Q(user_id=int(text))
    return WalletOwner.objects.filter(wanted)


def of_error(rows: Rows, code: str) -> Rows:
    return rows.filter(error_code=code).exclude(error_code="")


def has_status_index(status: str) -> bool:
    return status != UsageStatus.OK and has_partial_indexes(status)


def has_partial_indexes(_value: str) -> bool:
    return connection.features.supports_partial_indexes


def is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


FILTERS = (
    time_filter("from", _("from"), "created_at__gte"),
    time_filter("to", _("to"), "created_at__lt"),
    text_filter("user", _("user name or id"), of_user, indexed=True),
    number_filter("token", _("token id"), "token_id", indexed=True),
    text_filter("model", _("model"), "model", indexed=True),
    number_filter("channel", _("channel id"), "channel_id", indexed=True),
    choice_filter(
        "status", _("status"), lambda: UsageStatus.choices, of_status, indexed=has_status_index
    ),
    text_filter("error", _("error code"), of_error, indexed=has_partial_indexes),
    text_filter("endpoint", _("endpoint"), "endpoint"),
)

COLUMNS = (
    "created_at",
    "request_id",
    "username",
    "token_name",
    "group",
    "endpoint",
    "model",
    "upstream_model",
    "channel_id",
    "channel_name",
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
    "amount",
    "uncollected_units",
)
HEAD = ("time", *COLUMNS[1:-2], "units", "uncollected_units", "usd")


def export_pages(rows: Rows, zone: tzinfo) -> Iterator[list[Sequence[Any]]]:
    """Newest first, page by page, each beginning where the one before ended."""
    rate = units_per_usd()
    ordered = rows.order_by("-created_at", "-pk").values_list("pk", *COLUMNS)
    found = list(ordered[:PAGE])
    while found:
        yield [export_row(row[1:], rate, zone) for row in found]
        if len(found) < PAGE:
            return
        key, moment = found[-1][:2]
        behind = Q(created_at__lt=moment) | Q(pk__lt=key)
        found = list(ordered.filter(behind, created_at__lte=moment)[:PAGE])


def export_row(row: Sequence[Any], rate: int, zone: tzinfo) -> Sequence[Any]:
    moment = row[0].astimezone(zone).isoformat(timespec="milliseconds")
    return (moment, *row[1:], format_usd(row[-2], rate))

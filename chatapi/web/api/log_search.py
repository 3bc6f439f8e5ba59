"""How calls are found: each filter by the index that there is, and never by counting the table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from billing.models import LedgerEntry, LedgerKind, Usage, UsageStatus
from billing.models.budget import WalletOwner
from billing.usage_status import of_status
from chatapi.accounts.models import Token, User
from chatapi.console.models import AuditEntry
from chatapi.web.api.fields import PlainInteger, Text, UnixTime
from chatapi.web.api.log_shapes import CONSUME, ERROR, MANAGE, RETRIED, SYSTEM, TOPUP
from chatapi.web.api.paging import PageQuery

SEARCH_DEPTH = 20_000
"""So many calls are looked through for what no index finds."""
MOST_TOKENS = 200
BOOKED = (LedgerKind.TOPUP, LedgerKind.REDEEM, LedgerKind.GIFT, LedgerKind.CREDIT, LedgerKind.DEBIT)


class LogQuery(PageQuery):
    """All texts are compared whole. `next` of one answer gives the page behind it, however far."""

    next = Text(max_length=64)
    type = serializers.ChoiceField(
        choices=[0, TOPUP, CONSUME, MANAGE, SYSTEM, ERROR, RETRIED],
        required=False,
        default=0,
        help_text=(
            "0 calls, 1 bookings, 2 charged calls, 3 acts of staff, 4 acts of the system, 5 failed "
            "calls, 6 calls with retries."
        ),
    )
    start_timestamp = UnixTime(required=False)
    end_timestamp = UnixTime(required=False)
    token_name = Text(max_length=64)
    model_name = Text(max_length=255)


class AllLogsQuery(LogQuery):
    username = Text(max_length=150)
    channel = PlainInteger(required=False, min_value=0, max_value=2**31)


def find_calls(values: Mapping[str, Any], wallet: int | None = None) -> QuerySet[Usage]:
    """The calls that these filters leave; `wallet`: of one user alone."""
    rows = Usage.objects.all()
    if wallet is not None:
        rows = rows.filter(wallet_id=wallet)
    rows = _within(rows, values)
    if values.get("model_name"):
        rows = rows.filter(model=values["model_name"])
    if values.get("channel"):
        rows = rows.filter(channel_id=values["channel"])
    if values.get("token_name"):
        rows = rows.filter(token_id__in=token_ids(values["token_name"], wallet))
    match values.get("type", 0):
        case 2:
            rows = rows.exclude(status=UsageStatus.FAILED)
        case 5:
            rows = of_status(rows, UsageStatus.FAILED)
        case 6:
            rows = _newest_of(rows).exclude(attempts="").exclude(status=UsageStatus.FAILED)
        case 3 | 4:
            # Of these a user has none.
            rows = rows.none()
    return rows


def find_bookings(values: Mapping[str, Any]) -> QuerySet[LedgerEntry]:
    """What came in, or was taken by hand."""
    rows = LedgerEntry.objects.filter(kind__in=BOOKED).select_related("budget__user")
    return _within(rows, values)


def find_entries(values: Mapping[str, Any]) -> QuerySet[AuditEntry]:
    """Of the audit log, by time and by who acted; no entry speaks of a token, model or channel of a
    call.
    """
    rows = AuditEntry.objects.filter(actor_id__isnull=values["type"] == SYSTEM)
    if any(values.get(name) for name in ("token_name", "model_name", "channel")):
        return rows.none()
    if username := values.get("username"):
        rows = rows.filter(actor_id__in=User.objects.filter(username=username).values("pk"))
    return _within(rows, values, "at")


def wallet_of(username: str) -> int:
    """0 for nobody: no call has that wallet."""
    owners = WalletOwner.objects.filter(user__username=username)
    return owners.values_list("budget_id", flat=True).first() or 0


def token_ids(name: str, wallet: int | None) -> list[int]:
    """Tokens of this name, of one user or of all."""
    tokens = Token.objects.filter(name=name)
    if wallet is not None:
        tokens = tokens.filter(user__wallet_owner__budget_id=wallet)
    return list(tokens.order_by("-pk").values_list("pk", flat=True)[:MOST_TOKENS])


def _within(
    rows: QuerySet[Any], values: Mapping[str, Any], field: str = "created_at"
) -> QuerySet[Any]:
    start, end = values.get("start_timestamp"), values.get("end_timestamp")
    if start is not None:
        rows = rows.filter(**{f"{field}__gte": start})
    return rows if end is None else rows.filter(**{f"{field}__lte": end})


def _newest_of(rows: QuerySet[Usage]) -> QuerySet[Usage]:
    """The newest SEARCH_DEPTH of them, by their time."""
    times = rows.order_by("-created_at").values_list("created_at", flat=True)
    oldest: datetime | None = next(iter(times[SEARCH_DEPTH - 1 : SEARCH_DEPTH]), None)
    return rows if oldest is None else rows.filter(created_at__gte=oldest)

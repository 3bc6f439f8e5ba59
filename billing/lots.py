"""Recharge lots: consumed in the order of their expiry, and expired for exactly what is left."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F

from billing.ledger import AlreadyPosted, NotEnoughRemaining, post_entry
from billing.models import Budget, LedgerKind, RechargeLot
from chatapi.lib.database_clock import database_now
from chatapi.lib.money import format_usd
from chatapi.lib.retrying import retried
from chatapi.options.feed import publish
from chatapi.options.snapshot import read_values
from notifications.outbox import tell

SHIPPING_LAG = timedelta(seconds=5)
"""Usage of the last moments before the expiry may still be on its way from a journal."""
MOST_AT_ONCE = 1000


def expire_lots() -> int:
    """Take what is left of expired lots out of the wallets; returns how many lots ended. Safe to
    run twice at once.
    """
    due = RechargeLot.objects.filter(left__gt=0, expires_at__lt=database_now() - SHIPPING_LAG)
    ids = due.order_by("expires_at").values_list("id", flat=True)[:MOST_AT_ONCE]
    return sum(_expire(lot_id) for lot_id in ids)


def warn_of_expiry() -> int:
    """Tell owners of credit that ends within the days of the option LotWarningDays, once for each
    of them; returns how many notices were written. Safe to run twice at once.
    """
    values = read_values()
    told = 0
    now = database_now()
    for days in read_days(values["LotWarningDays"]):
        before = timedelta(days=days)
        lots = RechargeLot.objects.filter(
            left__gt=0,
            expires_at__gt=now,
            expires_at__lte=now + before,
            # Who buys credit for a week need not be told that a week is left.
            entry__created_at__lt=F("expires_at") - before,
        ).exclude(warned_days__lte=days)
        for lot in lots.select_related("budget").order_by("expires_at")[:MOST_AT_ONCE]:
            told += _warn(lot, days, values["QuotaPerUnit"])
    return told


def read_days(text: str) -> list[int]:
    """Days before the end, the fewest first: who is late is told of the nearest end only."""
    parts = text.replace(" ", "").split(",")
    days = {int(part) for part in parts if part.isascii() and part.isdecimal()}
    return sorted(day for day in days if 0 < day <= 365)


@retried
@transaction.atomic
def _warn(lot: RechargeLot, days: int, units_per_usd: int) -> bool:
    mine = RechargeLot.objects.filter(pk=lot.pk).exclude(warned_days__lte=days)
    if not mine.update(warned_days=days):
        return False
    _tell("lot_expiring", lot, lot.left, units_per_usd, f"lot_expiring:{lot.pk}:{days}")
    return True


def _tell(event: str, lot: RechargeLot, units: int, units_per_usd: int, reference: str) -> None:
    end = lot.expires_at
    data: dict[str, str | int] = {
        "units": units,
        "usd": format_usd(units, units_per_usd),
        "expires_at": end.isoformat() if end else "",
    }
    tell(event, data, user=lot.budget.user_id, reference=reference)


@retried
def _expire(lot_id: int) -> bool:
    with transaction.atomic():
        wallet = RechargeLot.objects.values_list("budget_id", flat=True).get(pk=lot_id)
        Budget.objects.select_for_update().get(pk=wallet)
        lot = RechargeLot.objects.select_for_update().get(pk=lot_id)
        units = lot.left
        if not units:
            return False
        try:
            post_entry(
                lot.budget_id, -units, kind=LedgerKind.EXPIRE, reference=f"expire:lot:{lot_id}"
            )
        except AlreadyPosted:
            return False
        except NotEnoughRemaining:
            # The credit is leased by workers: ask for it, the next run finds it.
            publish("want", lot.budget_id)
            return False
        RechargeLot.objects.filter(pk=lot_id).update(left=0)
        _tell("lot_expired", lot, units, read_values()["QuotaPerUnit"], f"lot_expired:{lot_id}")
    return True

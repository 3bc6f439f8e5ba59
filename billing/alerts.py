"""Watches balances and tells their owners: once when one falls below a limit, once when it is used
up, and again and again where a user wants that.

It runs beside the calls, never in them: each round asks the database for the few wallets that moved
lately and are low.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import BigIntegerField, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from billing.models import HourlyUsage, Lease, LedgerEntry
from billing.models.budget import WalletOwner
from chatapi.lib.retrying import retried
from chatapi.options.snapshot import read_values
from notifications.models import AlertSettings, BalanceLevel
from notifications.outbox import tell

LATELY = timedelta(hours=2)
"""Usage is summed by the hour; the last hour's rows may have been written in this one."""
MOVED_LATELY = timedelta(minutes=15)
USED_UP_PART = 1000
"""Less than a thousandth of a dollar buys no call: it is as good as nothing."""
EVENTS = {BalanceLevel.LOW: "balance_low", BalanceLevel.USED_UP: "balance_used_up"}


def watch_balances() -> int:
    """Returns how many users were told. Safe to run twice at once."""
    values = read_values()
    usual = int(values["QuotaRemindThreshold"])
    nothing = int(values["QuotaPerUnit"]) // USED_UP_PART
    forgive(usual, nothing)
    told = 0
    for owner in low_wallets(usual, nothing):
        balance = owner.budget.remaining + _leased(owner.budget_id)
        threshold = owner.threshold  # type: ignore[attr-defined] # annotated
        if balance <= nothing:
            told += _note(owner.user_id, BalanceLevel.USED_UP, balance, threshold)
        elif balance < threshold:
            told += _note(owner.user_id, BalanceLevel.LOW, balance, threshold)
    return told


def low_wallets(usual: int, nothing: int) -> QuerySet[WalletOwner]:
    """That moved lately and may have to be told of; each with its `threshold`."""
    now = timezone.now()
    called = HourlyUsage.objects.filter(hour_at__gte=now - LATELY).values("user_id")
    moved = LedgerEntry.objects.filter(created_at__gte=now - MOVED_LATELY, amount__lt=0)
    level = Coalesce("user__alert_settings__level", Value(BalanceLevel.FINE))
    return (
        WalletOwner.objects.filter(
            Q(user_id__in=called) | Q(budget_id__in=moved.values("budget_id"))
        )
        .annotate(threshold=_threshold("user__", usual), level=level)
        .filter(budget__remaining__lt=Greatest("threshold", Value(nothing + 1)))
        .filter(level__lt=BalanceLevel.USED_UP)
        .select_related("budget")
    )


def forgive(usual: int, nothing: int) -> None:
    """Whose balance rose again is told when it falls the next time."""
    told = AlertSettings.objects.annotate(threshold=_threshold("", usual, own=True))
    remaining = "user__wallet_owner__budget__remaining"
    fine = told.filter(**{f"{remaining}__gte": F("threshold")}, level__gt=BalanceLevel.FINE)
    _set_level(fine.filter(**{f"{remaining}__gt": nothing}), BalanceLevel.FINE)
    some = told.filter(**{f"{remaining}__gt": nothing}, level=BalanceLevel.USED_UP)
    _set_level(some, BalanceLevel.LOW)


def repeat_reports() -> int:
    """Reminds those who asked for it, while their balance is above nothing and below their limit;
    returns how many.
    """
    now = timezone.now()
    due = AlertSettings.objects.filter(
        Q(reported_at=None) | Q(reported_at__lte=now - timedelta(hours=1)),
        is_report_on=True,
        user__wallet_owner__budget__remaining__lt=F("report_units"),
    ).select_related("user__wallet_owner__budget")
    told = 0
    for settings in due:
        last = settings.reported_at
        if last is not None and now - last < timedelta(hours=settings.report_hours):
            continue
        budget = settings.user.wallet_owner.budget
        balance = budget.remaining + _leased(budget.pk)
        if not 0 < balance < settings.report_units:
            continue
        with transaction.atomic():
            ours = AlertSettings.objects.filter(pk=settings.pk, reported_at=last)
            if ours.update(reported_at=now):
                facts = {"balance_units": balance, "threshold_units": settings.report_units}
                tell("balance_report", facts, user=settings.pk)
                told += 1
    return told


@retried
def _note(user_id: int, level: BalanceLevel, balance: int, threshold: int) -> bool:
    """Tells it unless this or worse was told already."""
    with transaction.atomic():
        AlertSettings.objects.get_or_create(user_id=user_id)
        worse = AlertSettings.objects.filter(pk=user_id, level__lt=level)
        if not worse.update(level=level):
            return False
        facts = {"balance_units": balance, "threshold_units": threshold}
        tell(EVENTS[level], facts, user=user_id)
    return True


def _threshold(path: str, usual: int, *, own: bool = False) -> Coalesce:
    name = "threshold_units" if own else f"{path}alert_settings__threshold_units"
    return Coalesce(name, Value(usual), output_field=BigIntegerField())


def _set_level(rows: Iterable[AlertSettings], level: BalanceLevel) -> None:
    """By key: MariaDB can't update a table through a join with itself."""
    for row in rows:
        AlertSettings.objects.filter(pk=row.pk, level=row.level).update(level=level)


def _leased(budget_id: int) -> int:
    leases = Lease.objects.filter(budget_id=budget_id, amount__gt=0)
    return leases.aggregate(sum=Sum("amount"))["sum"] or 0

"""Moves old usage rows out of the way without touching any balance."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Max, QuerySet, Sum

from billing.models import Budget, LedgerEntry, LedgerKind, Usage

STEP = 5000


def archive_usage(before: datetime, most: int | None = None) -> int:
    """Delete usage rows older than `before`, in small steps; returns how many. `most` ends it after
    the step that reaches so many.

    Each step's sums become one ledger entry per budget, in the same transaction, so that the books
    still agree. The entries only say what the rows said: no budget changes.
    """
    total = 0
    while count := archive_step(before):
        total += count
        if most is not None and total >= most:
            break
    return total


def archive_step(before: datetime) -> int:
    """The oldest STEP rows; returns how many went."""
    with transaction.atomic():
        oldest = Usage.objects.filter(created_at__lt=before).order_by("id").values("id")[:STEP]
        last = Usage.objects.filter(id__in=[row["id"] for row in oldest]).aggregate(last=Max("id"))
        if last["last"] is None:
            return 0
        rows = Usage.objects.filter(id__lte=last["last"], created_at__lt=before)
        for column in ("wallet_id", "limit_id"):
            _book_sums(
                rows.filter(amount__gt=0, **{f"{column}__isnull": False}), column, last["last"]
            )
        deleted, _ = rows.delete()
        return deleted


def _book_sums(rows: QuerySet[Usage], column: str, last: int) -> None:
    for budget, units in rows.values_list(column).annotate(Sum("amount")).order_by(column):
        # Locks the budget, so that two archives of the same rows can't both count them.
        if not Budget.objects.filter(pk=budget).update(used=F("used")):
            continue
        LedgerEntry.objects.create(
            budget_id=budget,
            amount=-units,
            kind=LedgerKind.ARCHIVE,
            reference=f"archive:{budget}:{column}:{last}",
            note="usage that left the log",
        )

"""Moves old usage rows out of the way without touching any balance."""

from collections import Counter
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet, Sum

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
        # Locked before they are summed up: of two archives at once the second finds them gone.
        oldest = Usage.objects.select_for_update().filter(created_at__lt=before).order_by("id")
        ids = list(oldest.values_list("id", flat=True)[:STEP])
        if not ids:
            return 0
        rows = Usage.objects.filter(id__in=ids)
        sums = _sums(rows)
        budgets = Budget.objects.filter(pk__in=sums).order_by("pk")
        for budget in budgets.values_list("pk", flat=True):
            LedgerEntry.objects.create(
                budget_id=budget,
                amount=-sums[budget],
                kind=LedgerKind.ARCHIVE,
                reference=f"archive:{budget}:{ids[-1]}",
                note="usage that left the log",
            )
        deleted, _ = rows.delete()
        return deleted


def _sums(rows: QuerySet[Usage]) -> Counter[int]:
    """Units by wallet and limit."""
    sums: Counter[int] = Counter()
    for column in ("wallet_id", "limit_id"):
        charged = rows.filter(amount__gt=0, **{f"{column}__isnull": False})
        sums.update(dict(charged.values_list(column).annotate(Sum("amount"))))
    return sums

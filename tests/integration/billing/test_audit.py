"""The audit finds what is wrong, and only that."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.db.models import F

from billing.archive import archive_usage
from billing.models import Budget, Lease, LedgerEntry, LedgerKind, Usage
from billing.shipping import write_calls
from tests.harness.ledgers import Payer, at_once, faults_of, lease, new_payer, new_worker

pytestmark = pytest.mark.usefixtures("database")

Plant = Callable[[Payer], object]


def active_payer() -> Payer:
    """Credit of 1000, 40 used, 60 leased; the token may use 500."""
    payer, worker = new_payer(1000, limit=500), new_worker()
    lease(worker, payer, 100)
    write_calls(worker, [payer.closed(30), payer.closed(10)])
    return payer


PLANTS: dict[str, Plant] = {
    "remaining is one too many": lambda p: Budget.objects.filter(pk=p.wallet).update(
        remaining=F("remaining") + 1
    ),
    "the token's remaining is one too few": lambda p: Budget.objects.filter(pk=p.budgets[1]).update(
        remaining=F("remaining") - 1
    ),
    "a lease is one too many": lambda p: Lease.objects.filter(budget=p.wallet).update(
        amount=F("amount") + 1
    ),
    "a lease is gone": lambda p: Lease.objects.filter(budget=p.limit).delete(),
    "a usage row is gone": lambda p: Usage.objects.filter(wallet_id=p.wallet, amount=10).delete(),
    "a usage row was changed": lambda p: Usage.objects.filter(wallet_id=p.wallet, amount=30).update(
        amount=31
    ),
    "an entry was added by hand": lambda p: LedgerEntry.objects.create(
        budget_id=p.wallet, amount=5, kind=LedgerKind.GIFT, reference=f"hand:{p.wallet}"
    ),
    "used is too small": lambda p: Budget.objects.filter(pk=p.wallet).update(used=F("used") - 1),
    "used is too large": lambda p: Budget.objects.filter(pk=p.wallet).update(used=F("used") + 1),
}

UNSEEN = "used is too large"


def test_books_of_somebody_active_agree() -> None:
    payer = active_payer()
    assert faults_of(payer) == faults_of(payer, reads_usage=False) == []


def test_books_agree_after_old_usage_was_archived() -> None:
    payer = active_payer()
    Usage.objects.filter(wallet_id=payer.wallet).update(created_at="2001-01-01T00:00:00Z")
    before = (payer.balance, Budget.objects.get(pk=payer.wallet).used)

    archive_usage(datetime(2002, 1, 1, tzinfo=UTC))

    assert payer.used() == []
    assert (payer.balance, Budget.objects.get(pk=payer.wallet).used) == before
    assert faults_of(payer) == faults_of(payer, reads_usage=False) == []


def test_archives_that_run_at_once_book_each_call_once() -> None:
    payers = [active_payer() for _ in range(20)]
    for payer in payers:
        rows = Usage.objects.filter(wallet_id=payer.wallet)
        rows.filter(amount=30).update(created_at="2001-01-01T00:00:00Z")
        rows.filter(amount=10).update(created_at="2002-01-01T00:00:00Z")

    ends = [datetime(year, 6, 1, tzinfo=UTC) for year in (2001, 2002, 2001, 2002)]
    at_once(4, lambda number: archive_usage(ends[number]))

    archive_usage(ends[1])
    assert [payer.used() for payer in payers] == [[]] * len(payers)
    assert [faults_of(payer) for payer in payers] == [[]] * len(payers)


@pytest.mark.parametrize(
    "plant",
    [
        *filter(lambda name: name != UNSEEN, PLANTS),
        UNSEEN,
    ],
)
def test_audit_finds(plant: str) -> None:
    payer = active_payer()
    with transaction.atomic():
        PLANTS[plant](payer)
        found = faults_of(payer)
        found_without_usage = faults_of(payer, reads_usage=False)
        transaction.set_rollback(True)

    assert found
    assert bool(found_without_usage) == (not plant.startswith("a usage row"))
    assert faults_of(payer) == []

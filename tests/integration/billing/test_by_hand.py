"""What staff gives and sets by hand while others do the same and calls spend."""

import time
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from constance import config
from django.db import transaction
from rest_framework.exceptions import PermissionDenied

from billing.ledger import post_entry
from billing.models import LedgerEntry, LedgerKind
from billing.shipping import write_calls
from chatapi.accounts.models import Role, User
from chatapi.accounts.step_up import CONFIRMED_AT, FRESH_SECONDS
from chatapi.console.models import AuditEntry
from chatapi.web.api.user_acts import edit_user, give_credit
from tests.harness.ledgers import Payer, at_once, faults_of, lease, new_payer, new_worker

pytestmark = pytest.mark.usefixtures("database")
SETS, SPENDS = 50, 200
DOLLAR = 500_000


def staff(*, confirmed_at: float = 0) -> Any:
    """A request of a root's session."""
    user = User.objects.create(username=f"boss-{uuid.uuid4().hex[:12]}", role=Role.ROOT)
    session = {CONFIRMED_AT: confirmed_at}
    return SimpleNamespace(user=user, auth=None, session=session, META={"REMOTE_ADDR": "::1"})


def test_50_who_set_the_balance_while_200_calls_spend() -> None:
    payer, request = new_payer(100_000), staff(confirmed_at=time.time())
    worker = new_worker()
    lease(worker, payer, SPENDS)

    def work(number: int) -> None:
        for turn in range(10):
            if number < 5:
                edit_user(request, payer.user, {"quota": 1000 * (10 * number + turn + 1)})
            else:
                with transaction.atomic():
                    write_calls(worker, [payer.closed(1) for _ in range(SPENDS // 50)])

    at_once(10, work)

    entries = LedgerEntry.objects.filter(budget=payer.wallet, reference__startswith="api:")
    told = AuditEntry.objects.filter(action="user.credit", object_id=str(payer.user.pk))
    assert entries.count() == told.count() == SETS
    assert sum(payer.used()) == SPENDS
    assert faults_of(payer) == []
    assert balances_follow(payer)


def balances_follow(payer: Payer) -> bool:
    """Each balance that was set is the one before, with its entry, and less what was spent."""
    before = 100_000
    for entry in LedgerEntry.objects.filter(budget=payer.wallet).order_by("id")[1:]:
        _set, old, _to, new = entry.note.removeprefix("balance ").replace("from ", "").split()
        if not (0 <= before - int(old) <= SPENDS and int(new) - int(old) == entry.amount):
            return False
        before = int(new)
    return before - SPENDS <= payer.balance <= before


def test_parallel_small_credits_do_not_pass_together() -> None:
    """Each alone is below the option; only so many as stay below it together need no password."""
    config.CreditConfirmUsd = 100
    payer, request = new_payer(0), staff(confirmed_at=time.time() - FRESH_SECONDS - 60)

    def give(_number: int) -> str:
        try:
            give_credit(request, payer.user, {"quota": 30 * DOLLAR})
        except PermissionDenied as error:
            return str(error.get_codes())
        return "given"

    ends = at_once(12, give)
    assert sorted(ends) == ["confirmation_required"] * 9 + ["given"] * 3
    entries = LedgerEntry.objects.filter(budget=payer.wallet, kind=LedgerKind.CREDIT)
    assert list(entries.values_list("amount", flat=True)) == [30 * DOLLAR] * 3


def test_name_and_balance_are_changed_together_while_credit_comes_in() -> None:
    """All lock the wallet first, then the feed: the other way round two wait for each other."""
    payer, request = new_payer(100_000), staff(confirmed_at=time.time())

    def work(number: int) -> None:
        for turn in range(20):
            if number % 2:
                post_entry(payer.wallet, 1, kind=LedgerKind.GIFT)
            else:
                user = User.objects.get(pk=payer.user.pk)
                edit_user(request, user, {"display_name": f"{number} {turn}", "quota": 1000 + turn})

    at_once(6, work)

    changes = AuditEntry.objects.filter(action="user.change", object_id=str(payer.user.pk))
    assert changes.count() == 60
    assert faults_of(payer) == []

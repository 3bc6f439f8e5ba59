"""Entries and leases: conditional, booked once, right under many hands."""

from collections import Counter
from threading import Event

import pytest
from django.db import DatabaseError

from billing.bank import Bank, WorkerExpired
from billing.ledger import (
    AlreadyPosted,
    NotEnoughRemaining,
    balance_units,
    leased_units,
    open_wallet,
    post_entry,
    set_token_limit,
)
from billing.models import Budget, LedgerEntry, LedgerKind, Worker, WorkerState
from billing.shipping import Position, PositionMoved, ship
from chatapi.accounts.models import User
from chatapi.lib.ids import make_token_key
from chatapi.lib.money import MAX_UNITS, InvalidAmount
from tests.harness.ledgers import at_once, faults_of, lease, new_payer, new_worker, remaining

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("amount", [0, MAX_UNITS + 1, -MAX_UNITS - 1, 2**63])
def test_amount_that_is_none_is_refused(amount: int) -> None:
    payer = new_payer(10)

    with pytest.raises(InvalidAmount):
        post_entry(payer.wallet, amount, kind=LedgerKind.CREDIT)

    assert (payer.balance, faults_of(payer)) == (10, [])


def test_more_than_remains_is_not_taken_and_more_than_the_largest_balance_not_given() -> None:
    payer = new_payer(10)

    for amount in (-11, MAX_UNITS):
        with pytest.raises(NotEnoughRemaining):
            post_entry(payer.wallet, amount, kind=LedgerKind.DEBIT)

    assert (payer.balance, faults_of(payer)) == (10, [])


def test_reference_is_booked_once_and_a_second_posting_changes_nothing() -> None:
    payer = new_payer(0)
    reference = f"payment:{payer.wallet}"
    post_entry(payer.wallet, 10, kind=LedgerKind.TOPUP, reference=reference)

    with pytest.raises(AlreadyPosted):
        post_entry(payer.wallet, 10, kind=LedgerKind.TOPUP, reference=reference)

    assert LedgerEntry.objects.filter(budget=payer.wallet).count() == 1
    assert (payer.balance, faults_of(payer)) == (10, [])


def test_wallet_that_many_open_at_once_is_one() -> None:
    user = User.objects.create(username=f"user-{make_token_key()[:8]}", password="!")

    found = at_once(6, lambda _: open_wallet(user).pk)

    assert len(set(found)) == 1
    assert Budget.objects.filter(user=user).count() == 1


def test_limit_of_a_token_can_be_raised_and_lowered_to_what_it_shall_be() -> None:
    payer = new_payer(1000, limit=300)

    for units in (500, 0, 70):
        set_token_limit(payer.token, units)
        assert payer.limit is not None
        assert remaining(payer.limit) == units

    assert faults_of(payer) == []


def test_leases_of_many_workers_never_exceed_what_remains() -> None:
    payer = new_payer(1000)
    workers = [new_worker() for _ in range(6)]

    grants = at_once(6, lambda row: [Bank(workers[row]).extend(payer.wallet, 70, 0) for _ in "ab"])

    taken = sum(grant.units for pair in grants for grant in pair)
    assert taken == leased_units(payer.wallet) == 12 * 70
    assert remaining(payer.wallet) == 1000 - taken
    assert faults_of(payer) == []


def test_a_balance_is_the_same_while_workers_take_and_give_back() -> None:
    payer = new_payer(1000)
    bank = Bank(new_worker())
    has_ended = Event()

    def work(number: int) -> set[int]:
        if number:
            seen = {balance_units(payer.wallet)}
            while not has_ended.is_set():
                seen.add(balance_units(payer.wallet))
            return seen
        try:
            for _ in range(40):
                bank.give_back(payer.wallet, bank.extend(payer.wallet, 700, 0).units)
        finally:
            has_ended.set()
        return {1000}

    assert at_once(3, work) == [{1000}] * 3


def test_last_units_go_to_one_of_many() -> None:
    payer = new_payer(100)
    workers = [new_worker() for _ in range(6)]

    grants = at_once(6, lambda row: Bank(workers[row]).extend(payer.wallet, 70, 0).units)

    assert sorted(grants) == [0, 0, 0, 0, 30, 70]
    assert (remaining(payer.wallet), faults_of(payer)) == (0, [])


@pytest.mark.parametrize("state", [WorkerState.EXPIRED, WorkerState.CLOSED])
def test_worker_that_was_declared_dead_gets_no_credit_and_can_give_none_back(state: str) -> None:
    payer, worker = new_payer(100), new_worker()
    Worker.objects.filter(pk=worker).update(state=state)

    with pytest.raises(WorkerExpired):
        Bank(worker).extend(payer.wallet, 10, 0)
    with pytest.raises(WorkerExpired):
        Bank(worker).give_back(payer.wallet, 10)
    with pytest.raises(WorkerExpired):
        Bank(worker).beat()

    assert (remaining(payer.wallet), faults_of(payer)) == (100, [])


def test_leasing_and_shipping_for_one_worker_at_once_never_end_in_a_deadlock() -> None:
    payer, worker = new_payer(1_000_000), new_worker()
    lease(worker, payer, 1000)
    outcomes: Counter[str] = Counter()

    def work(number: int) -> None:
        for row in range(40):
            try:
                if number:
                    Bank(worker).extend(payer.wallet, 10, 0)
                else:
                    place, behind = Position(1, row), Position(1, row + 1)
                    ship(worker, [payer.closed(5)], place, behind)
            except (DatabaseError, PositionMoved) as error:
                outcomes[f"{type(error).__name__}: {str(error)[:60]}"] += 1

    at_once(3, work)

    assert outcomes == {}
    assert faults_of(payer) == []

"""From the journal into the database: once, whatever dies in between."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from billing.journal import Journal
from billing.ledger import leased_units
from billing.models import (
    Budget,
    BudgetKind,
    HourlyUsage,
    Lease,
    RechargeLot,
    Usage,
    Worker,
    WorkerState,
)
from billing.recorder import Recorder
from billing.records import Closed, Record
from billing.shipping import Position, close_worker
from tests.harness.ledgers import (
    Payer,
    faults_of,
    lease,
    new_payer,
    new_worker,
    progress_of,
    remaining,
    write_journal,
)
from tests.harness.telling import tell

pytestmark = pytest.mark.usefixtures("database")


class Died(BaseException):
    """The recorder's process ended here."""


def recorder(folder: Path, on_shipped: Callable[[list[Closed]], None] | None = None) -> Recorder:
    """A recorder that has just been started: it knows what is on disk and in the database."""
    return Recorder(folder, "here", interval=0, on_shipped=on_shipped)


@contextmanager
def dying_before(statement: int) -> Iterator[None]:
    """The process dies instead of sending its n-th statement."""
    sent = count()

    def send(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 -- Django's signature
        if next(sent) == statement:
            raise Died
        return execute(sql, params, many, context)

    with connection.execute_wrapper(send):
        yield


def dead_worker(folder: Path) -> Payer:
    """A worker that leased 500, ended three calls, was in the middle of two more, and died."""
    payer = new_payer(1000, limit=800)
    worker = new_worker()
    lease(worker, payer, 500)
    noted, forgotten, *done = (payer.opened() for _ in range(5))
    records: list[Record] = [
        *done,
        noted,
        payer.closed(30, opened=done[0]),
        progress_of(noted, 7),
        payer.closed(5, opened=done[1]),
        payer.closed(0, opened=done[2], error_code="timeout"),
        progress_of(noted, 12),
        forgotten,
    ]
    write_journal(folder, worker, records)
    return payer


def assert_all_is_booked_once(payer: Payer) -> None:
    wallet, limit = (Budget.objects.get(pk=budget) for budget in payer.budgets)
    sums = HourlyUsage.objects.filter(user_id=payer.user.pk).aggregate(
        calls=Sum("calls"), units=Sum("units")
    )
    payer.token.refresh_from_db()
    assert sorted(payer.used()) == [0, 0, 5, 12, 30]
    assert (wallet.remaining, wallet.used) == (953, 47)
    assert (limit.remaining, limit.used) == (753, 47)
    assert sums == {"calls": 5, "units": 47}
    assert (payer.token.used_count, payer.token.used_units) == (5, 47)
    assert RechargeLot.objects.get(budget=wallet).left == 953
    assert [leased_units(budget) for budget in payer.budgets] == [0, 0]
    assert faults_of(payer) == []


def test_dead_workers_journal_is_booked_once_however_often_the_recorder_dies(
    tmp_path: Path, database: str
) -> None:
    died_at = -1
    for statement in count():
        folder = tmp_path / str(statement)
        folder.mkdir()
        payer = dead_worker(folder)
        with dying_before(statement):
            try:
                recorder(folder).run_once()
            except Died:
                died_at = statement
        recorder(folder).run_once()
        assert_all_is_booked_once(payer)
        assert list(folder.glob("*/*")) == []
        if died_at < statement:
            break
    tell(database, f"died before each of {died_at + 1} statements")
    assert died_at > 10


@pytest.mark.parametrize("shipment", [1, 2])
def test_shipment_that_was_committed_is_not_repeated_when_its_recorder_dies_unaware(
    tmp_path: Path, shipment: int
) -> None:
    payer = dead_worker(tmp_path)
    told = count(1)

    def die(_: list[Closed]) -> None:
        if next(told) == shipment:
            raise Died

    with pytest.raises(Died):
        recorder(tmp_path, die).run_once()
    recorder(tmp_path).run_once()

    assert_all_is_booked_once(payer)


def test_two_recorders_on_one_journal_book_it_once(tmp_path: Path) -> None:
    payer, worker = new_payer(1000), new_worker()
    lease(worker, payer, 100)
    first, second = recorder(tmp_path), recorder(tmp_path)

    with closing(Journal(tmp_path / worker, fsync="off")) as journal:
        for amount, runs in enumerate((first, second, first, second), 1):
            journal.append(payer.closed(amount))
            runs.run_once()
    for runs in (first, second, first):
        runs.run_once()

    assert payer.used() == [1, 2, 3, 4]
    assert Worker.objects.get(pk=worker).state == WorkerState.CLOSED
    assert (payer.balance, faults_of(payer)) == (990, [])


def test_same_request_id_in_two_journals_is_charged_once(tmp_path: Path) -> None:
    payer = new_payer(1000)
    call = payer.closed(40)
    for _ in range(2):
        worker = new_worker()
        lease(worker, payer, 100)
        write_journal(tmp_path, worker, [call, payer.closed(1)])

    recorder(tmp_path).run_once()

    assert sorted(payer.used()) == [1, 1, 40]
    assert (payer.balance, faults_of(payer)) == (958, [])


def test_worker_that_was_taken_for_lost_is_charged_from_what_remains_and_never_below_zero(
    tmp_path: Path,
) -> None:
    payer, worker = new_payer(100), new_worker(node="elsewhere")
    lease(worker, payer, 90)
    write_journal(tmp_path, worker, [payer.closed(60), payer.closed(30), payer.closed(25)])
    Worker.objects.filter(pk=worker).update(heartbeat_at="2020-01-01T00:00:00Z")
    other_node = tmp_path / "other"
    recorder(other_node).expire_lost_nodes()
    assert remaining(payer.wallet) == 100

    recorder(tmp_path).run_once()

    rows = Usage.objects.filter(wallet_id=payer.wallet).order_by("id")
    assert list(rows.values_list("amount", "uncollected_units")) == [(60, 0), (30, 0), (10, 15)]
    assert (payer.balance, faults_of(payer)) == (0, [])


def test_texts_that_a_provider_or_user_chose_never_stop_shipping(
    tmp_path: Path, database: str
) -> None:
    payer, worker = new_payer(1000), new_worker()
    lease(worker, payer, 100)
    odd = ["\x00", "a\x00b", "😀" * 64, "\\N\t\n\\.", "'\"%s", "\u202e\ufffe\U0010ffff"]
    write_journal(tmp_path, worker, [payer.closed(1, error_code=text) for text in odd])

    recorder(tmp_path).run_once()

    assert payer.used() == [1] * len(odd)
    assert faults_of(payer) == []


def test_the_end_of_a_worker_waits_for_no_empty_lease() -> None:
    """It has a row for each budget that it ever touched."""
    worker, payer = new_worker(), new_payer(1000)
    lease(worker, payer, 300)
    for _ in range(100):
        touched = Budget.objects.create(user=payer.user, kind=BudgetKind.TOKEN)
        Lease.objects.create(worker_id=worker, budget=touched, amount=0)

    sent = count()
    with connection.execute_wrapper(lambda execute, *rest: (next(sent), execute(*rest))[1]):
        assert close_worker(worker, [], Position(1, 0))

    assert next(sent) < 20
    assert not Lease.objects.filter(worker_id=worker).exists()
    assert remaining(payer.wallet) == 1000
    assert faults_of(payer) == []

"""Old rows go after their days, in steps, once, and the books of balances still agree."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from constance import config
from django.utils import timezone

from billing import cleaning
from billing.cleaning import CLEANERS, NAME, do_step
from billing.models import LedgerEntry, LedgerKind, Usage, UsageStatus
from billing.shipping import write_calls
from chatapi.console.jobs import begin_job, is_broken_off, report_part, take_part
from chatapi.console.models import AuditEntry, TaskRun
from tests.harness.ledgers import Payer, at_once, faults_of, lease, new_payer, new_worker

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def fresh(database: str) -> None:
    TaskRun.objects.all().delete()
    for cleaner in CLEANERS.values():
        setattr(config, cleaner.option, 0)


def spend(payer: Payer, units: int, times: int) -> list[int]:
    """Calls of today; gives their numbers."""
    worker = new_worker()
    lease(worker, payer, units * times)
    write_calls(worker, [payer.closed(units) for _ in range(times)])
    return list(Usage.objects.filter(wallet_id=payer.wallet).values_list("pk", flat=True))


def make_old(keys: list[int], **changes: Any) -> None:
    Usage.objects.filter(pk__in=keys).update(
        created_at=timezone.now() - timedelta(days=40), **changes
    )


def run(parts: list[str]) -> int:
    """A whole run; gives its number of steps."""
    ticket, steps = begin_job(NAME, parts), 0
    while ticket is not None:
        ticket = do_step(ticket)
        steps += 1
    return steps


def test_old_calls_leave_and_no_unit_is_missing() -> None:
    payer = new_payer(1000)
    keys = spend(payer, 10, 30)
    make_old(keys[:20])
    config.LogRetentionDays = 30
    run(["usage"])
    assert Usage.objects.filter(wallet_id=payer.wallet).count() == 10
    archived = LedgerEntry.objects.filter(budget_id=payer.wallet, kind=LedgerKind.ARCHIVE)
    assert [entry.amount for entry in archived] == [-200]
    assert faults_of(payer) == []
    told = TaskRun.objects.get(name=NAME)
    assert (told.done, told.result, told.waiting, told.error) == (20, "20", [], "")


def test_failed_calls_leave_earlier_but_never_what_was_charged() -> None:
    payer = new_payer(1000)
    keys = spend(payer, 10, 6)
    make_old(keys[:4], status=UsageStatus.FAILED)
    free = payer.closed(0)
    write_calls(new_worker(), [free])
    own = Usage.objects.filter(wallet_id=payer.wallet)
    make_old(list(own.filter(amount=0).values_list("pk", flat=True)), status="failed")
    assert own.count() == 7
    config.ErrorLogRetentionDays = 30
    run(["errors"])
    assert Usage.objects.filter(wallet_id=payer.wallet).count() == 6
    assert faults_of(payer) == []


def test_a_step_is_small_and_a_run_goes_on_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "STEP", 2)
    entries = [AuditEntry(actor_name="cleaned", action="a.b") for _ in range(5)]
    AuditEntry.objects.bulk_create(entries)
    own = AuditEntry.objects.filter(actor_name="cleaned")
    own.update(at=timezone.now() - timedelta(days=400))
    config.AuditRetentionDays = 180
    # Others have younger entries in the same database.
    assert CLEANERS["audit"].step(timezone.now() - timedelta(days=300)) == 2
    assert own.count() == 3
    run(["audit"])
    assert own.count() == 0


def ask(name: str, _thread: int) -> str | None:
    return begin_job(name, ["a", "b"])


def step(name: str, ticket: str, _thread: int) -> tuple[str, str] | None:
    return take_part(name, ticket)


def test_two_timetables_make_one_run_and_each_step_is_taken_once(database: str) -> None:
    """Two nodes, each with its own timetable, ask at the same moment, again and again."""
    for round_number in range(5):
        name = f"race-{round_number}"
        begun = at_once(4, partial(ask, name))
        tickets = [ticket for ticket in begun if isinstance(ticket, str)]
        assert len(tickets) == 1, begun
        taken = at_once(4, partial(step, name, tickets[0]))
        held = [part for part in taken if isinstance(part, tuple)]
        assert len(held) == 1, taken
        assert held[0][1] == "a"
        assert report_part(name, held[0][0], count=3, is_ended=True)
        assert not report_part(name, tickets[0], count=3, is_ended=True)
        assert TaskRun.objects.get(name=name).done == 3


def test_a_run_whose_holder_died_is_replaced() -> None:
    ticket = begin_job("dead", ["a"])
    assert ticket is not None
    assert begin_job("dead", ["a"]) is None
    TaskRun.objects.filter(name="dead").update(held_until=timezone.now() - timedelta(seconds=1))
    assert is_broken_off(TaskRun.objects.get(name="dead"))
    again = begin_job("dead", ["a"])
    assert again is not None
    assert take_part("dead", ticket) is None


def test_the_timetable_of_a_second_node_comes_too_early() -> None:
    ticket = begin_job("hourly", ["a"], every=timedelta(minutes=50))
    assert ticket is not None
    taken = take_part("hourly", ticket)
    assert taken is not None
    report_part("hourly", taken[0], count=0, is_ended=True)
    assert begin_job("hourly", ["a"], every=timedelta(minutes=50)) is None
    assert begin_job("hourly", ["a"]) is not None

"""Low balances are told once for each fall, on every database."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone

from billing.alerts import repeat_reports, watch_balances
from billing.journal import Journal
from billing.journal_lag import measure_lag, watch_journals
from billing.models import Worker
from billing.shipping import write_calls
from notifications.models import AlertSettings, Notice
from tests.harness.ledgers import Payer, add_lot, at_once, lease, new_payer, new_worker

pytestmark = pytest.mark.usefixtures("database")

USUAL = 1000
"""QuotaRemindThreshold's default."""


def spend(payer: Payer, units: int) -> None:
    """As the recorder books it."""
    worker = new_worker()
    lease(worker, payer, units)
    write_calls(worker, [payer.closed(units)])


def told(payer: Payer) -> list[str]:
    notices = Notice.objects.filter(user=payer.user).order_by("pk")
    return list(notices.values_list("event", flat=True))


def test_a_fall_is_told_once_and_the_end_once() -> None:
    payer = new_payer(10_000)
    spend(payer, 5000)
    watch_balances()
    assert told(payer) == []
    spend(payer, 4100)
    for _ in range(3):
        watch_balances()
    assert told(payer) == ["balance_low"]
    assert Notice.objects.get(user=payer.user).data == {
        "balance_units": 900,
        "threshold_units": USUAL,
    }
    spend(payer, 900)
    for _ in range(3):
        watch_balances()
    assert told(payer) == ["balance_low", "balance_used_up"]


def test_after_new_credit_the_next_fall_is_told_again() -> None:
    payer = new_payer(10_000)
    spend(payer, 9900)
    watch_balances()
    add_lot(payer, 5000, None)
    watch_balances()
    spend(payer, 4900)
    watch_balances()
    assert told(payer) == ["balance_used_up", "balance_used_up"]


def test_what_calls_hold_is_still_there() -> None:
    payer = new_payer(10_000)
    spend(payer, 1)
    lease(new_worker(), payer, 9999)
    watch_balances()
    assert told(payer) == []


def test_a_users_own_limit_counts() -> None:
    generous, silent = new_payer(10_000), new_payer(10_000)
    AlertSettings.objects.create(user=generous.user, threshold_units=9999)
    AlertSettings.objects.create(user=silent.user, threshold_units=0)
    spend(generous, 2)
    spend(silent, 9400)
    watch_balances()
    assert (told(generous), told(silent)) == (["balance_low"], [])


def test_who_does_nothing_is_not_told() -> None:
    payer = new_payer(10)
    watch_balances()
    assert told(payer) == []


def test_many_watchers_tell_once() -> None:
    payer = new_payer(10_000)
    spend(payer, 9200)
    at_once(4, lambda _number: watch_balances())
    assert told(payer) == ["balance_low"]


def test_reminders_repeat_while_there_is_something_left_below_the_limit() -> None:
    payer, rich, empty = new_payer(500), new_payer(5000), new_payer(700)
    spend(empty, 700)
    for one in (payer, rich, empty):
        AlertSettings.objects.create(
            user=one.user, is_report_on=True, report_units=1000, report_hours=8
        )
    repeat_reports()
    repeat_reports()
    with time_machine.travel(timezone.now() + timedelta(hours=7)):
        repeat_reports()
    with time_machine.travel(timezone.now() + timedelta(hours=8, minutes=1)):
        repeat_reports()
    assert told(payer) == ["balance_report", "balance_report"]
    assert (told(rich), told(empty)) == ([], [])


def test_journals_that_nobody_ships_are_told(tmp_path: Path) -> None:
    payer, worker = new_payer(100), new_worker()
    journal = Journal(tmp_path / worker)
    journal.append(payer.closed(1))
    journal.close()
    assert measure_lag(tmp_path).bytes > 0
    assert not watch_journals(tmp_path, "node-1")
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        assert watch_journals(tmp_path, "node-1")
    notice = Notice.objects.filter(event="journal_lag").latest("pk")
    assert notice.data["node"] == "node-1"
    Worker.objects.filter(pk=worker).update(offset=notice.data["bytes"])
    assert measure_lag(tmp_path).bytes == 0

"""Lists of money: hourly sums, ledger, lots, budgets, leases and workers, with their filters."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from billing.audit import audit_budgets
from billing.journal import Journal
from billing.ledger import open_wallet, post_entry
from billing.models import (
    Dimension,
    HourlyTotal,
    HourlyUsage,
    LedgerEntry,
    LedgerKind,
    RechargeLot,
    Usage,
    Worker,
)
from billing.records import Closed
from tests.pages.rows import make_channel, make_lease, make_person, make_token
from tests.pages.test_usage_page import text_of

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(minute=0, second=0, microsecond=0)


def found(console: Client, path: str, query: str = "") -> int:
    answer = console.get(f"/admin/billing/{path}/?{query}")
    assert answer.status_code == 200
    return int(answer.context["cl"].result_count)


def make_hour(number: int) -> HourlyUsage:
    token = make_token(number)
    return HourlyUsage.objects.create(
        hour_at=NOW - timedelta(hours=number),
        user_id=token.user_id,
        token_id=token.pk,
        channel_id=make_channel(number).pk,
        model=f"model{number}",
        calls=10,
        units=500_000,
        first_byte_calls=2,
        first_byte_milliseconds=900,
    )


# --- Hourly sums ---


def test_hours_are_listed_with_names(console: Client) -> None:
    make_hour(1)
    page = text_of(console.get("/admin/billing/hourlyusage/").content.decode())
    assert "person1 token1 channel1 model1 10 – 0 + 0 $1.00 0.45 s" in page


def test_hours_of_what_is_gone_are_listed_all_the_same(console: Client) -> None:
    HourlyUsage.objects.create(hour_at=NOW, user_id=77, token_id=88, channel_id=0, model="m")
    page = text_of(console.get("/admin/billing/hourlyusage/").content.decode())
    assert "#77 #88 – m" in page


def test_hours_cost_the_same_with_one_row_and_with_three(console: Client) -> None:
    found(console, "hourlyusage")  # looks up what the menu shows, which is remembered
    counts = []
    for number in range(3):
        make_hour(number)
        with CaptureQueriesContext(connection) as queries:
            found(console, "hourlyusage")
        counts.append(len(queries))
    assert counts == [5, 5, 5]


def test_hours_are_filtered(console: Client) -> None:
    hours = [make_hour(number) for number in range(3)]
    for query, count in (
        ("", 3),
        ("user=person1", 1),
        (f"user={hours[2].user_id}", 1),
        ("user=nobody", 0),
        (f"token={hours[0].token_id}", 1),
        ("model=model2", 1),
        (f"channel={hours[0].channel_id}", 1),
        (f"from={timezone.localtime(NOW - timedelta(hours=1)):%Y-%m-%dT%H:%M}", 2),
        (f"to={timezone.localtime(NOW):%Y-%m-%dT%H:%M}", 2),
    ):
        assert found(console, "hourlyusage", query) == count, query


def test_an_hour_has_a_page_that_changes_nothing(console: Client) -> None:
    hour = make_hour(1)
    path = f"/admin/billing/hourlyusage/{hour.pk}/change/"
    assert "$1.00" in console.get(path).content.decode()
    assert console.post(path, {"calls": 1}).status_code == 403


# --- The ledger and what it moves ---


def test_the_ledger_is_filtered(console: Client) -> None:
    ann, ben = make_person(1), make_person(2)
    post_entry(open_wallet(ann).pk, -5, kind=LedgerKind.DEBIT, actor="ops", reference="r-1")
    for query, count in (
        ("user=person1", 2),
        ("user=nobody", 0),
        (f"budget={open_wallet(ben).pk}", 1),
        ("kind=debit", 1),
        ("kind=debit&user=person2", 0),
        ("actor=ops", 1),
        ("q=r-1", 1),
        ("q=R-1", 0),
        ("to=2000-01-01T00:00", 0),
        ("from=2000-01-01T00:00&kind=credit", 2),
    ):
        assert found(console, "ledgerentry", query) == count, query


def test_lots_are_filtered(console: Client) -> None:
    first, second = make_person(1), make_person(2)
    lot = RechargeLot.objects.get(budget=open_wallet(first))
    RechargeLot.objects.filter(pk=lot.pk).update(left=0, expires_at=NOW)
    soon = f"{timezone.localtime(NOW + timedelta(days=1)):%Y-%m-%dT%H:%M}"
    for query, count in (
        ("user=person1", 1),
        (f"budget={open_wallet(second).pk}", 1),
        ("state=left", 1),
        ("state=used", 1),
        ("state=nonsense", 0),
        (f"ends={soon}", 1),
        ("source=credit", 2),
    ):
        assert found(console, "rechargelot", query) == count, query


def test_leases_are_filtered(console: Client) -> None:
    make_lease(1)
    make_lease(2)
    assert found(console, "lease", "user=person1") == 1
    assert found(console, "lease", "node=node-1") == 2
    assert found(console, "lease", "node=other") == 0


# --- Workers and their journals ---


def test_a_worker_shows_what_is_not_recorded_yet(
    console: Client, tmp_path: Path, settings: Settings
) -> None:
    settings.DATA_DIR = tmp_path
    folder = tmp_path / "journal" / "w1"
    journal = Journal(folder)
    call = Closed("r", 0, 1, "ann", 1, "t", "default", 1, None, "chat", "m", False, "", "")  # noqa: FBT003 -- a record
    journal.append(call)
    journal.close()
    size = (folder / "000001.log").stat().st_size
    Worker.objects.create(id="w1", node="here", pid=1)
    Worker.objects.create(id="w2", node="there", pid=2)

    def read(path: str) -> str:
        return text_of(console.get(path).content.decode()).replace("\xa0", " ")

    assert f"{size} bytes" in read("/admin/billing/worker/")
    assert "000001.log : 0" in read("/admin/billing/worker/w1/change/")
    assert f"{size} bytes" not in read("/admin/billing/worker/w2/change/")
    assert f"Journal not yet recorded: {size} bytes" in read("/admin/")
    Worker.objects.filter(pk="w1").update(offset=size)
    page = read("/admin/billing/worker/w1/change/")
    assert "0 bytes" in page
    assert f"000001.log : {size}" in page


# --- Made-up usage ---


def test_made_up_usage_has_books_that_agree() -> None:
    told = StringIO()
    call_command("make_usage", "300", "--days", "2", "--users", "5", stdout=told)
    assert "300 calls" in told.getvalue()
    assert Usage.objects.count() == 300
    assert not audit_budgets().differences
    units = Usage.objects.aggregate(sum=Sum("amount"))["sum"]
    assert HourlyUsage.objects.aggregate(sum=Sum("units"))["sum"] == units
    for dimension in Dimension:
        totals = HourlyTotal.objects.filter(dimension=dimension)
        assert totals.aggregate(sum=Sum("units"), calls=Sum("calls")) == {
            "sum": units,
            "calls": 300,
        }
    assert LedgerEntry.objects.count() == RechargeLot.objects.count() == 5


def test_made_up_usage_does_not_mix_with_real_unasked() -> None:
    call_command("make_usage", "5", "--days", "1", "--users", "2", stdout=StringIO())
    with pytest.raises(CommandError, match="--force"):
        call_command("make_usage", "5")
    call_command("make_usage", "5", "--users", "2", "--force", stdout=StringIO())
    assert Usage.objects.count() == 10
    assert not audit_budgets().differences


@pytest.mark.parametrize("words", [("0",), ("5", "--days", "0"), ("5", "--users", "99999")])
def test_made_up_usage_within_reason(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("make_usage", *words)


def test_made_up_calls_explain_themselves(console: Client) -> None:
    call_command("make_usage", "50", "--days", "1", "--users", "2", stdout=StringIO())
    usage = Usage.objects.exclude(line_items="").latest("pk")
    page = text_of(console.get(f"/admin/billing/usage/{usage.pk}/change/").content.decode())
    assert "Charged" in page
    assert f" {usage.amount} " in page

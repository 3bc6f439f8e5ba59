"""The user's log: own calls only, found by filters, explained to the last unit, saved as a file."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from billing.ledger import open_wallet, post_entry
from billing.models import LedgerKind
from chatapi.accounts.models import User
from chatapi.accounts.tokens import TokenSettings, create_token
from tests.pages.user_site import XSS, add_call, add_hour, give_credit

pytestmark = pytest.mark.django_db
BILL = [["input", 1000, "1.25", "1250"], ["output", 100, "5", "500"], ["group", "0.8"]]


@pytest.fixture
def browser(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


def text_of(browser: Client, path: str = "/log", **query: Any) -> str:
    answer = browser.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


def saved(browser: Client, **query: Any) -> list[dict[str, str]]:
    answer: Any = browser.get("/log/export", query)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_calls_of_others_do_not_exist(browser: Client, admin: User) -> None:
    theirs = add_call(admin, model="their-model", token_name="their-token")
    add_hour(admin, timezone.now(), model="their-model")
    for query in ({}, {"model": "their-model"}, {"token": "1"}):
        page = text_of(browser, **query)
        assert "their-token" not in page
        assert theirs.request_id not in page
    assert browser.get(f"/log/{theirs.request_id}").status_code == 404
    assert saved(browser) == []


def test_a_token_of_somebody_else_is_no_filter(browser: Client, alice: User, admin: User) -> None:
    theirs = create_token(admin, TokenSettings(name="t", is_unlimited=True)).token
    add_call(alice)
    assert "Select a valid choice" in text_of(browser, token=theirs.pk)


def test_filters_find(browser: Client, alice: User) -> None:
    token = create_token(alice, TokenSettings(name="t", is_unlimited=True)).token
    add_call(alice, 1, model="one", token_id=token.pk)
    add_call(alice, 2, model="two", status="failed", error_code="upstream_error", token_id=999)
    for query, found in (
        ({"model": "one"}, {"call-1"}),
        ({"status": "failed"}, {"call-2"}),
        ({"token": token.pk}, {"call-1"}),
        ({"model": "none"}, set()),
        ({}, {"call-1", "call-2"}),
    ):
        rows = {row["request_id"].replace(f"-{alice.pk}-", "-") for row in saved(browser, **query)}
        assert rows == found


def test_times_are_those_of_the_viewer(browser: Client, alice: User) -> None:
    browser.cookies["timezone"] = "America/New_York"
    add_call(alice, created_at=datetime(2026, 1, 2, 3, 30, tzinfo=UTC))
    assert len(saved(browser, start="2026-01-01T22:30", end="2026-01-01T22:31")) == 1
    assert saved(browser, start="2026-01-01T22:31") == []
    (row,) = saved(browser)
    assert row["time"] == "2026-01-01T22:30:00-05:00"


def test_figures_are_of_whole_hours_and_of_all_calls(browser: Client, alice: User) -> None:
    """The hours do not know the status: with that filter no figure stands beside the calls."""
    browser.cookies["timezone"] = "Asia/Kolkata"
    add_hour(alice, datetime(2026, 1, 1, 18, tzinfo=UTC), calls=7123)
    page = text_of(browser, start="2026-01-02T00:00")
    assert "7,123" in page
    assert "whole hours" in page
    assert 'class="figures"' not in text_of(browser, start="2026-01-02T00:00", status="failed")


@pytest.mark.parametrize(
    "query",
    [
        {"start": "yesterday"},
        {"start": "0001-01-01T00:00"},
        {"end": "9999-12-31T23:59"},
        {"token": "9" * 40},
        {"status": "x"},
        {"model": "x" * 4000},
        {"older": "1-1-1"},
        {"older": f"{10**17}-1"},
    ],
)
def test_filters_that_make_no_sense_are_a_page(
    browser: Client, alice: User, query: dict[str, str]
) -> None:
    add_call(alice)
    page = text_of(browser, **query)
    assert "Usage log" in page
    for described in re.findall(r'aria-describedby="([^"]+)"', page):
        assert f'id="{described}"' in page
    assert saved(browser, **query)


def test_the_bill_of_a_call_adds_up(browser: Client, alice: User) -> None:
    call = add_call(alice, amount=1400, line_items=json.dumps(BILL))
    page = text_of(browser, f"/log/{call.request_id}")
    for text in ("Input tokens", "$2.50 / 1M", "$0.0025", "× 0.8", "$0.002800", "1,400 units"):
        assert text in page


def test_what_is_the_operators_stays_there(browser: Client, alice: User) -> None:
    call = add_call(
        alice,
        channel_id=3,
        channel_name="secret channel",
        upstream_model="secret model",
        attempts='[["secret"]]',
    )
    give_credit(alice, 500_000, note="secret note", actor="secret actor")
    for path in ("/log", f"/log/{call.request_id}", "/log/balance"):
        assert "secret" not in text_of(browser, path)
    assert "secret" not in str(saved(browser))


def test_changes_of_the_balance(browser: Client, alice: User, admin: User) -> None:
    give_credit(alice, 2_500_000)
    post_entry(open_wallet(alice).pk, -500_000, kind=LedgerKind.DEBIT)
    give_credit(admin, 4_321_000)
    page = text_of(browser, "/log/balance")
    assert "2,500,000 units" in page
    assert "-$1.00" in page
    assert "4,321,000" not in page


def test_texts_are_texts_and_no_formulas(browser: Client, alice: User) -> None:
    call = add_call(alice, model=XSS, token_name="=1+1", error_code="@x", status="failed")
    add_hour(alice, timezone.now(), model=XSS)
    for path in ("/log", f"/log/{call.request_id}"):
        page = text_of(browser, path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
    (row,) = saved(browser)
    assert (row["token_name"], row["error_code"]) == ("'=1+1", "'@x")


def test_pages_lead_on(browser: Client, alice: User) -> None:
    for number in range(30):
        add_call(alice, number, created_at=timezone.now().replace(microsecond=number))
    first = text_of(browser, model="gpt-4o")
    assert first.count('class="main"') == 25
    older = first.split('rel="next"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    assert "model=gpt-4o" in older
    assert text_of(browser, f"/log{older}").count('class="main"') == 5


def test_a_file_has_all_pages(
    browser: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatapi.web.pages.call_log.FILE_PAGE", 2)
    for number in range(5):
        add_call(alice, number)
    assert len({row["request_id"] for row in saved(browser)}) == 5


@pytest.mark.parametrize("path", ["/log", "/log/export", "/log/balance", "/log/x"])
def test_strangers_sign_in_first(client: Client, path: str) -> None:
    assert client.get(path).status_code == 302


def test_queries_do_not_grow_with_calls(
    browser: Client, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    text_of(browser)
    for count in (1, 3):
        for number in range(count):
            add_call(alice, 10 * count + number)
            add_hour(alice, timezone.now() - timedelta(hours=1), model=f"m{count}{number}")
            give_credit(alice, 1000)
        with django_assert_num_queries(8):
            calls = text_of(browser)
        with django_assert_num_queries(5):
            balance = text_of(browser, "/log/balance")
        assert "gpt-4o" in calls
        assert "1,000 units" in balance

"""The page of one call: line items that add up, attempts, and no markup of strangers."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.usage_bill import read_bill
from chatapi.accounts.models import User
from tests.pages.rows import make_usage

pytestmark = pytest.mark.django_db
LIST = "/admin/billing/usage/"
TEMPLATE = "{{ 7|add:424242 }}"
PAYLOADS = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', TEMPLATE, "</dd></dl>")


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_line_items_add_up(console: Client) -> None:
    usage = make_usage(1)
    page = text_of(console.get(f"{LIST}{usage.pk}/change/").content.decode())
    assert "Input tokens 1,000 $0.15 / 1M $0.00015" in page
    assert "Output tokens 500 $0.60 / 1M $0.0003" in page
    assert "Sum $0.00045" in page
    assert "Price ratio of group default × 0.8" in page
    assert "Exact, then rounded to whole units $0.00036" in page
    assert "Charged $0.00036" in page


@pytest.mark.parametrize("quantity", [1, 7, 1000, 123_457, 10**9])
def test_the_shown_sum_is_the_sum_of_the_shown_amounts(db: None, quantity: int) -> None:
    amounts = [Decimal("0.075") * quantity, Decimal("0.3") * quantity]
    items = json.dumps(
        [
            ["input", quantity, "0.075", f"{amounts[0]:f}"],
            ["output", quantity, "0.3", f"{amounts[1]:f}"],
            ["group", "1"],
        ]
    )
    bill = read_bill(make_usage(1, line_items=items))
    assert bill is not None
    assert sum(Decimal(line.units) for line in bill.lines) == Decimal(bill.subtotal_units)
    shown = [Decimal(line.amount.replace("$", "").replace(",", "")) for line in bill.lines]
    assert sum(shown) == Decimal(bill.subtotal.replace("$", "").replace(",", ""))


def test_what_was_not_collected_is_told(console: Client) -> None:
    usage = make_usage(1, amount=100, uncollected_units=80)
    page = text_of(console.get(f"{LIST}{usage.pk}/change/").content.decode())
    assert "Not collected: the balance did not suffice \N{MINUS SIGN} $0.00016" in page
    assert "Charged $0.0002" in page


def test_a_call_that_cost_nothing_says_so(console: Client) -> None:
    usage = make_usage(1, line_items="", amount=0, status="failed", channel_id=None, attempts="")
    page = text_of(console.get(f"{LIST}{usage.pk}/change/").content.decode())
    assert "Nothing was charged." in page
    assert "No channel was asked." in page


def test_attempts_are_listed_with_their_errors(console: Client) -> None:
    usage = make_usage(1)
    page = text_of(console.get(f"{LIST}{usage.pk}/change/").content.decode())
    assert "First 12 ms rate_limited 429 slow" in page
    assert "Second 345 ms answered" in page


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "Second 2345 ms answered"),
        ({"status": "left"}, "Second 2345 ms answered"),
        ({"status": "cut", "error_code": "upstream_timeout"}, "Second 2345 ms upstream_timeout"),
    ],
)
def test_a_call_without_failures_had_one_attempt(
    console: Client, changes: dict[str, str], shown: str
) -> None:
    usage = make_usage(1, attempts="", **changes)
    page = text_of(console.get(f"{LIST}{usage.pk}/change/").content.decode())
    assert shown in page


def test_a_price_per_call_is_shown_as_one(console: Client) -> None:
    items = '[["call", 1, "5000", "5000"], ["group", "1"]]'
    usage = make_usage(1, line_items=items, amount=5000)
    page = text_of(console.get(f"{LIST}{usage.pk}/change/").content.decode())
    assert "Per call 1 $0.01 $0.01" in page


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_others_wrote_is_text(console: Client, payload: str) -> None:
    columns = (
        "token_name",
        "group",
        "channel_name",
        "model",
        "upstream_model",
        "error_code",
        "address",
    )
    planted: dict[str, Any] = dict.fromkeys(columns, payload)
    attempts = f'[{{"channel": 8, "name": {payload!r}, "ms": 1, "error": "e", "message": "m"}}]'
    planted["attempts"] = attempts.replace("'", '"') if '"' not in payload else "[]"
    usage = make_usage(1, **planted)
    for path in (LIST, f"{LIST}{usage.pk}/change/"):
        page = console.get(path).content.decode()
        assert payload not in page or payload == TEMPLATE
        assert "424249" not in page


def test_the_list_is_filtered(console: Client, alice: User) -> None:
    make_usage(1)
    make_usage(2, status="failed", model="gpt-4o", token_id=6, channel_id=9)
    other = User.objects.create(username="bob")
    from billing.ledger import open_wallet  # noqa: PLC0415 -- only here

    make_usage(3, user_id=other.pk, username="bob", wallet_id=open_wallet(other).pk)
    for query, found in (
        ("", 3),
        ("status=failed", 1),
        ("status=nonsense", 0),
        ("model=gpt-4o", 1),
        ("user=alice", 2),
        (f"user={other.pk}", 1),
        ("user=nobody", 0),
        ("token=6", 1),
        ("channel=9", 1),
        ("q=request-3", 1),
        ("from=2000-01-01T00:00", 3),
        ("to=2000-01-01T00:00", 0),
        ("status=failed&model=gpt-4o-mini", 0),
    ):
        page = console.get(f"{LIST}?{query}").content.decode()
        assert page.count('class="field-state"') == found, query


def test_an_unknown_call_is_not_found(console: Client) -> None:
    assert console.get(f"{LIST}999/change/").status_code == 404
    assert console.get(f"{LIST}abc/change/").status_code == 404

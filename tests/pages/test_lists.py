"""Lists of the console: queries do not grow with rows, and huge tables are never counted."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.models import LedgerEntry, RechargeLot
from relay.midjourney.offer import has_drawings
from tests.pages.rows import MAKERS, make_usage

pytestmark = pytest.mark.django_db

SESSION, RATE = 1, 1
USER = 2
SUMS = 3
"""And whether staff must have a second factor."""
QUERIES = {
    "channels_app/channel": SESSION + USER + 3,
    "accounts/user": SESSION + USER + 1 + RATE,
    "accounts/token": SESSION + USER + 1 + RATE,
    "accounts/group": SESSION + USER + 2,
    "billing/price": SESSION + USER + 5,
    "billing/usage": SESSION + USER + 1 + RATE + SUMS,
    "billing/ledgerentry": SESSION + USER + 1 + RATE,
    "billing/rechargelot": SESSION + USER + 1 + RATE,
    "billing/budget": SESSION + USER + 1 + RATE,
    "billing/lease": SESSION + USER + 1 + RATE,
    "billing/worker": SESSION + USER + 3,
    "relay/midjourneytask": SESSION + USER + 1 + RATE,
}


def read(console: Client, path: str) -> tuple[str, list[str]]:
    """The page, and the statements that it took."""
    with CaptureQueriesContext(connection) as queries:
        answer = console.get(f"/admin/{path}/")
    assert answer.status_code == 200
    read = [row["sql"] for row in queries.captured_queries]
    # Whether this request is the one that notes when the session was last used, time decides.
    return answer.content.decode(), [sql for sql in read if sql.startswith("SELECT")]


@pytest.mark.parametrize("path", MAKERS)
def test_a_list_costs_the_same_with_one_row_and_with_three(console: Client, path: str) -> None:
    make = MAKERS[path]
    has_drawings()  # which the menu asks once a minute
    make(0)
    _, one = read(console, path)
    make(1)
    make(2)
    _, three = read(console, path)
    assert len(one) == len(three) == QUERIES[path], "\n".join(three)


@pytest.mark.parametrize(
    "path",
    ["accounts/user", "accounts/token", "billing/usage", "billing/ledgerentry", "billing/budget"],
)
def test_a_big_table_is_neither_counted_nor_skipped_through(console: Client, path: str) -> None:
    MAKERS[path](0)
    _, statements = read(console, path)
    whole = [sql for sql in statements if '"created_at" >= ' not in sql]  # others sum up a day
    assert not [sql for sql in whole if "COUNT(" in sql.upper() or "OFFSET" in sql.upper()]


@pytest.mark.parametrize("path", sorted(set(MAKERS) - {"accounts/user", "accounts/group"}))
def test_an_empty_list_says_so(console: Client, path: str) -> None:
    page, _ = read(console, path)
    assert "Nothing here yet" in page


def test_no_row_matches(console: Client) -> None:
    make_usage(0)
    page = console.get("/admin/billing/usage/?status=failed").content.decode()
    assert "Nothing matches" in page


# --- Paging by key ---


@pytest.fixture
def hundred(db: None) -> None:
    for number in range(120):
        make_usage(number, model=f"model-{number:03}")


def models_on(page: str) -> list[str]:
    return re.findall(r'field-asked"><a[^>]*>([\w.-]+)<', page)


def follow(console: Client, page: str, rel: str) -> str:
    """The page behind the link of this relation."""
    found = re.search(rf'href="([^"]+)"[^>]*rel="{rel}"', page)
    assert found is not None
    address = found[1]
    answer = console.get("/admin/billing/usage/" + address.replace("&amp;", "&"))
    assert answer.status_code == 200
    return answer.content.decode()


def test_pages_follow_each_other_without_gap_or_overlap(console: Client, hundred: None) -> None:
    first, _ = read(console, "billing/usage")
    second = follow(console, first, "next")
    third = follow(console, second, "next")
    seen = models_on(first) + models_on(second) + models_on(third)
    assert seen == [f"model-{number:03}" for number in reversed(range(120))]
    assert 'rel="prev"' not in first
    assert 'rel="next"' not in third


def test_the_way_back_leads_to_the_same_pages(console: Client, hundred: None) -> None:
    first, _ = read(console, "billing/usage")
    second = follow(console, first, "next")
    third = follow(console, second, "next")
    assert models_on(follow(console, third, "prev")) == models_on(second)
    assert models_on(follow(console, second, "prev")) == models_on(first)


def test_filters_stay_while_paging(console: Client, hundred: None) -> None:
    page = console.get("/admin/billing/usage/?status=ok&user=alice").content.decode()
    second = follow(console, page, "next")
    assert models_on(second)[0] == "model-069"
    assert 'value="alice"' in second


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "", "1 OR 1=1"])
def test_a_made_up_key_shows_the_first_page(console: Client, key: str) -> None:
    make_usage(0)
    answer = console.get("/admin/billing/usage/", {"older": key})
    assert models_on(answer.content.decode()) == ["gpt-4o-mini"]


def test_a_made_up_filter_is_ignored(console: Client) -> None:
    assert console.get("/admin/billing/usage/?nonsense=1").status_code == 302
    assert console.get("/admin/billing/usage/?from=yesterday").status_code == 200
    assert console.get("/admin/billing/usage/?token=abc").status_code == 200


def test_rows_of_money_can_not_be_changed(console: Client) -> None:
    for path in ("usage", "ledgerentry", "rechargelot", "budget", "lease", "worker"):
        assert console.get(f"/admin/billing/{path}/add/").status_code == 403, path
    MAKERS["billing/ledgerentry"](0)
    entry, lot = LedgerEntry.objects.get(), RechargeLot.objects.get()
    for path in (f"ledgerentry/{entry.pk}", f"rechargelot/{lot.pk}"):
        assert console.post(f"/admin/billing/{path}/change/", {"amount": 1}).status_code == 403
        assert console.post(f"/admin/billing/{path}/delete/", {"post": "yes"}).status_code == 403

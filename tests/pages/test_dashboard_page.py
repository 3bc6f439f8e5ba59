"""The user's first page: figures of the own account only, in the viewer's days."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chatapi.accounts.models import User
from tests.pages.user_site import XSS, add_call, add_hour, give_credit

pytestmark = pytest.mark.django_db


def text_of(client: Client, query: str = "") -> str:
    answer = client.get(f"/dashboard{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def chart_of(page: str) -> dict[str, object]:
    found = re.search(r'<script id="spending"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    chart: dict[str, object] = json.loads(found[1])
    return chart


def test_a_new_user_is_told_what_to_do(alice: User, as_user: Callable[[User], Client]) -> None:
    page = text_of(as_user(alice))
    assert "First steps" in page
    assert "Make an API token" in page
    assert "data-chart" not in page


def test_figures_are_those_of_the_user_alone(
    alice: User, admin: User, as_user: Callable[[User], Client]
) -> None:
    now = timezone.now()
    add_hour(alice, now, calls=3, units=1_000_000)
    add_hour(admin, now, calls=7777, units=9_000_000)
    add_call(admin, token_name="token-of-adele")
    page = text_of(as_user(alice))
    assert '<span class="money" title="1,000,000 units">$2.00</span>' in page
    assert "7,777" not in page
    assert "token-of-adele" not in page


def test_a_day_begins_at_the_viewers_midnight(
    alice: User, as_user: Callable[[User], Client]
) -> None:
    """23:00 UTC is the next morning in Shanghai."""
    with time_machine.travel(datetime(2026, 5, 2, 9, tzinfo=UTC), tick=False):
        add_hour(alice, datetime(2026, 5, 1, 23, tzinfo=UTC), units=500_000)
        add_hour(alice, datetime(2026, 5, 1, 10, tzinfo=UTC), units=5_000_000)
        client = as_user(alice)
        client.cookies["timezone"] = "Asia/Shanghai"
        page = text_of(client, "?range=7d")
    assert '<dt>Spent today</dt>\n      <dd><span class="money" title="500,000 units">' in page
    chart = chart_of(page)
    assert chart["labels"] == [f"04-{day}" for day in range(26, 31)] + ["05-01", "05-02"]
    assert chart["series"] == [{"name": "gpt-4o", "values": [0, 0, 0, 0, 0, 10.0, 1.0]}]


def test_the_hour_that_midnight_cuts_is_one_of_the_new_day(
    alice: User, as_user: Callable[[User], Client]
) -> None:
    """Midnight in India is 18:30 UTC, and the sums are of whole hours of UTC."""
    with time_machine.travel(datetime(2026, 5, 2, 9, tzinfo=UTC), tick=False):
        add_hour(alice, datetime(2026, 5, 1, 17, tzinfo=UTC), units=5_000_000)
        add_hour(alice, datetime(2026, 5, 1, 18, tzinfo=UTC), units=500_000)
        client = as_user(alice)
        client.cookies["timezone"] = "Asia/Kolkata"
        page = text_of(client, "?range=7d")
    assert '<dt>Spent today</dt>\n      <dd><span class="money" title="500,000 units">' in page
    assert "whole hours" in page
    values = [0, 0, 0, 0, 0, 10.0, 1.0]
    assert chart_of(page)["series"] == [{"name": "gpt-4o", "values": values}]


@pytest.mark.parametrize("zone", ["../../etc/passwd", "x" * 5000, "Mars/Phobos", "%00", ""])
def test_a_zone_that_is_none_is_the_servers(
    alice: User, as_user: Callable[[User], Client], zone: str
) -> None:
    client = as_user(alice)
    add_hour(alice, timezone.now())
    usual = text_of(client)
    client.cookies["timezone"] = zone
    page = text_of(client)
    assert chart_of(page)["labels"] == chart_of(usual)["labels"]
    assert not zone or zone not in page


@pytest.mark.parametrize("query", ["?range=24h", "?range=90d", "?range=%00", "?range=" + "9" * 999])
def test_every_range_is_a_page(alice: User, as_user: Callable[[User], Client], query: str) -> None:
    add_hour(alice, timezone.now())
    assert "$0.00" in text_of(as_user(alice), query)


def test_credit_that_ends_soon_is_told(alice: User, as_user: Callable[[User], Client]) -> None:
    give_credit(alice, 1_000_000, expires_at=timezone.now() + timedelta(days=3))
    give_credit(alice, 4_000_000, expires_at=timezone.now() + timedelta(days=90))
    page = text_of(as_user(alice))
    assert "$2.00 expires soon" in page
    assert "$10.00" in page


def test_texts_of_others_are_texts(alice: User, as_user: Callable[[User], Client]) -> None:
    add_call(alice, model=XSS, token_name=XSS, error_code=XSS[:20])
    add_hour(alice, timezone.now(), model=XSS)
    page = text_of(as_user(alice))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_queries_do_not_grow_with_calls(
    alice: User,
    as_user: Callable[[User], Client],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = as_user(alice)
    text_of(client)
    for count in (1, 3):
        for number in range(count):
            now = timezone.now() - timedelta(hours=number)
            add_call(alice, 10 * count + number)
            add_hour(alice, now, model=f"model-{count}-{number}")
        with django_assert_num_queries(7):
            page = text_of(client)
        assert f"model-{count}-{count - 1}" in page

"""What stands above the list of calls: their number, charge and tokens, and the last minute's."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing.admin import usage_sums
from billing.admin.usage_sums import CallSums
from billing.bulk import add_hourly
from billing.ledger import open_wallet
from chatapi.accounts.models import Role
from tests.pages.conftest import AsUser, make_user
from tests.pages.rows import make_token, make_usage

pytestmark = pytest.mark.django_db
LIST = "/admin/billing/usage/"
NOW = timezone.now()
HOUR = NOW.replace(minute=0, second=0, microsecond=0)


def read(console: Client, query: str = "") -> CallSums:
    found: CallSums | None = console.get(f"{LIST}?{query}").context["cl"].sums()
    assert found is not None
    return found


def figures(console: Client, query: str = "") -> tuple[int, int, int]:
    sums = read(console, query).sums
    return sums.calls, sums.units, sums.tokens


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three calls are as many as are added up one by one."""
    monkeypatch.setattr(usage_sums, "MOST_ADDED", 3)


def at(text: str, moment: datetime) -> str:
    return f"{text}={timezone.localtime(moment):%Y-%m-%dT%H:%M}"


def test_without_a_time_the_last_day_is_added_up(console: Client) -> None:
    make_usage(1)
    make_usage(2, model="gpt-4o", amount=1_000)
    make_usage(3, created_at=NOW - timedelta(hours=30))
    assert figures(console) == (2, 1_180, 3_000)
    assert figures(console, "model=gpt-4o") == (1, 1_000, 1_500)
    assert figures(console, at("from", NOW - timedelta(days=2))) == (3, 1_360, 4_500)
    assert figures(console, at("to", NOW - timedelta(hours=29))) == (1, 180, 1_500)
    assert figures(console, "endpoint=images") == (0, 0, 0)


def test_the_last_minute_knows_the_filters_but_no_time(console: Client) -> None:
    make_usage(1)
    make_usage(2, model="gpt-4o")
    make_usage(3, created_at=NOW - timedelta(minutes=2))
    minute = read(console, "model=gpt-4o&" + at("to", NOW - timedelta(days=3))).last_minute
    assert (minute.calls, minute.tokens) == (1, 1_500)
    assert read(console).last_minute.calls == 2


def test_many_calls_come_from_the_sums_by_the_hour(console: Client, few: None) -> None:
    token = make_token(1)
    wallet = open_wallet(token.user)
    for number in range(4):
        make_usage(number, token_id=token.pk, user_id=token.user_id, wallet_id=wallet.pk)
    row = (HOUR, token.user_id, token.pk, 8, "gpt-4o-mini", 40, 1, 700, 300, 5_000, 1, 1, 1)
    add_hourly([row])
    name = token.user.username
    for query in (
        "",
        "model=gpt-4o-mini",
        "channel=8",
        f"user={name}",
        f"token={token.pk}",
        f"user={name}&model=gpt-4o-mini",
    ):
        found = read(console, query)
        assert found.is_hourly, query
        assert (found.sums.calls, found.sums.units, found.sums.tokens) == (40, 5_000, 1_000), query
    assert "whole hours" in console.get(LIST).content.decode()
    assert read(console, f"user={name}&channel=abc").sums.calls == 0


def test_what_no_hour_knows_is_added_up_as_far_as_it_goes(console: Client, few: None) -> None:
    for number in range(5):
        make_usage(number, created_at=NOW - timedelta(minutes=number))
    found = read(console, "endpoint=chat")
    assert (found.is_cut, found.sums.calls) == (True, 3)
    assert found.start == NOW - timedelta(minutes=2)
    assert "the newest calls alone" in console.get(f"{LIST}?endpoint=chat").content.decode()


def test_what_is_hidden_is_not_added_up(console: Client, as_user: AsUser) -> None:
    chief = make_user("chief", Role.ROOT)
    make_usage(1, user_id=chief.pk, username="chief")
    assert figures(console) == (1, 180, 1_500)
    assert figures(as_user(make_user("helper", Role.ADMIN))) == (0, 0, 0)


def test_one_call_has_no_sums(console: Client) -> None:
    make_usage(1)
    assert 'class="sums"' not in console.get(f"{LIST}?q=request-1").content.decode()


def test_a_time_that_is_none_has_no_sums(console: Client) -> None:
    assert 'class="sums"' not in console.get(f"{LIST}?from=yesterday").content.decode()

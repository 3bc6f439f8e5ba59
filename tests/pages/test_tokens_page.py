"""Tokens in the console: the key is shown once, limits go through the ledger."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import signing
from django.db.models import F, Sum
from django.test import Client

from billing.audit import audit_budgets
from billing.ledger import balance_units, set_token_limit
from billing.models import Budget, LedgerEntry, TokenRenewal
from chatapi.accounts.models import Token, TokenStatus, User
from chatapi.lib.ids import hash_key
from chatapi.options.models import Change
from tests.pages.rows import make_token

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/token/"


def form(owner: User | None = None, **changes: object) -> dict[str, Any]:
    values = {
        "name": "laptop",
        "status": "1",
        "limit_usd": "",
        "group": "",
        "models_text": "",
        "networks_text": "",
        "concurrency": "",
        "expires_at": "",
        "valid_seconds": "",
        "suffix_text": "",
    }
    return values | ({"user": str(owner.pk)} if owner else {}) | changes


def key_of(page: str) -> str:
    found = re.search(r'id="new-key">([^<]+)<', page)
    assert found is not None
    return found[1]


def test_the_key_is_shown_once(console: Client, alice: User) -> None:
    answer = console.post(f"{LIST}add/", form(alice))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    key = key_of(answer.content.decode())
    token = Token.objects.get()
    assert key.startswith("sk-")
    assert token.key_hash == hash_key(key.removeprefix("sk-"))
    for path in (LIST, f"{LIST}{token.pk}/change/", f"{LIST}{token.pk}/history/", "/admin/"):
        assert key not in console.get(path).content.decode()


def test_the_key_is_neither_in_a_cookie_nor_in_the_database(console: Client, alice: User) -> None:
    key = key_of(console.post(f"{LIST}add/", form(alice)).content.decode())
    assert key not in str(console.cookies)
    assert key not in str(dict(console.session.items()))
    rows = str([list(model.objects.values()) for model in (Token, Change)])
    assert key.removeprefix("sk-") not in rows
    assert signing.dumps(key) not in str(console.cookies)


def test_a_token_without_a_limit_is_unlimited(console: Client, alice: User) -> None:
    console.post(f"{LIST}add/", form(alice))
    token = Token.objects.get()
    assert token.is_unlimited
    assert not Budget.objects.filter(token=token).exists()


def test_a_limit_goes_through_the_ledger(console: Client, alice: User) -> None:
    console.post(f"{LIST}add/", form(alice, limit_usd="2.5"))
    token = Token.objects.get()
    assert not token.is_unlimited
    entry = LedgerEntry.objects.get(budget=token.budget)
    assert (entry.amount, entry.kind, entry.actor) == (1_250_000, "limit", "root")
    assert not audit_budgets().differences


def test_an_untouched_limit_is_left_alone(console: Client) -> None:
    """Between the page and its form the token spent: saving the name must not give that back."""
    token = make_token(1)
    page = console.get(f"{LIST}{token.pk}/change/").content.decode()
    shown = re.findall(r'name="(initial-limit_usd|limit_usd)" value="([^"]*)"', page)
    assert dict(shown) == {"initial-limit_usd": "1", "limit_usd": "1"}
    Budget.objects.filter(token=token).update(remaining=F("remaining") - 100_000)
    entries = LedgerEntry.objects.count()
    console.post(f"{LIST}{token.pk}/change/", form(None, **dict(shown), name="renamed"))
    token.refresh_from_db()
    assert token.name == "renamed"
    assert LedgerEntry.objects.count() == entries
    assert balance_units(token.budget.pk) == 400_000


def test_counters_that_moved_meanwhile_stay(console: Client) -> None:
    token = make_token(1)
    form_of_then = form(limit_usd="1", name="renamed")
    Token.objects.update(used_units=77, used_count=3)
    console.post(f"{LIST}{token.pk}/change/", form_of_then)
    token.refresh_from_db()
    assert (token.name, token.used_units, token.used_count) == ("renamed", 77, 3)


def test_a_changed_limit_is_what_is_left(console: Client) -> None:
    token = make_token(1)
    console.post(f"{LIST}{token.pk}/change/", form(limit_usd="0.25"))
    total = LedgerEntry.objects.filter(budget=token.budget).aggregate(sum=Sum("amount"))["sum"]
    assert balance_units(token.budget.pk) == total == 125_000


def test_a_limit_can_be_taken_away_and_given_again(console: Client) -> None:
    token = make_token(1)
    console.post(
        f"{LIST}{token.pk}/change/", form(None, **{"limit_usd": "", "initial-limit_usd": "1"})
    )
    assert Token.objects.get().is_unlimited
    console.post(f"{LIST}{token.pk}/change/", form(limit_usd="3"))
    assert not Token.objects.get().is_unlimited
    assert balance_units(token.budget.pk) == 1_500_000


def test_credit_held_by_calls_is_not_taken(console: Client) -> None:
    token = make_token(1)
    Budget.objects.filter(token=token).update(remaining=0)
    from billing.models import Lease, Worker  # noqa: PLC0415 -- only here

    worker = Worker.objects.create(id="w", node="n")
    Lease.objects.create(worker=worker, budget=token.budget, amount=500_000)
    answer = console.post(f"{LIST}{token.pk}/change/", form(limit_usd="0.1"), follow=True)
    assert "calls hold the rest" in answer.content.decode()
    assert balance_units(token.budget.pk) == 500_000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"limit_usd": "-1"}, "limit_usd"),
        ({"limit_usd": "1e30"}, "limit_usd"),
        ({"limit_usd": "NaN"}, "limit_usd"),
        ({"networks_text": "300.1.1.1"}, "networks_text"),
        ({"valid_seconds": "0"}, "valid_seconds"),
        ({"expires_at": "2099-01-01T00:00", "valid_seconds": "60"}, "__all__"),
        ({"group": "nobodys"}, "group"),
        ({"user": "999"}, "user"),
        ({"name": ""}, "name"),
    ],
)
def test_a_mistake_is_told_at_its_field(
    console: Client, alice: User, changes: dict[str, str], field: str
) -> None:
    answer = console.post(f"{LIST}add/", form(alice, **changes))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not Token.objects.exists()


def test_protected_columns_can_not_be_written(console: Client, alice: User) -> None:
    hostile = {"key_hash": "x", "used_units": "5", "used_count": "5", "is_unlimited": "on"}
    console.post(f"{LIST}add/", form(alice, limit_usd="1", **hostile))
    token = Token.objects.get()
    assert (token.used_units, token.used_count, token.is_unlimited) == (0, 0, False)
    assert token.key_hash != "x"


def test_the_owner_can_not_be_changed(console: Client, alice: User) -> None:
    token = make_token(1)
    console.post(f"{LIST}{token.pk}/change/", form(alice, limit_usd="1"))
    token.refresh_from_db()
    assert token.user.username == "person1"


def test_revoking_is_published(console: Client) -> None:
    token = make_token(1)
    Change.objects.all().delete()
    console.post(LIST, {"action": "disable", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.status == TokenStatus.DISABLED
    assert list(Change.objects.values_list("topic", "key")) == [("token", str(token.pk))]


def test_a_deleted_token_leaves_its_money_in_the_books(console: Client) -> None:
    token = make_token(1)
    console.post(f"{LIST}{token.pk}/delete/", {"post": "yes"})
    assert not Token.objects.exists()
    assert not audit_budgets().differences


def test_choosing_a_user_searches_by_name(console: Client, alice: User) -> None:
    query = {"app_label": "accounts", "model_name": "token", "field_name": "user", "term": "ali"}
    found = console.get("/admin/autocomplete/", query).json()["results"]
    assert [row["text"] for row in found] == ["alice"]


def test_limit_set_elsewhere_is_shown(console: Client) -> None:
    token = make_token(1)
    set_token_limit(token, 123)
    page = console.get(f"{LIST}{token.pk}/change/").content.decode()
    assert 'value="0.000246"' in page


def test_a_limit_that_renews_in_the_console(console: Client, alice: User) -> None:
    limits = {"limit_usd": "2.5", "renews": "daily", "requests_per_minute": "60"}
    console.post(f"{LIST}add/", form(alice, **limits))
    token = Token.objects.get()
    assert (token.renewal.renews, token.renewal.units) == ("daily", 1_250_000)
    assert token.requests_per_minute == 60
    listed = console.get(LIST).content.decode()
    assert "$2.50</span> each day" in listed
    page = f"{LIST}{token.pk}/change/"
    changed = {"limit_usd": "2.5", "renews": "monthly", "renew_usd": "9"}
    assert console.post(page, form(None, **changed)).status_code == 302
    token = Token.objects.get()
    assert (token.renewal.renews, token.renewal.units) == ("monthly", 4_500_000)
    assert console.post(page, form(renews="monthly")).status_code == 200
    assert console.post(page, form(None, **{"initial-limit_usd": "2.5"})).status_code == 302
    assert Token.objects.get().is_unlimited
    assert not TokenRenewal.objects.exists()


def test_support_sees_the_limit_and_how_it_renews(
    as_user: Callable[[User], Client], console: Client, support: User, alice: User
) -> None:
    console.post(f"{LIST}add/", form(alice, limit_usd="2.5", renews="daily", renew_usd="7"))
    answer = as_user(support).get(f"{LIST}{Token.objects.get().pk}/change/")
    page = answer.content.decode()
    assert "$2.50" in page
    assert "$7.00</span> each day" in page
    assert "Limit usd" not in page

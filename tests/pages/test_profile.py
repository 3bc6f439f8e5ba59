"""One's own data: names, e-mail address, access token, and closing the account."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from billing.ledger import open_wallet
from billing.models import LedgerEntry, LedgerKind
from chatapi.accounts.models import AccessToken, SignInName, Token, TokenStatus, User
from chatapi.accounts.people import find_by_name
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.console.models import AuditEntry
from tests.pages.conftest import PASSWORD, make_user
from tests.pages.rows import make_channel

pytestmark = pytest.mark.django_db


@pytest.fixture
def carol(db: None) -> User:
    user = make_user("carol", 1)
    user.email = "carol@example.com"
    user.save()
    return user


@pytest.fixture
def browser(carol: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(carol)


def codes() -> list[str]:
    found = [re.search(r"^ {4}(\d{6})$", str(letter.body), re.MULTILINE) for letter in mail.outbox]
    return [match[1] for match in found if match]


def save(browser: Client, **values: str) -> Any:
    return browser.post("/profile", {"username": "carol", "display_name": "", **values})


def test_names_are_saved_and_nothing_else(browser: Client, carol: User) -> None:
    hostile = {"role": "100", "group": "svip", "email": "x@example.com", "is_active": ""}
    User.objects.filter(pk=carol.pk).update(group="vip")
    assert save(browser, username="Caro", display_name="<b>C</b>", **hostile).status_code == 302
    carol.refresh_from_db()
    assert (carol.username, carol.display_name) == ("Caro", "<b>C</b>")
    assert (carol.role, carol.group, carol.email) == (1, "vip", "carol@example.com")
    assert "<b>C</b>" not in browser.get("/profile").content.decode()
    assert AuditEntry.objects.get(action="user.renamed").after == {"username": "Caro"}
    assert find_by_name("caro") == carol
    assert find_by_name("carol") is None


@pytest.mark.parametrize("name", ["ALICE", "ab", "x" * 33, "a@b.example", "a\x00b", ""])
def test_bad_names_are_refused(browser: Client, alice: User, name: str) -> None:
    assert save(browser, username=name).status_code == 200
    assert User.objects.filter(username="carol").exists()


def test_models_are_listed_by_vendor(browser: Client) -> None:
    channel = make_channel(1)
    channel.models_text = "gpt-4o,my-own-model"
    channel.save()
    page = re.sub(r"\s", "", browser.get("/profile").content.decode())
    assert re.findall(r'id="model-\d+-\d+">([^<]+)<', page) == ["gpt-4o", "my-own-model"]


def test_an_access_token_is_shown_once_and_replaced(browser: Client, carol: User) -> None:
    pattern = r'id="access-token">([^<]+)<'
    shown = browser.post("/profile/token").content.decode()
    first = re.search(pattern, shown)
    assert 'class="languages"' not in shown, "another language would lose it"
    second = re.search(pattern, browser.post("/profile/token").content.decode())
    assert first
    assert second
    assert first[1] != second[1]
    assert AccessToken.objects.filter(user=carol).count() == 1
    assert second[1] not in browser.get("/profile").content.decode()
    assert browser.get("/profile/token").status_code == 405


def test_the_address_changes_with_both_codes(browser: Client, carol: User) -> None:
    answer = browser.post("/profile/email", {"email": "New@Example.com"})
    assert answer["Location"] == "/profile/email/confirm"
    assert [letter.to for letter in mail.outbox] == [["carol@example.com"], ["new@example.com"]]
    old, new = codes()
    wrong = "000000" if new != "000000" else "111111"
    browser.post("/profile/email/confirm", {"new_code": new, "old_code": wrong})
    carol.refresh_from_db()
    assert carol.email == "carol@example.com"
    answer = browser.post("/profile/email/confirm", {"new_code": new, "old_code": old})
    assert answer["Location"] == "/profile"
    carol.refresh_from_db()
    assert carol.email == "new@example.com"
    assert find_by_name("new@example.com") == carol
    assert find_by_name("carol@example.com") is None


def test_a_first_address_needs_one_code(alice: User, as_user: Callable[[User], Client]) -> None:
    browser = as_user(alice)
    browser.post("/profile/email", {"email": "alice@example.com"})
    browser.post("/profile/email/confirm", {"new_code": codes()[0]})
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_nobody_learns_whose_address_it_is(
    browser: Client, alice: User, as_user: Callable[[User], Client]
) -> None:
    answer = as_user(alice).post("/profile/email", {"email": "CAROL@example.com"})
    assert answer["Location"] == "/profile/email/confirm"
    assert "account already" in mail.outbox[0].subject


def test_an_address_that_was_taken_meanwhile_is_refused(browser: Client, alice: User) -> None:
    browser.post("/profile/email", {"email": "both@example.com"})
    old, new = codes()
    alice.email = "both@example.com"
    alice.save()
    page = browser.post("/profile/email/confirm", {"new_code": new, "old_code": old})
    assert "belongs to another account" in page.content.decode()


def test_grave_acts_ask_for_the_password(browser: Client) -> None:
    session = browser.session
    session["confirmed_at"] = 0
    session.save()
    for path in ("/profile/token", "/profile/close", "/profile/email"):
        page = browser.post(path, {"email": "x@example.com"}).content.decode()
        assert "Confirm that it is you" in page, path
    assert not AccessToken.objects.exists()
    assert not mail.outbox


def test_closing_takes_what_is_personal_and_keeps_the_books(browser: Client, carol: User) -> None:
    from billing.ledger import post_entry  # noqa: PLC0415 -- only here

    create_token(carol, TokenSettings(name="mine", is_unlimited=True))
    post_entry(open_wallet(carol).pk, 500, kind=LedgerKind.GIFT)
    for typed in ({}, {"username": ""}, {"username": "carla"}):
        assert browser.post("/profile/close", typed)["Location"] == "/profile"
    for wish in (f"deleted-{carol.pk}", f"deleted+{carol.pk}"):
        data = {"username": wish, "password1": PASSWORD, "password2": PASSWORD, "invitation": ""}
        Client().post("/register", data)
    assert not User.objects.filter(username=f"deleted+{carol.pk}").exists()
    carol.refresh_from_db()
    assert carol.is_active, "one press of a button is not enough"
    assert browser.post("/profile/close", {"username": "Carol"})["Location"] == "/login"
    carol.refresh_from_db()
    assert (carol.username, carol.email, carol.is_active) == (f"deleted+{carol.pk}", "", False)
    assert not carol.has_usable_password()
    assert Token.objects.get(user=carol).status == TokenStatus.DISABLED
    assert LedgerEntry.objects.count() == 1
    assert browser.get("/profile")["Location"].startswith("/login")
    assert "_auth_user_id" not in browser.session
    answer = Client().post("/login", {"login": "carol", "password": PASSWORD})
    assert answer.status_code == 200
    for name in ("carol", "carol@example.com"):
        assert SignInName.objects.of(name).exists(), name
    data = {"username": "carol", "password1": PASSWORD, "password2": PASSWORD, "invitation": ""}
    assert "This name is taken" in Client().post("/register", data).content.decode()


def test_the_only_root_stays(root: User, as_user: Callable[[User], Client]) -> None:
    assert as_user(root).post("/profile/close", {"username": "root"})["Location"] == "/profile"
    root.refresh_from_db()
    assert root.is_active
    assert root.username == "root"


def test_another_language_leads_from_a_refused_form_to_its_page(browser: Client) -> None:
    for path, page in (("/security/password", "/security"), ("/alerts/email", "/alerts")):
        shown = " ".join(browser.post(path, {"email": "x"}).content.decode().split())
        assert f'name="next" value="{page}"' in shown, path


def keep_listed(user: User, sessions: list[Any]) -> None:
    for session in sessions:
        UserSession.objects.create(user=user, session_key=session.session_key, ip="192.0.2.1")


def test_sessions_are_looked_up_together(
    browser: Client,
    carol: User,
    as_user: Callable[[User], Client],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    sessions = [browser.session, *(as_user(carol).session for _number in range(3))]
    keep_listed(carol, sessions[:1])
    browser.get("/security")
    with CaptureQueriesContext(connection) as one:
        browser.get("/security")
    keep_listed(carol, sessions[1:])
    sessions[1].delete()
    with django_assert_num_queries(len(one)):
        assert len(browser.get("/security").context["sessions"]) == 3


@pytest.mark.parametrize(
    "path", ["/profile", "/security", "/profile/email/confirm", "/security/app"]
)
def test_strangers_are_asked_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"] == f"/login?next={path}"

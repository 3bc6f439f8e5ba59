"""The password is asked for again, nothing gets round it, and nothing has to be filled in twice."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import TOTP
from constance import config
from django.conf import settings
from django.test import Client

from billing.models import LedgerEntry
from channels_app.models import Channel
from chatapi.accounts.models import LoginAttempt, Role, User
from chatapi.accounts.step_up import CARRIED_SECONDS, FRESH_SECONDS
from chatapi.console.models import AuditEntry
from tests.pages.conftest import PASSWORD
from tests.pages.rows import make_channel
from tests.pages.test_users_page import credit

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"
ASKED = "Confirm that it is you"
DAY = 24 * 3600


def grow_stale(browser: Client, seconds: float = FRESH_SECONDS + 1) -> None:
    session = browser.session
    session["confirmed_at"] = time.time() - seconds
    session.save()


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def sealed_in(answer: Any) -> str:
    found = re.search(r'name="step_up_carried" value="([^"]+)"', text_of(answer))
    assert found is not None
    return found[1]


def give(browser: Client, path: str, sealed: str, password: str = PASSWORD) -> Any:
    return browser.post(path, {"step_up_carried": sealed, "step_up_password": password})


@pytest.fixture
def stale(console: Client) -> Client:
    grow_stale(console)
    return console


def test_who_has_just_signed_in_is_not_asked(console: Client, alice: User) -> None:
    assert ASKED not in text_of(console.get(f"{USERS}{alice.pk}/role/"))


def test_after_five_minutes_one_is(stale: Client, alice: User) -> None:
    path = f"{USERS}{alice.pk}/role/"
    answer = stale.get(path)
    assert ASKED in text_of(answer)
    assert "no-store" in answer["Cache-Control"]
    assert give(stale, path, sealed_in(answer))["Location"] == path
    assert ASKED not in text_of(stale.get(path))
    assert AuditEntry.objects.get().action == "password.confirmed"


def test_a_form_is_not_lost(stale: Client, alice: User) -> None:
    path = f"{USERS}{alice.pk}/role/"
    answer = stale.post(path, {"role": "10"})
    assert ASKED in text_of(answer)
    assert User.objects.get(pk=alice.pk).role == Role.COMMON
    assert give(stale, path, sealed_in(answer)).status_code == 302
    assert User.objects.get(pk=alice.pk).role == Role.ADMIN


def test_what_was_sent_is_not_readable_on_the_page(stale: Client, alice: User) -> None:
    data = {"password1": "Planted-Horse-9", "password2": "Planted-Horse-9"}
    answer = stale.post(f"{USERS}{alice.pk}/password/", data)
    assert ASKED in text_of(answer)
    assert "Planted" not in text_of(answer)


def test_it_can_not_be_skipped(stale: Client, alice: User, as_user: Callable[..., Client]) -> None:
    path = f"{USERS}{alice.pk}/role/"
    sealed = sealed_in(stale.post(path, {"role": "10"}))
    for data in (
        {"role": "10", "step_up_carried": ""},
        {"role": "10", "step_up_carried": sealed},
        {"role": "10", "step_up_carried": sealed, "step_up_password": "wrong"},
        {"role": "10", "step_up_carried": sealed, "step_up_password": ""},
        {"role": "10", "step_up_carried": "k1:AAAA", "step_up_password": PASSWORD},
        {"role": "10", "confirmed_at": "9999999999"},
    ):
        stale.post(path, data)
        assert User.objects.get(pk=alice.pk).role == Role.COMMON, data
    assert {entry.action for entry in AuditEntry.objects.all()} == {"password.refused"}


def test_a_sealed_form_works_nowhere_else(
    stale: Client, alice: User, root: User, as_user: Callable[[User], Client]
) -> None:
    sealed = sealed_in(stale.post(f"{USERS}{alice.pk}/role/", {"role": "10"}))
    give(stale, f"{USERS}{root.pk}/role/", sealed)
    other = as_user(root)
    give(other, f"{USERS}{alice.pk}/role/", sealed)
    assert User.objects.get(pk=alice.pk).role == Role.COMMON


def test_a_sealed_form_grows_old(
    stale: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{USERS}{alice.pk}/role/"
    sealed = sealed_in(stale.post(path, {"role": "10"}))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + CARRIED_SECONDS + 1)
    give(stale, path, sealed)
    assert User.objects.get(pk=alice.pk).role == Role.COMMON


def test_guesses_are_throttled(stale: Client, alice: User) -> None:
    path = f"{USERS}{alice.pk}/delete/"
    sealed = sealed_in(stale.get(path))
    for _ in range(5):
        assert "not right" in text_of(give(stale, path, sealed, "wrong"))
    answer = give(stale, path, sealed)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert LoginAttempt.objects.count() == 5
    assert ASKED in text_of(stale.get(path))


def test_little_credit_is_given_at_once_and_much_is_not(stale: Client, alice: User) -> None:
    assert credit(stale, alice, "0.01").status_code == 302
    for amount in ("100", "-100", " 1e3 ", "100000000", " " * 50 + "100"):
        assert ASKED in text_of(credit(stale, alice, amount)), amount
    assert LedgerEntry.objects.count() == 1
    for amount in ("", "NaN", "x" * 99, "Infinity"):
        assert credit(stale, alice, amount).status_code == 200
    answer = credit(stale, alice, "100")
    assert give(stale, f"{USERS}{alice.pk}/credit/", sealed_in(answer)).status_code == 302
    assert LedgerEntry.objects.count() == 2


def test_much_in_small_pieces_is_much(stale: Client, alice: User, root: User) -> None:
    """Also taken away again, from elsewhere, and until the next confirmation."""
    for amount in ("60", "-39.99"):
        assert credit(stale, alice, amount).status_code == 302
    asked = credit(stale, alice, "0.01")
    assert ASKED in text_of(asked)
    other = Client()
    other.force_login(root, settings.AUTHENTICATION_BACKENDS[0])
    grow_stale(other, DAY)
    assert ASKED in text_of(credit(other, alice, "0.01"))
    assert LedgerEntry.objects.count() == 2
    assert give(stale, f"{USERS}{alice.pk}/credit/", sealed_in(asked)).status_code == 302
    assert credit(stale, alice, "500").status_code == 302
    with time_machine.travel(time.time() + FRESH_SECONDS + 2):
        assert credit(stale, alice, "99").status_code == 302
        assert ASKED in text_of(credit(stale, alice, "1"))
    assert LedgerEntry.objects.count() == 5


def test_under_another_name_it_is_the_same_person(stale: Client, alice: User, root: User) -> None:
    """And staff takes another name only with the password, wherever."""
    assert credit(stale, alice, "99").status_code == 302
    form = {"username": "boss", "display_name": ""}
    for path in ("/profile", f"{USERS}{root.pk}/change/"):
        assert ASKED in text_of(stale.post(path, form)), path
    body = {"username": "boss"}
    answer = stale.put("/api/user/self", body, content_type="application/json")
    assert answer.json()["code"] == "confirmation_required"
    assert ASKED not in text_of(stale.post("/profile", {**form, "username": "root"}))
    User.objects.filter(pk=root.pk).update(username="boss")
    assert ASKED in text_of(credit(stale, alice, "99"))
    assert LedgerEntry.objects.count() == 1


def test_another_address_is_as_good_as_a_password(stale: Client, alice: User) -> None:
    path = f"{USERS}{alice.pk}/change/"
    form = {"username": "alice", "group": "default", "email": "mallory@example.com"}
    assert ASKED in text_of(stale.post(path, form))
    alice.refresh_from_db()
    assert alice.email == ""
    assert stale.post(path, {**form, "email": ""}).status_code == 302


def test_a_stored_key_goes_nowhere_else_at_once(stale: Client) -> None:
    channel = make_channel(1)
    path = f"/admin/channels_app/channel/{channel.pk}/change/"
    for form in (
        {"base_url": "https://evil.example"},
        {"new_proxy_url": "http://evil.example:1"},
        {"kind": "8"},
        {"setting_token_uri": "https://evil.example"},
        {"settings": '{"token\\u005furi": "https://evil.example"}'},
    ):
        assert ASKED in text_of(stale.post(path, form)), form
    assert ASKED not in text_of(stale.post(path, {"base_url": channel.base_url}))
    for quoted in ("_2B", "_30"):
        other = path.replace(f"/{channel.pk}/", f"/{quoted}{channel.pk}/")
        assert ASKED in text_of(stale.post(other, {"base_url": "https://evil.example"})), other
    many = {"action": "batch", "_selected_action": channel.pk, "index": 0, "apply": "yes"}
    proxy = {"apply_proxy_url": "on", "proxy_url": "http://evil.example:1"}
    settings = {"apply_settings": "on", "settings": '{"token_uri": "https://evil.example"}'}
    answer = stale.post("/admin/channels_app/channel/", {**many, **settings})
    assert ASKED in text_of(answer)
    answer = stale.post("/admin/channels_app/channel/", {**many, **proxy})
    assert ASKED in text_of(answer)
    give(stale, "/admin/channels_app/channel/", sealed_in(answer))
    assert Channel.objects.get().proxy_url == "http://evil.example:1"


def test_secrets_are_sent_nowhere_else_at_once(stale: Client) -> None:
    path = "/admin/constance/config/"
    answer = stale.post(path, {"tab": "payment", "StripeApiAddress": "https://evil.example"})
    assert ASKED in text_of(answer)
    answer = stale.post(path, {"tab": "payment", "StripeApiAddress": "https://api.stripe.com"})
    assert ASKED not in text_of(answer)
    config.StaffMustUseTwoFactor = True
    TOTP.activate(User.objects.get(username="root"), "JBSWY3DPEHPK3PXP")
    staff = {"tab": "staff", "CreditConfirmUsd": "100"}
    assert ASKED in text_of(stale.post(path, staff))
    assert ASKED in text_of(
        stale.post(path, {**staff, "StaffMustUseTwoFactor": "on", "CreditConfirmUsd": "9999"})
    )
    assert ASKED not in text_of(stale.post(path, {**staff, "StaffMustUseTwoFactor": "on"}))
    accounts = {"tab": "accounts", "PasswordLoginEnabled": "on"}
    assert ASKED not in text_of(stale.post(path, accounts))
    assert ASKED in text_of(stale.post(path, {**accounts, "TelegramOAuthEnabled": "on"}))


def test_calls_are_exported_after_the_password(stale: Client) -> None:
    path = "/admin/billing/usage/export/?model=gpt"
    answer = stale.get(path)
    assert ASKED in text_of(answer)
    assert give(stale, path, sealed_in(answer))["Location"] == path
    assert stale.get(path)["Content-Type"].startswith("text/csv")


def test_programs_get_an_answer_that_they_can_read(stale: Client, alice: User) -> None:
    for headers in ({"accept": "application/json"}, {"hx-request": "true"}):
        answer = stale.post(f"{USERS}{alice.pk}/role/", {"role": "10"}, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["code"] == "confirmation_required"


def test_a_form_of_others_is_refused_before(root: User, alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(root)
    grow_stale(browser)
    path = f"{USERS}{alice.pk}/role/"
    sealed = sealed_in(browser.get(path))
    assert give(browser, path, sealed).status_code == 403


def test_without_a_password_one_signs_in_again(stale: Client, root: User, alice: User) -> None:
    User.objects.filter(pk=root.pk).update(password="!unusable")
    browser = Client()
    browser.force_login(User.objects.get(pk=root.pk))
    path = f"{USERS}{alice.pk}/delete/"
    assert ASKED not in text_of(browser.get(path))
    grow_stale(browser)
    assert "has no password" in text_of(browser.get(path))
    sealed = "k1:none"
    give(browser, path, sealed, "")
    assert User.objects.get(pk=alice.pk).deleted_at is None

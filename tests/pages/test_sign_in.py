"""Signing in: throttles that no restart forgets, sessions that end when they should."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import Client
from django.utils import timezone

from chatapi.accounts.models import LoginAttempt, Role, User
from chatapi.accounts.people import change_password, set_active
from chatapi.accounts.throttle import (
    CLEAN_EVERY,
    Throttled,
    begin_attempt,
    count_guess,
    shorten_address,
)
from chatapi.console.models import AuditEntry
from tests.pages.conftest import PASSWORD, make_user

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
TOO_MANY = {
    "en": "Too many failed attempts. Please try again in 15 min.",
    "zh": "登录失败次数过多，请在 15 分钟后再试。",
}


def attempt(client: Client, password: str = "wrong", **more: Any) -> int:
    data = {"username": "root", "password": password}
    return client.post(LOGIN, data, **more).status_code


def test_the_right_password_opens_the_console(client: Client, root: User) -> None:
    assert attempt(client, PASSWORD) == 302
    assert client.get("/admin/").status_code == 200
    assert not LoginAttempt.objects.exists()


def test_a_session_of_the_console_lasts_half_a_day(client: Client, root: User) -> None:
    attempt(client, PASSWORD)
    assert client.session.get_expiry_age() == 12 * 3600


def test_signing_in_makes_a_new_session(client: Client, root: User) -> None:
    client.get(LOGIN)
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = str(before)
    attempt(client, PASSWORD)
    assert client.session.session_key != before


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sixth_guess_is_not_looked_at(client: Client, root: User, language: str) -> None:
    assert [attempt(client) for _ in range(5)] == [200] * 5
    answer = client.post(
        LOGIN,
        {"username": "root", "password": PASSWORD},
        headers={"accept-language": language},
    )
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 15 * 60 + 1
    assert TOO_MANY[language] in answer.content.decode()


def test_names_differing_in_case_are_one_account(client: Client, root: User) -> None:
    for name in ("root", "Root", "ROOT", "rOOT", "roOT"):
        client.post(LOGIN, {"username": name, "password": "wrong"})
    assert attempt(client, PASSWORD) == 429


def test_a_refused_attempt_does_not_lengthen_the_wait(client: Client, root: User) -> None:
    for _ in range(9):
        attempt(client)
    assert LoginAttempt.objects.count() == 5


def test_the_wait_ends_after_a_quarter_of_an_hour(client: Client, root: User) -> None:
    for _ in range(5):
        attempt(client)
    LoginAttempt.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    assert attempt(client, PASSWORD) == 302


def test_success_forgets_the_failures(client: Client, root: User) -> None:
    for _ in range(4):
        attempt(client)
    assert attempt(client, PASSWORD) == 302
    assert not LoginAttempt.objects.exists()


def test_other_addresses_have_their_own_tries(client: Client, root: User) -> None:
    for _ in range(6):
        attempt(client, REMOTE_ADDR="192.0.2.1")
    assert attempt(client, PASSWORD, REMOTE_ADDR="192.0.2.2") == 302


def test_an_account_has_twenty_tries_an_hour_from_all_addresses(client: Client, root: User) -> None:
    for number in range(20):
        assert attempt(client, REMOTE_ADDR=f"192.0.2.{number}") == 200
    assert attempt(client, REMOTE_ADDR="192.0.2.200") == 429


def test_nobody_is_locked_out_from_afar(client: Client, root: User) -> None:
    """Twenty strangers guess; the browser that root has used before still gets in."""
    attempt(client, PASSWORD)
    client.post("/admin/logout/")
    stranger = Client()
    for number in range(25):
        attempt(stranger, REMOTE_ADDR=f"192.0.2.{number}")
    assert attempt(Client(), PASSWORD) == 429
    assert attempt(client, PASSWORD) == 302


def test_a_made_up_device_does_not_help(client: Client, root: User) -> None:
    for number in range(20):
        attempt(client, REMOTE_ADDR=f"192.0.2.{number}")
    client.cookies["device"] = "root:abc"
    assert attempt(client, PASSWORD) == 429


def test_an_address_has_a_hundred_tries_an_hour(client: Client, root: User) -> None:
    rows = [LoginAttempt(account=f"guess{n}", address="192.0.2.9") for n in range(100)]
    LoginAttempt.objects.bulk_create(rows)
    assert attempt(client, PASSWORD, REMOTE_ADDR="192.0.2.9") == 429
    assert attempt(client, PASSWORD, REMOTE_ADDR="192.0.2.8") == 302


def test_parallel_guesses_are_counted_before_they_are_looked_at(db: None) -> None:
    """Each has written its row when the next one counts: no sixth gets through."""
    for _ in range(5):
        begin_attempt("root", "192.0.2.1")
    with pytest.raises(Throttled):
        begin_attempt("root", "192.0.2.1")


def test_refusal_is_no_server_error_anywhere(client: Client, root: User) -> None:
    """Whoever calls Django's own `authenticate` hears a plain no."""
    for _ in range(5):
        begin_attempt("root", "")
    assert authenticate(None, username="root", password=PASSWORD) is None


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:1:2:3:4", "2001:db8::/64"),
        ("2001:db8:0:7::1", "2001:db8:0:7::/64"),
        ("", ""),
    ],
)
def test_addresses_are_counted_by_their_owner(address: str, counted_as: str) -> None:
    assert shorten_address(address) == counted_as


@pytest.mark.parametrize("tries", [begin_attempt, lambda _account, place: count_guess(place)])
def test_old_attempts_are_cleaned_away(tries: Callable[[str, str], Any]) -> None:
    LoginAttempt.objects.create(account="a", address="b")
    LoginAttempt.objects.update(created_at=timezone.now() - timedelta(days=2))
    for number in range(CLEAN_EVERY):
        tries(f"user{number}", f"192.0.2.{number}")
    assert not LoginAttempt.objects.filter(account="a").exists()


# --- Sessions end ---


def test_a_ban_ends_the_session_at_once(console: Client, root: User) -> None:
    assert console.get("/admin/").status_code == 200
    make_user("other", Role.ROOT)
    set_active(root, active=False)
    assert console.get("/admin/")["Location"].startswith(LOGIN)


def test_a_new_password_ends_all_other_sessions(
    root: User, as_user: Callable[[User], Client]
) -> None:
    other = as_user(root)
    change_password(User.objects.get(pk=root.pk), "Another-Horse-9")
    assert other.get("/admin/")["Location"].startswith(LOGIN)


def test_ones_own_change_keeps_ones_own_session(console: Client, root: User) -> None:
    before = console.session.session_key
    new = {"new_password1": "Another-Horse-9", "new_password2": "Another-Horse-9"}
    answer = console.post("/admin/password_change/", {"old_password": PASSWORD, **new})
    assert answer["Location"] == "/admin/password_change/done/"
    assert console.session.session_key != before
    assert console.get("/admin/").status_code == 200


def test_guesses_at_ones_own_password_are_counted_and_told(console: Client, root: User) -> None:
    """From whatever address, and apart from sign-ins: outsiders use up none of them."""
    new = {"new_password1": "Another-Horse-9", "new_password2": "Another-Horse-9"}
    path, right = "/admin/password_change/", {"old_password": PASSWORD, **new}
    for number in range(20):
        begin_attempt("root", f"198.51.100.{number}")
        wrong = {"old_password": f"wrong{number}", **new}
        assert console.post(path, wrong, REMOTE_ADDR=f"192.0.2.{number}").status_code == 200
    answer = console.post(path, right, REMOTE_ADDR="192.0.2.99")
    assert (answer.status_code, int(answer["Retry-After"]) > 0) == (429, True)
    assert console.post("/security/password", right).status_code == 429
    assert Client().post(LOGIN, {"username": "root", "password": PASSWORD}).status_code == 429
    assert AuditEntry.objects.filter(action="password.refused", actor_name="root").count() == 20
    LoginAttempt.objects.filter(account=f"step:{root.pk}").delete()
    assert console.post(path, right)["Location"] == "/admin/password_change/done/"
    assert AuditEntry.objects.get(action="password.changed").actor_name == "root"


def test_losing_the_role_ends_the_access(console: Client, root: User) -> None:
    root.role = Role.COMMON
    root.save()
    assert console.get("/admin/").status_code == 302


def test_a_get_signs_nobody_out(console: Client) -> None:
    assert console.get("/admin/logout/").status_code == 405
    assert console.get("/admin/").status_code == 200

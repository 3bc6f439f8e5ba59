"""Second factors and sessions: what is asked after the password, and what ends a session."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from chatapi.accounts.models import User
from chatapi.accounts.people import change_password, set_active, set_role
from chatapi.accounts.tasks import forget_ended_sessions
from chatapi.accounts.totp import use_totp_code
from chatapi.console.models import AuditEntry
from tests.pages.conftest import PASSWORD, make_user

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEW = "Another-Horse-9"


def code_now(steps: int = 0) -> str:
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30 + steps))


@pytest.fixture
def carol(db: None) -> User:
    return make_user("carol", 1)


@pytest.fixture
def app(carol: User) -> Authenticator:
    return TOTP.activate(carol, SECRET).instance


def enter(client: Client, path: str = "/login", password: str = PASSWORD) -> Any:
    data = {"login": "carol", "username": "carol", "password": password, "next": "/security"}
    return client.post(path, data)


def second(client: Client, code: str) -> Any:
    return client.post("/login/second", {"code": code})


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_the_code_is_asked_after_the_password(client: Client, app: Authenticator) -> None:
    assert enter(client)["Location"] == "/login/second"
    assert not is_in(client)
    assert client.get("/security").status_code == 302
    assert second(client, code_now())["Location"] == "/security"
    assert is_in(client)


def test_the_console_asks_too(client: Client, root: User) -> None:
    TOTP.activate(root, SECRET)
    data = {"username": "root", "password": PASSWORD, "next": "/admin/accounts/user/"}
    assert client.post("/admin/login/", data)["Location"] == "/login/second"
    assert client.get("/admin/").status_code == 302
    assert second(client, code_now())["Location"] == "/admin/accounts/user/"
    assert client.session.get_expiry_age() == 12 * 3600


def test_nobody_comes_to_the_second_step_without_the_first(
    client: Client, app: Authenticator
) -> None:
    assert client.get("/login/second")["Location"] == "/login"
    assert second(client, code_now())["Location"] == "/login"
    enter(client, password="wrong")
    assert second(client, code_now())["Location"] == "/login"


def test_a_code_works_once(client: Client, app: Authenticator) -> None:
    """Also when the cache has forgotten it, as another node's has."""
    code = code_now()
    enter(client)
    second(client, code)
    cache.clear()
    other = Client()
    enter(other)
    assert "This is not right" in second(other, code).content.decode()
    assert not is_in(other)


def test_a_former_step_is_over_after_a_later_one(app: Authenticator) -> None:
    assert use_totp_code(app, code_now(1))
    assert not use_totp_code(app, code_now(0))
    assert not use_totp_code(app, code_now(1))


@pytest.mark.parametrize(
    "code", ["", "000000", "abc", "\u0661\u0662\u0663\u0664\u0665\u0666", "\x00", "1" * 200, "-1"]
)
def test_what_is_no_code_is_refused(client: Client, app: Authenticator, code: str) -> None:
    if code == code_now():  # one in a million
        return
    enter(client)
    assert second(client, code).status_code == 200
    assert not is_in(client)


def test_five_guesses_in_a_quarter_of_an_hour(client: Client, app: Authenticator) -> None:
    enter(client)
    for number in range(5):
        assert second(client, "000000").status_code == 200, number
    answer = second(client, code_now())
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    fresh = Client()
    enter(fresh)
    assert (
        fresh.post("/login/second", {"code": code_now()}, REMOTE_ADDR="192.0.2.1").status_code
        == 429
    )


@pytest.mark.parametrize(
    "credential", ["{}", "[]", "null", '"x"', '{"id": 1}', '{"id":"x","response":{}}', "{" * 999]
)
def test_made_up_passkeys_are_refused(client: Client, app: Authenticator, credential: str) -> None:
    enter(client)
    assert client.post("/login/second", {"credential": credential}).status_code == 200
    assert client.post("/login/passkey", {"credential": credential})["Location"] == "/login"
    assert not is_in(client)


def test_the_reset_of_a_password_is_no_way_around(client: Client, app: Authenticator) -> None:
    change_password(User.objects.get(username="carol"), NEW)
    assert enter(client, password=NEW)["Location"] == "/login/second"


def test_a_ban_between_the_steps_counts(client: Client, carol: User, app: Authenticator) -> None:
    enter(client)
    set_active(carol, active=False)
    second(client, code_now())
    assert not is_in(client)


# --- Setting up ---


def test_an_app_is_set_up_and_its_recovery_codes_are_shown_once(
    client: Client, carol: User
) -> None:
    enter(client)
    page = client.get("/security/app").content.decode()
    found = re.search(r'id="secret">([A-Z2-7]+)<', page)
    assert found
    secret = found[1]
    assert "data:image/svg+xml;base64," in page
    wrong = client.post("/security/app", {"code": "000000"}).content.decode()
    assert secret in wrong
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    codes = re.findall(
        r"^(?:.*>)?(\d{8})$",
        client.post("/security/app", {"code": code}).content.decode(),
        re.MULTILINE,
    )
    assert len(codes) == 10
    row = Authenticator.objects.get(type="totp")
    assert secret not in str(row.data)
    assert client.get("/security/app")["Location"] == "/security"
    assert AuditEntry.objects.filter(action="second_factor.added", actor_name="carol").count() == 1
    other = Client()
    enter(other)
    assert second(other, codes[3]).status_code == 302
    again = Client()
    enter(again)
    assert second(again, codes[3]).status_code == 200


def test_changes_ask_for_the_password(client: Client, carol: User, app: Authenticator) -> None:
    enter(client)
    second(client, code_now())
    session = client.session
    session["confirmed_at"] = 0
    session.save()
    for path in ("/security/app/remove", "/security/codes", "/security/sessions/others"):
        assert "Confirm that it is you" in client.post(path).content.decode(), path
    assert "Confirm that it is you" in client.get("/security/passkeys").content.decode()
    assert Authenticator.objects.filter(type="totp").exists()


def test_removing_the_app_takes_the_codes_along(client: Client, carol: User) -> None:
    TOTP.activate(carol, SECRET)
    enter(client)
    second(client, code_now())
    client.post("/security/codes")
    assert Authenticator.objects.count() == 2
    assert client.post("/security/app/remove")["Location"] == "/security"
    assert not Authenticator.objects.exists()


def test_nobody_removes_what_is_somebody_elses(
    carol: User, alice: User, as_user: Callable[[User], Client]
) -> None:
    Client().post("/login", {"login": "alice", "password": PASSWORD})
    row = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "x"})
    theirs = UserSession.objects.get(user=alice)
    browser = as_user(carol)
    assert browser.post(f"/security/passkeys/{row.pk}").status_code == 404
    assert browser.post(f"/security/sessions/{theirs.pk}").status_code == 404
    assert Authenticator.objects.exists()
    assert theirs.exists()


# --- Sessions ---


def test_the_list_names_browsers_and_ends_them(client: Client, carol: User) -> None:
    firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
    other = Client(headers={"user-agent": firefox})
    enter(other)
    hostile = Client(headers={"user-agent": "<script>alert(1)</script>"})
    enter(hostile)
    enter(client)
    page = client.get("/security").content.decode()
    assert "Firefox · Windows" in page
    assert "<script>alert" not in page
    assert "this one" in page
    row = UserSession.objects.get(user_agent=firefox)
    client.post(f"/security/sessions/{row.pk}")
    assert other.get("/security")["Location"].startswith("/login")
    assert client.post("/security/sessions/others")["Location"] == "/security"
    assert hostile.get("/security")["Location"].startswith("/login")
    assert client.get("/security").status_code == 200
    assert UserSession.objects.count() == 1


def test_a_new_password_ends_the_other_sessions(client: Client, carol: User) -> None:
    other = Client()
    enter(other)
    enter(client)
    data = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert client.post("/security/password", data)["Location"] == "/security"
    assert client.get("/security").status_code == 200
    assert other.get("/security").status_code == 302


def test_guessing_the_old_password_is_throttled(client: Client, carol: User) -> None:
    enter(client)
    data = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    answers = [client.post("/security/password", data).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]


@pytest.mark.parametrize("act", ["ban", "role", "password"])
def test_what_an_operator_changes_ends_sessions_at_once(
    client: Client, carol: User, act: str
) -> None:
    enter(client)
    acts: dict[str, Callable[[], None]] = {
        "ban": lambda: set_active(carol, active=False),
        "role": lambda: set_role(carol, 10),
        "password": lambda: change_password(carol, NEW),
    }
    acts[act]()
    assert client.get("/security")["Location"].startswith("/login")


@pytest.mark.parametrize(
    ("role", "key", "ago", "stays"),
    [
        (1, "seen_at", 23 * 3600, True),
        (1, "seen_at", 25 * 3600, False),
        (1, "began_at", 15 * 86400, False),
        (10, "seen_at", 50 * 60, True),
        (10, "seen_at", 70 * 60, False),
        (10, "began_at", 13 * 3600, False),
    ],
)
def test_old_and_idle_sessions_end(
    as_user: Callable[[User], Client], role: int, key: str, ago: int, *, stays: bool
) -> None:
    browser = as_user(make_user("dora", role))
    session = browser.session
    session[key] = int(time.time()) - ago
    session.save()
    assert (browser.get("/security").status_code == 200) is stays


def test_ended_sessions_are_forgotten(client: Client, carol: User) -> None:
    enter(client)
    enter(Client())
    old = timezone.now() - timedelta(days=15)
    first = UserSession.objects.order_by("pk")[0]
    UserSession.objects.filter(pk=first.pk).update(last_seen_at=old)
    Session.objects.filter(pk=first.session_key).update(expire_date=old)
    forget_ended_sessions()
    assert [row.pk for row in UserSession.objects.all()] != [first.pk]
    assert not Session.objects.filter(pk=first.session_key).exists()
    assert UserSession.objects.count() == 1

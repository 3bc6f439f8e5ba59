"""Signing in and out at the users' door, and the link for a new password."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from constance import config
from django.core import mail
from django.test import Client

from chatapi.accounts.models import LoginAttempt, User
from chatapi.accounts.people import set_active
from chatapi.celery import app
from notifications.models import Notice
from tests.pages.conftest import PASSWORD, make_user
from tests.pages.elsewhere import ELSEWHERE

pytestmark = pytest.mark.django_db
LOGIN = "/login"
NEW = "Another-Horse-9"


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """What goes to the background worker is done in place."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def carol(db: None) -> User:
    user = make_user("Carol", 1)
    user.email = "carol@example.com"
    user.save()
    return user


def enter(client: Client, login: str = "carol", password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": login, "password": password, **more})


@pytest.mark.parametrize("login", ["Carol", "carol", "carol@example.com", "CAROL@Example.com "])
def test_name_and_address_open_the_same_account(client: Client, carol: User, login: str) -> None:
    assert enter(client, login)["Location"] == "/dashboard"
    assert client.session["_auth_user_id"] == str(carol.pk)


def test_root_lands_in_the_console(client: Client, root: User) -> None:
    assert enter(client, "root")["Location"] == "/admin/"
    assert client.session.get_expiry_age() == 12 * 3600


def test_what_is_wrong_tells_nothing(client: Client, carol: User) -> None:
    banned = make_user("banned", 1)
    set_active(banned, active=False)
    errors = set()
    for login, password in (("carol", "wrong"), ("nobody", PASSWORD), ("banned", PASSWORD)):
        answer = enter(client, login, password)
        assert answer.status_code == 200
        page = answer.content.decode()
        errors.add(page.split('<ul class="errors of-form"')[1].split("</ul>")[0])
    assert len(errors) == 1


def test_name_and_address_share_the_throttle(client: Client, carol: User) -> None:
    for login in ("carol", "carol@example.com", "CAROL", "carol", "carol@EXAMPLE.com"):
        assert enter(client, login, "wrong").status_code == 200
    answer = enter(client, "carol@example.com")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert LoginAttempt.objects.count() == 5


@pytest.mark.parametrize("option", [True, False])
def test_passwords_can_be_switched_off_for_users_only(
    client: Client, carol: User, root: User, *, option: bool
) -> None:
    config.PasswordLoginEnabled = option
    assert ("sessionid" in enter(client).cookies) is option
    data = {"username": "root", "password": PASSWORD}
    assert Client().post("/admin/login/", data)["Location"] == "/admin/"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_way_on_stays_here(client: Client, carol: User, target: str) -> None:
    assert enter(client, next=target)["Location"] == "/dashboard"
    page = Client().get(LOGIN, {"next": target}).content.decode()
    assert 'name="next"' not in page.split("<main")[1]


def test_the_way_on_is_kept(client: Client, carol: User) -> None:
    page = client.get(LOGIN, {"next": "/token?a=1&b=<b>"}).content.decode()
    assert 'value="/token?a=1&amp;b=&lt;b&gt;"' in page
    assert enter(client, next="/token?a=1&b=2")["Location"] == "/token?a=1&b=2"
    assert client.get(f"{LOGIN}?next=/log")["Location"] == "/log"


def test_signing_out_takes_a_form(client: Client, carol: User) -> None:
    enter(client)
    assert client.get("/logout").status_code == 200
    assert "_auth_user_id" in client.session
    assert client.post("/logout")["Location"] == "/"
    assert "_auth_user_id" not in client.session


def test_a_stolen_cookie_is_worth_nothing_after_signing_out(client: Client, carol: User) -> None:
    enter(client)
    stolen = Client()
    stolen.cookies["sessionid"] = client.cookies["sessionid"].value
    client.post("/logout")
    assert stolen.get("/welcome").status_code == 302


def test_a_strange_browser_is_told_of(client: Client, carol: User) -> None:
    enter(client)
    notice = Notice.objects.get()
    assert (notice.event, notice.user) == ("new_sign_in", carol)
    assert notice.data["address"] == "127.0.0.1"
    client.post("/logout")
    enter(client)
    assert Notice.objects.count() == 1


def test_the_quarantine_holds_at_this_door_too(client: Client, root: User) -> None:
    User.objects.filter(pk=root.pk).update(must_change_password=True)
    enter(client, "root")
    for path in ("/", "/dashboard", "/welcome", "/admin/"):
        assert client.get(path)["Location"] == "/admin/password_change/"
    assert client.post("/api/anything").status_code in {403, 404}


@pytest.mark.parametrize(
    "hostile", ["\x00", "x" * 3000, "' OR 1=1 --", "\ud83d\ude00", "admin\r\n"]
)
def test_strange_names_are_just_wrong(client: Client, hostile: str) -> None:
    name = hostile.encode("utf-16", "surrogatepass").decode("utf-16")
    assert enter(client, name).status_code == 200


# --- Forgotten ---


def ask(client: Client, email: str, **more: Any) -> Any:
    return client.post("/reset", {"email": email}, **more)


def link_in(letter: Any) -> str:
    found = re.search(r"(/reset/\S+)", letter.body)
    assert found
    return found[1]


def set_password(client: Client, path: str, password: str = NEW) -> Any:
    page = client.get(path, follow=True)
    here = page.redirect_chain[-1][0] if page.redirect_chain else path
    return client.post(here, {"new_password1": password, "new_password2": password})


def test_the_link_sets_a_password_once(
    client: Client, carol: User, as_user: Callable[[User], Client]
) -> None:
    open_session = as_user(carol)
    ask(client, "Carol@example.com")
    letter: Any = mail.outbox[0]
    assert letter.to == ["carol@example.com"]
    assert letter.alternatives
    path = link_in(letter)
    assert set_password(client, path)["Location"] == LOGIN
    assert "_auth_user_id" not in client.session
    assert open_session.get("/welcome")["Location"].startswith(LOGIN)
    assert enter(client, password=NEW).status_code == 302
    assert "no longer good" in Client().get(path).content.decode()


def test_the_answer_is_the_same_for_nobody(client: Client, carol: User) -> None:
    def said(email: str) -> str:
        return re.sub(r'value="[A-Za-z0-9]{64}"', "", ask(Client(), email).content.decode())

    assert said("carol@example.com") == said("nobody@example.com")
    assert len(mail.outbox) == 1


def test_a_name_that_looks_like_an_address_gets_no_mail(client: Client) -> None:
    make_user("victim@example.com", 1)
    ask(client, "victim@example.com")
    assert not mail.outbox


def test_the_banned_get_no_link(client: Client, carol: User) -> None:
    ask(client, "carol@example.com")
    path = link_in(mail.outbox[0])
    set_active(carol, active=False)
    assert "no longer good" in client.get(path).content.decode()
    ask(client, "carol@example.com")
    assert len(mail.outbox) == 1


def test_a_mailbox_is_asked_for_five_times_an_hour(client: Client, carol: User) -> None:
    answers = [
        ask(client, "carol@example.com", REMOTE_ADDR=f"192.0.2.{number}").status_code
        for number in range(6)
    ]
    assert answers == [200] * 5 + [429]
    assert len(mail.outbox) == 5


def test_the_link_leads_to_the_sites_own_address(client: Client, carol: User) -> None:
    config.ServerAddress = "https://api.example.com"
    ask(client, "carol@example.com", headers={"host": "evil.example"})
    assert "https://api.example.com/reset/" in mail.outbox[0].body
    assert "evil" not in mail.outbox[0].body


def test_without_the_option_no_letter_has_a_link(client: Client, carol: User) -> None:
    """Whoever asks would choose in the Host header where the secret goes."""
    config.EmailVerificationEnabled = True
    ask(client, "carol@example.com", headers={"host": "evil.example"})
    form = {"username": "mallory", "password1": NEW, "password2": NEW}
    for email in ("carol@example.com", "new@example.com"):
        client.post("/register", {**form, "email": email}, headers={"host": "evil.example"})
    assert len(mail.outbox) == 3
    letter: Any
    for letter in mail.outbox:
        text = f"{letter.body}{letter.alternatives}"
        assert "evil" not in text
        assert "http" not in text.replace("http-equiv", "").replace("www.w3.org", "")
    assert set_password(client, link_in(mail.outbox[0]))["Location"] == LOGIN


@pytest.mark.parametrize("path", ["/reset/MQ/abc-def", "/reset/%00/x", "/reset/____/set-password"])
def test_made_up_links_are_no_good(client: Client, carol: User, path: str) -> None:
    assert "no longer good" in client.get(path).content.decode()

"""The documented first password works, and is good for nothing but being changed."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from django.test import Client
from pydantic import SecretStr
from pytest_django import Settings

from chatapi.accounts import first_admin
from chatapi.accounts.first_admin import DOCUMENTED_PASSWORD, GRACE_SECONDS, make_first_admin
from chatapi.accounts.models import Role, User
from chatapi.accounts.sign_in import NewPasswordForm
from chatapi.console.site import PasswordChangedMeanwhile
from tests.pages.routes import all_routes

pytestmark = pytest.mark.django_db
CHANGE = "/admin/password_change/"
GOOD = "Correct-Horse-9"
OPEN_TO_GET = {
    "admin:jsi18n",
    "admin:password_change",
    "favicon",
    "robots",
}
"""Besides, the page that confirms the change."""
OPEN_TO_POST = {"admin:logout", "logout", "account_logout", "admin:password_change", "set_language"}


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """All routes by all methods are more requests than one may make."""
    monkeypatch.setattr(settings.ENV, "GLOBAL_WEB_RATE_LIMIT", 0)


@pytest.fixture
def first(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> User:
    """Root as installed."""
    monkeypatch.setattr(settings.ENV, "INITIAL_ROOT_PASSWORD", SecretStr(""))
    assert make_first_admin()
    return User.objects.get(username="root")


@pytest.fixture
def quarantined(first: User, client: Client) -> Client:
    """Root's browser after the first sign-in."""
    assert sign_in(client).status_code == 302
    return client


def sign_in(client: Client, password: str = DOCUMENTED_PASSWORD, language: str = "en") -> Any:
    data = {"username": "root", "password": password}
    return client.post("/admin/login/", data, headers={"accept-language": language})


def change(client: Client, new: str, old: str = DOCUMENTED_PASSWORD) -> Any:
    data = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(CHANGE, data)


def test_an_empty_installation_gets_root_with_the_documented_password(first: User) -> None:
    assert (first.role, first.must_change_password) == (Role.ROOT, True)
    assert first.check_password(DOCUMENTED_PASSWORD)


def test_a_password_of_the_operators_own_needs_no_change(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings.ENV, "INITIAL_ROOT_PASSWORD", SecretStr(GOOD))
    make_first_admin()
    root = User.objects.get()
    assert not root.must_change_password
    assert root.check_password(GOOD)


def test_the_first_sign_in_leads_to_the_change(quarantined: Client) -> None:
    assert quarantined.get("/admin/")["Location"] == CHANGE
    assert "initial password" in quarantined.get(CHANGE).content.decode()


def test_all_pages_but_the_change_are_closed(quarantined: Client) -> None:
    routes = all_routes()
    assert len(routes) > 50
    for name, path in routes.items():
        answer = quarantined.get(path)
        if name in OPEN_TO_GET or name == "admin:password_change_done":
            assert answer.get("Location") != CHANGE, name
        elif name in OPEN_TO_POST:
            assert answer.status_code in {200, 302, 405}, name
        elif path.startswith("/api/"):
            assert answer.json()["code"] == "password_change_required", name
        else:
            assert (answer.status_code, answer["Location"]) == (302, CHANGE), name


def test_nothing_can_be_changed_but_the_password(quarantined: Client) -> None:
    for name, path in all_routes().items():
        if name in OPEN_TO_POST:
            continue
        for method in (quarantined.post, quarantined.put, quarantined.delete):
            answer = method(path)
            if name in {*OPEN_TO_GET, "admin:password_change_done"}:
                assert answer.status_code in {200, 302, 403, 405}, name
            else:
                assert answer.status_code == 403, name
                assert answer.json()["code"] == "password_change_required"


def test_a_route_that_nobody_thought_of_is_closed(quarantined: Client, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.pages.urls_with_more"
    assert quarantined.get("/new/")["Location"] == CHANGE
    assert quarantined.get("/api/new/").status_code == 403


@pytest.mark.parametrize("new", [DOCUMENTED_PASSWORD, "short", "password123", "12345678", ""])
def test_weak_and_known_passwords_are_refused(quarantined: Client, new: str) -> None:
    assert change(quarantined, new).status_code == 200
    assert User.objects.get().must_change_password


def test_the_change_needs_the_old_password(quarantined: Client) -> None:
    assert change(quarantined, GOOD, old="guess").status_code == 200
    assert User.objects.get().must_change_password


def test_the_change_opens_everything(quarantined: Client) -> None:
    before = quarantined.session.session_key
    change(quarantined, GOOD)
    assert quarantined.session.session_key != before
    assert not User.objects.get().must_change_password
    page = quarantined.get("/admin/")
    assert page.status_code == 200
    assert "initial password" not in page.content.decode()


def test_there_is_no_way_back_to_the_documented_password(quarantined: Client) -> None:
    change(quarantined, GOOD)
    answer = change(quarantined, DOCUMENTED_PASSWORD, old=GOOD)
    assert answer.status_code == 200
    assert User.objects.get().check_password(GOOD)


def test_of_two_changes_at_once_one_wins(first: User) -> None:
    """Both have been checked before either is written."""
    forms = [
        NewPasswordForm(
            User.objects.get(),
            {"old_password": DOCUMENTED_PASSWORD, "new_password1": new, "new_password2": new},
        )
        for new in ("Correct-Horse-1", "Correct-Horse-2")
    ]
    assert all(form.is_valid() for form in forms)
    forms[0].save()
    with pytest.raises(PasswordChangedMeanwhile):
        forms[1].save()
    assert User.objects.get().check_password("Correct-Horse-1")


def test_the_loser_is_asked_to_sign_in_again(
    quarantined: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object, **__: object) -> None:
        raise PasswordChangedMeanwhile

    monkeypatch.setattr(NewPasswordForm, "save", lose)
    answer = change(quarantined, GOOD)
    assert answer["Location"] == "/admin/login/"
    page = quarantined.get("/admin/login/").content.decode()
    assert "changed meanwhile" in page


def test_a_restart_changes_nothing(first: User) -> None:
    assert not make_first_admin()
    root = User.objects.get()
    assert root.must_change_password
    assert root.check_password(DOCUMENTED_PASSWORD)


@pytest.mark.parametrize(("language", "text"), [("en", "restart the service"), ("zh", "重启服务")])
def test_the_documented_password_works_for_a_day(
    first: User, client: Client, monkeypatch: pytest.MonkeyPatch, language: str, text: str
) -> None:
    monkeypatch.setattr(first_admin, "STARTED", time.monotonic() - GRACE_SECONDS - 1)
    answer = sign_in(client, language=language)
    assert answer.status_code == 200
    assert text in answer.content.decode()
    assert client.get("/admin/")["Location"].startswith("/admin/login/")
    monkeypatch.setattr(first_admin, "STARTED", time.monotonic())
    assert sign_in(client).status_code == 302


def test_a_wrong_password_hears_nothing_about_the_day(
    first: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_admin, "STARTED", time.monotonic() - GRACE_SECONDS - 1)
    answer = sign_in(client, "wrong")
    assert "restart" not in answer.content.decode()


def test_a_changed_password_works_for_ever(
    root: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_admin, "STARTED", time.monotonic() - GRACE_SECONDS - 1)
    assert sign_in(client, GOOD).status_code == 302


def test_the_documented_password_is_throttled_like_any(first: User, client: Client) -> None:
    for _ in range(5):
        sign_in(client, "654321")
    assert sign_in(client).status_code == 429


def test_strangers_learn_nothing_of_it(first: User, client: Client) -> None:
    for path in ("/", "/admin/login/", "/nothing"):
        page = client.get(path).content.decode()
        assert "initial password" not in page
        assert "123456" not in page


def test_every_start_warns_the_operator(first: User) -> None:
    with structlog.testing.capture_logs() as logs:
        make_first_admin()
    assert [(row["event"], row["user"]) for row in logs] == [("initial_password_in_use", "root")]


def test_others_are_not_held(first: User, alice: User, as_user: Callable[[User], Client]) -> None:
    assert as_user(alice).get("/").status_code == 200

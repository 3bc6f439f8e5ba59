"""Who may enter the console: nobody but staff. What each of them may do: test_roles.py."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from chatapi.accounts.models import Role, User
from tests.pages.conftest import PASSWORD, make_user
from tests.pages.elsewhere import ELSEWHERE
from tests.pages.routes import all_routes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Strangers ask for more pages here than they may."""
    monkeypatch.setattr(settings.ENV, "GLOBAL_WEB_RATE_LIMIT", 0)


OPEN = {"admin:login", "admin:jsi18n", "home", "set_language", "robots", "favicon", "view_on_site"}
LOGIN = "/admin/login/"


def console_routes() -> dict[str, str]:
    return {
        name: path
        for name, path in all_routes().items()
        if name.startswith("admin:") and name not in {*OPEN, "admin:view_on_site"}
    }


@pytest.mark.parametrize("role", [None, Role.COMMON])
def test_no_page_of_the_console_opens_for_others(
    client: Client, as_user: Callable[[User], Client], role: int | None
) -> None:
    browser = client if role is None else as_user(make_user("someone", role))
    routes = console_routes()
    assert len(routes) > 50
    for name, path in routes.items():
        answer = browser.get(path)
        assert answer.status_code == 302, name
        assert answer["Location"].startswith((LOGIN, "/admin/")), name
        assert "/change/" not in answer["Location"].replace(path, ""), name


@pytest.mark.parametrize("role", [None, Role.COMMON])
def test_no_form_of_the_console_works_for_others(
    client: Client, as_user: Callable[[User], Client], role: int | None
) -> None:
    browser = client if role is None else as_user(make_user("someone", role))
    before = list(User.objects.values())
    for name, path in console_routes().items():
        if name in {"admin:logout", "admin:password_change"}:
            continue
        data = {"username": "mallory", "role": 100, "action": "ban", "post": "yes", "amount": "9"}
        assert browser.post(path, data).status_code in {302, 403, 405}, name
    assert list(User.objects.values()) == before


def test_every_page_of_the_console_opens_for_root(console: Client, root: User) -> None:
    for name, path in console_routes().items():
        if name.endswith(("_changelist", "_add", ":index")):
            assert console.get(path).status_code in {200, 403}, name
            if name.endswith("_changelist") or name == "admin:index":
                assert console.get(path).status_code == 200, name


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "This account has no access to the console."), ("zh", "该账号无权进入控制台。")],
)
def test_others_are_told_at_the_door(client: Client, alice: User, language: str, text: str) -> None:
    data = {"username": "alice", "password": PASSWORD}
    answer = client.post(LOGIN, data, headers={"accept-language": language})
    assert answer.status_code == 200
    assert text in answer.content.decode()


def test_a_wrong_password_does_not_tell_who_may_enter(client: Client, alice: User) -> None:
    pages = {
        client.post(LOGIN, {"username": name, "password": "wrong"})
        .content.decode()
        .split('<p class="errornote"')[1]
        .split("</p>")[0]
        for name in ("alice", "nobody")
    }
    assert len(pages) == 1


def test_the_way_back_after_signing_in_stays_here(client: Client, root: User) -> None:
    for target in ELSEWHERE:
        data = {"username": "root", "password": PASSWORD, "next": target}
        assert client.post(LOGIN, data)["Location"] == "/admin/", target
        client.logout()

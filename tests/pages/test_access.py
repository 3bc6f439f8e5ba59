"""Every route, every role, reading and sending: as `access.py` says, and nothing else."""

from collections.abc import Iterator
from copy import copy
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from chatapi.accounts.models import User
from tests.pages.access import OWNER, Access, table
from tests.pages.access_rows import PLANTED, Cast, digest, make_cast, make_rows, undone
from tests.pages.routes import all_routes

pytestmark = pytest.mark.django_db
ACTORS = ("nobody", "bob", "support", "admin", "root")
DOORS = ("/login", "/admin/login/")
HOSTILE = {
    "role": "100",
    "is_staff": "on",
    "is_superuser": "on",
    "is_service": "on",
    "must_change_password": "on",
    "session_stamp": "99",
    "id": "2",
    "pk": "2",
    "user": "2",
    "user_id": "2",
    "owner": "2",
    "budget": "1",
    "quota": "999999999",
    "remaining": "999999999",
    "used_units": "0",
    "amount_units": "-5",
    "key_hash": "x",
    "key_sealed": "x",
    "personal_of": "2",
    "deleted_at": "2020-01-01",
    "group": "vip",
    "aff_quota": "999999",
    "inviter": "2",
}
PROTECTED = (
    *("role", "is_staff", "is_superuser", "is_service", "is_active", "must_change_password"),
    *("id", "group", "deleted_at"),
)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    for name in ("GLOBAL_WEB_RATE_LIMIT", "GLOBAL_API_RATE_LIMIT", "CRITICAL_RATE_LIMIT"):
        if hasattr(settings.ENV, name):
            monkeypatch.setattr(settings.ENV, name, 0)


@pytest.fixture
def cast(db: None) -> Cast:
    found = make_cast()
    make_rows(found.user("alice"))
    return found


def cells() -> Iterator[tuple[str, str, Access]]:
    """Name, path and entry."""
    known = table()
    for name, path in all_routes().items():
        if name in known:
            access = known[name]
            where = "/admin/accounts/" if name == "admin:app_list" else path
            yield name, where.replace("/1/", f"/{access.row}/") + access.query, access


def needed(access: Access, method: str) -> int | None:
    return access.see if method == "get" else access.send


def is_let_in(cast: Cast, actor: str, level: int) -> bool:
    return actor == "alice" if level == OWNER else cast.rank(actor) >= level


def is_shut(answer: Any) -> bool:
    to_the_door = answer.status_code == 302 and answer["Location"].startswith(DOORS)
    return to_the_door or answer.status_code in {401, 403, 404}


def ask(browser: Client, method: str, path: str, data: Any = None) -> Any:
    if method == "get":
        return browser.get(path)
    if path.startswith("/api/") and "notify" not in path and "webhook" not in path:
        return getattr(browser, method)(path, data or {}, content_type="application/json")
    return getattr(browser, method)(path, data or {})


def test_every_route_has_an_entry_and_every_entry_a_route() -> None:
    routes, known = set(all_routes()), set(table())
    assert routes - known == set(), "say in tests/pages/access.py who may open these"
    assert known - routes == set(), "there are no such routes any more"


@pytest.mark.parametrize("actor", ACTORS)
def test_who_may_not_is_shut_out_and_changes_nothing(cast: Cast, actor: str) -> None:
    browser, before, tried = cast.browsers[actor], digest(), 0
    cookies = copy(browser.cookies)
    for name, path, access in cells():
        for method in ("get", "post"):
            level = needed(access, method)
            if level is not None and is_let_in(cast, actor, level):
                continue
            answer = ask(browser, method, path, HOSTILE if method == "post" else None)
            shut = is_shut(answer) or (level is None and answer.status_code == 405)
            if level is not None or not is_let_in(cast, actor, other(access, method)):
                assert shut or answer.status_code == 405, (name, method, answer.status_code)
                assert PLANTED not in answer.content.decode(errors="replace"), (name, method)
            tried += 1
            browser.cookies = copy(cookies)
    assert digest() == before
    assert tried > 50 or actor == "root"


def other(access: Access, method: str) -> int:
    level = needed(access, "post" if method == "get" else "get")
    return 0 if level is None else level


@pytest.mark.parametrize("actor", ["nobody", "alice", "support", "admin", "root"])
def test_who_may_is_let_in(cast: Cast, actor: str) -> None:
    """Those with the least role that may; those above them are let in by the same rule."""
    browser = cast.browsers[actor]
    cookies = copy(browser.cookies)
    for name, path, access in cells():
        for method in ("get", "post"):
            level = needed(access, method)
            if level is None or not access.is_tried or not is_least(cast, actor, level):
                continue
            with undone():
                answer = ask(browser, method, path)
            browser.cookies = copy(cookies)
            if answer.status_code == 404 and has_argument(name):
                continue  # there is no such row, which was looked for
            assert not is_shut(answer), (name, method, answer.status_code)
            assert answer.status_code < 500, (name, method)
            assert answer.status_code != 405, (name, method)


def is_least(cast: Cast, actor: str, level: int) -> bool:
    ranks = [cast.rank(name) for name in ("nobody", "alice", "support", "admin", "root")]
    if level == OWNER:
        return actor == "alice"
    return cast.rank(actor) == min((rank for rank in ranks if rank >= level), default=-1)


def has_argument(name: str) -> bool:
    return "1" in all_routes()[name] or name == "stripe_webhook"


@pytest.mark.parametrize("actor", ["alice", "root"])
def test_nothing_is_changed_without_the_csrf_token(actor: str, db: None) -> None:
    """A foreign page can send the cookie, but not the token."""
    cast = make_cast(strict=True)
    make_rows(cast.user("alice"))
    browser, before = cast.browsers[actor], digest()
    cookies = copy(browser.cookies)
    for name, path, access in cells():
        if access.is_called_from_outside or (actor == "alice" and name.startswith("admin:")):
            continue
        methods = ("post", "put", "patch", "delete") if name.startswith("api:") else ("post",)
        for method in methods:
            answer = ask(browser, method, path, HOSTILE)
            assert answer.status_code in {403, 405}, (name, method, answer.status_code)
            browser.cookies = copy(cookies)
    assert digest() == before


def test_no_form_takes_more_than_it_shows(cast: Cast) -> None:
    """Alice sends each of her forms filled in, and with it everything that is not hers to say."""
    browser = cast.browsers["alice"]
    cookies = copy(browser.cookies)
    kept = User.objects.order_by("pk").values_list(*PROTECTED)
    before = list(kept)
    for name, path, access in cells():
        if access.send is None or not access.is_tried or not is_let_in(cast, "alice", access.send):
            continue
        filled = {"name": "x", "current": "", "email": "a@example.com", "password": "wrong"}
        with undone():
            ask(browser, "post", path, {**HOSTILE, **filled})
            assert list(kept) == before, name
            assert money() == [("alice", 1_000_000, 0)], name
        browser.cookies = copy(cookies)


def money() -> list[Any]:
    from billing.models import Budget  # noqa: PLC0415 -- only here

    wallets = Budget.objects.filter(kind="wallet").order_by("pk")
    return list(wallets.values_list("user__username", "remaining", "used"))

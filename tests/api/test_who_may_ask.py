"""Every operation against every role: guests, users, support, administrators, root."""

from collections.abc import Callable

import pytest

from chatapi.accounts.access_tokens import create_access_token
from chatapi.accounts.models import Role, User
from chatapi.accounts.scopes import SCOPES
from tests.api.conftest import OURS, Api
from tests.api.routes import NUMBER, Operation, operations

pytestmark = pytest.mark.django_db
OPERATIONS = list(operations())
PUBLIC = {
    "status",
    "notice",
    "about",
    "home_page_content",
    "midjourney_text",
    "token_logs",
    "logall_token",
    "token_drawings",
    "login",
    "logout",
    "register",
    "verification",
    "reset_link",
    "reset",
    "foreign_state",
    "foreign_return",
    "foreign_wechat",
    "foreign_telegram",
}
BY_OUR_PAGES = {"logout", "verification", "reset_link"} | {
    name for name in PUBLIC if name.startswith("foreign_")
}
"""Their GETs change something, and need a proof that our own page asks."""
WE_LED_THERE = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "document"}
ASKS_OUTSIDE = {"channel_test_all", "channel_balance_all"}


def ask(api: Api, one: Operation) -> int:
    body: dict[str, str] | None = None if one.method == "get" else {}
    status: int = api.call(one.method, one.path, body).status_code
    return status


def test_what_anybody_may_ask_is_written_down_here() -> None:
    assert len(OPERATIONS) > 60
    assert {one.name for one in OPERATIONS if not one.scope} == PUBLIC
    assert {one.scope for one in OPERATIONS if one.scope} <= set(SCOPES)


@pytest.mark.parametrize("role", [None, Role.COMMON, Role.SUPPORT, Role.ADMIN, Role.ROOT])
def test_each_role_may_what_its_scopes_say(
    make_user: Callable[..., User], role: int | None
) -> None:
    api = Api() if role is None else Api(make_user("someone", role))
    for one in OPERATIONS:
        if one.name == "logout":
            continue
        if not one.scope:
            assert ask(api, one) not in {401, 403}, one
        elif role is None:
            assert ask(api, one) == 401, one
        elif role < SCOPES[one.scope].role:
            assert ask(api, one) == 403, one
        elif one.name == "self" and one.method == "delete":
            continue
        elif one.name not in ASKS_OUTSIDE:
            assert ask(api, one) in {200, 400, 404}, one


def test_a_token_of_one_scope_may_nothing_else(make_user: Callable[..., User]) -> None:
    root = make_user("root", Role.ROOT)
    for scope in ("self:read", "logs:read", "options:read"):
        program = Api(authorization=create_access_token(root, scope, [scope]).key)
        for one in OPERATIONS:
            status = ask(program, one)
            if one.name == "logout":
                continue
            if one.scope and one.scope != scope:
                assert status == 403, (scope, one)
            else:
                assert status != 403, (scope, one)


def test_nothing_that_changes_works_by_a_session_alone(make_user: Callable[..., User]) -> None:
    browser = Api(make_user("root", Role.ROOT), strict=True)
    for one in OPERATIONS:
        if one.scope.endswith(":write"):
            answer = browser.call(
                one.method,
                one.path,
                None if one.method == "get" else {},
                **{"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
            )
            assert answer.status_code == 403, one


def test_gets_of_strangers_that_change_something_need_a_proof(db: None) -> None:
    stranger = Api(strict=True)
    gets = [one for one in OPERATIONS if one.name in BY_OUR_PAGES and one.method == "get"]
    assert len(gets) == len(BY_OUR_PAGES)
    for one in gets:
        for site in (
            {},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "none"},
            WE_LED_THERE,
        ):
            assert stranger.get(one.path, **site).status_code == 403, one
        assert stranger.get(one.path, **OURS).status_code != 403, one


def test_numbers_that_are_none_are_not_found(make_user: Callable[..., User]) -> None:
    root = Api(make_user("root", Role.ROOT))
    for one in OPERATIONS:
        if not one.has_number:
            continue
        for number in ("0", "9" * 18, "9" * 40, "-1", "0x1", "٣", "1%00"):
            path = one.path.replace(NUMBER, number)
            body = None if one.method in {"get", "delete"} else {"billing_enabled": 1}
            assert root.call(one.method, path, body).status_code == 404, (one, number)


def test_both_forms_of_a_path_are_the_same(make_user: Callable[..., User]) -> None:
    root = Api(make_user("root", Role.ROOT))
    for one in OPERATIONS:
        if one.method == "get" and one.name != "logout" and not one.scope.endswith(":write"):
            other = one.path.rstrip("/") if one.path.endswith("/") else f"{one.path}/"
            assert root.get(one.path).status_code == root.get(other).status_code, one

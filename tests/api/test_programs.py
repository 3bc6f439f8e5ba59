"""Programs: access tokens in the header, their scopes, and the old product's changing GETs."""

from collections.abc import Callable

import pytest

from chatapi.accounts.access_tokens import create_access_token, find_bearer, reset_personal_token
from chatapi.accounts.models import AccessToken, Role, Token, User
from chatapi.console.models import AuditEntry
from tests.api.conftest import OURS, Api, data_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def carol(make_user: Callable[..., User]) -> User:
    return make_user("carol")


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer "])
def test_a_token_in_the_header_is_enough(carol: User, prefix: str) -> None:
    key = reset_personal_token(carol).key
    program = Api(strict=True, authorization=prefix + key)
    if prefix == "bearer ":
        program = Api(strict=True, authorization=f"Bearer {key}")
    assert data_of(program.get("user/self"))["username"] == "carol"
    assert data_of(program.post("token/", {"name": "ci", "unlimited_quota": True}))["key"]


def test_a_wrong_token_is_refused_even_beside_a_session(alice: Api) -> None:
    for wrong in ("at-nothing", "Bearer x", "sk-abc"):
        answer = alice.get("user/self", authorization=wrong)
        assert (answer.status_code, answer.json()["success"]) == (401, False), wrong
    assert alice.get("user/self", authorization="Basic Zm9vOmJhcg==").status_code == 200


def test_guesses_of_tokens_are_counted(nobody: Api) -> None:
    statuses = {nobody.get("user/self", authorization=f"at-{n}").status_code for n in range(110)}
    assert statuses == {401, 429}


def test_scopes_end_where_they_end(make_user: Callable[..., User]) -> None:
    adele = make_user("adele", Role.ADMIN)
    key = create_access_token(adele, "reader", ["self:read", "logs:read"]).key
    program = Api(authorization=key)
    data_of(program.get("log/"))
    data_of(program.get("token/"))
    for answer in (
        program.post("token/", {"name": "x", "unlimited_quota": True}),
        program.get("group/"),
        program.post("user/token"),
        program.get("user/token"),
    ):
        assert answer.status_code == 403
        assert "access token" in answer.json()["message"]
    assert not Token.objects.exists()
    User.objects.update(role=Role.COMMON)
    assert program.get("log/").status_code == 403


def test_nobody_widens_scopes_by_making_a_new_token(make_user: Callable[..., User]) -> None:
    adele = make_user("adele", Role.ADMIN)
    key = create_access_token(adele, "writer", ["self:write"]).key
    answer = Api(authorization=key).post("user/token")
    assert answer.json()["success"] is False
    assert AccessToken.objects.count() == 1


def test_a_new_access_token_replaces_the_old_one(carol: User) -> None:
    browser = Api(carol)
    old = data_of(browser.post("user/token"))
    new = data_of(browser.post("user/token"))
    assert find_bearer(old) is None
    assert find_bearer(new) is not None
    assert AuditEntry.objects.filter(action="access_token.reset").count() == 2
    assert new not in str(browser.get("user/self").content)


def test_the_old_get_needs_a_proof(carol: User) -> None:
    browser = Api(carol, strict=True)
    for headers in (
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"referer": "https://evil.example/"},
        {"sec-fetch-site": "same-origin", "sec-fetch-dest": "document"},
    ):
        assert browser.get("user/token", **headers).status_code == 403, headers
        head = browser.client.head("/api/user/token", headers=headers)
        assert head.status_code == 403
    assert not AccessToken.objects.exists()
    first = data_of(browser.get("user/token", **OURS))
    program = Api(strict=True, authorization=first)
    second = data_of(program.get("user/token"))
    assert find_bearer(first) is None
    assert find_bearer(second) is not None

"""Signing in, out and up by JSON."""

from typing import Any

import pytest
from constance import config

from chatapi.accounts.models import LoginAttempt, User
from tests.api.conftest import OURS, Api, data_of, refusal_of

pytestmark = pytest.mark.django_db
PASSWORD = "Correct-Horse-9"


def login(api: Api, name: str, password: str, **headers: str) -> Any:
    return api.post("user/login", {"username": name, "password": password}, **headers)


@pytest.mark.parametrize("name", ["alice", "ALICE@example.com"])
def test_a_session_begins_and_ends(alice_user: User, name: str) -> None:
    browser = Api()
    data = data_of(login(browser, name, PASSWORD))
    assert data == {
        "id": alice_user.pk,
        "username": "alice",
        "display_name": "alice",
        "role": 1,
        "status": 1,
        "group": "default",
    }
    assert data_of(browser.get("user/self"))["username"] == "alice"
    data_of(browser.post("user/logout"))
    assert browser.get("user/self").status_code == 401


def test_wrong_passwords_are_throttled_as_on_the_page(alice_user: User) -> None:
    browser = Api()
    texts = {refusal_of(login(browser, name, "wrong")) for name in ("alice", "nobody")}
    assert len(texts) == 1
    for _try in range(4):
        login(browser, "alice", "wrong")
    answer = login(browser, "alice", "wrong")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert login(browser, "alice", PASSWORD).status_code == 429
    assert LoginAttempt.objects.exists()


def test_the_banned_stay_outside(alice_user: User) -> None:
    User.objects.update(is_active=False)
    assert refusal_of(login(Api(), "alice", PASSWORD))


def test_no_foreign_page_signs_a_browser_in_or_out(alice_user: User) -> None:
    browser = Api(strict=True)
    body = f'{{"username": "alice", "password": "{PASSWORD}"}}'.encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = browser.client.post("/api/user/login", body, content_type=kind)
        assert answer.status_code in {400, 415}
    assert "sessionid" not in browser.client.cookies
    inside = Api(alice_user, strict=True)
    assert inside.get("user/logout", **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert inside.post("user/logout").status_code == 403
    assert inside.get("user/self").status_code == 200
    data_of(inside.get("user/logout", **OURS))
    assert inside.get("user/self").status_code == 401


def test_an_account_is_opened(nobody: Api) -> None:
    config.RegisterEnabled = True
    body = {"username": "newcomer", "password": PASSWORD, "role": 100, "quota": 10**9}
    made = data_of(nobody.post("user/register", body))
    user = User.objects.get(username="newcomer")
    assert (made["id"], user.role, user.is_superuser) == (user.pk, 1, False)
    assert data_of(login(Api(), "newcomer", PASSWORD))["id"] == user.pk
    assert "taken" in refusal_of(nobody.post("user/register", body))
    for wrong in (
        {"username": "ab"},
        {"username": "a@b.c"},
        {"username": "someone", "password": "12345678"},
        {"username": "<script>"},
    ):
        assert refusal_of(nobody.post("user/register", {**body, **wrong})), wrong
    assert User.objects.count() == 1


def test_doors_that_the_operator_shut_are_shut(nobody: Api, alice_user: User) -> None:
    body = {"username": "newcomer", "password": PASSWORD}
    config.EmailVerificationEnabled = True
    refusal_of(nobody.post("user/register", body))
    config.RegisterEnabled = False
    refusal_of(nobody.post("user/register", body))
    config.PasswordLoginEnabled = False
    refusal_of(login(nobody, "alice", PASSWORD))
    assert User.objects.count() == 1

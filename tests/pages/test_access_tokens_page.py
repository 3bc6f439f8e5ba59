"""Access tokens and service accounts in the console: root's affair, keys shown once."""

import re
from typing import Any

import pytest
from django.test import Client

from chatapi.accounts.access_tokens import find_bearer, reset_personal_token
from chatapi.accounts.models import AccessToken, User
from chatapi.console.models import AuditEntry
from tests.pages.test_step_up import ASKED, grow_stale

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/accesstoken/"


def form(**changes: Any) -> dict[str, Any]:
    values = {
        "account": "",
        "new_account": "robot",
        "role": "10",
        "name": "deploy",
        "scopes": ["channels:read", "channels:write"],
        "expires_at": "",
    }
    return values | changes


def key_of(answer: Any) -> str:
    found = re.search(r'id="new-key">([^<]+)<', answer.content.decode())
    assert found is not None
    return found[1]


def test_a_service_account_and_its_token_are_made(console: Client) -> None:
    answer = console.post(f"{LIST}add/", form())
    assert "no-store" in answer["Cache-Control"]
    key = key_of(answer)
    bearer = find_bearer(key)
    assert bearer is not None
    assert (bearer.user.username, bearer.user.is_service, bearer.user.role) == ("robot", True, 10)
    assert bearer.scopes == frozenset({"channels:read", "channels:write"})
    token = AccessToken.objects.get()
    for path in (LIST, f"{LIST}{token.pk}/change/", "/admin/console/auditentry/"):
        page = console.get(path).content.decode()
        assert key not in page
        assert "deploy" in page
    assert key not in str(list(AuditEntry.objects.values()))


def test_an_account_may_have_several(console: Client) -> None:
    console.post(f"{LIST}add/", form())
    robot = User.objects.get(username="robot")
    second = form(account=robot.pk, new_account="", name="logs", scopes=["logs:read"])
    assert key_of(console.post(f"{LIST}add/", second))
    assert robot.access_tokens.count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"new_account": ""}, "new_account"),
        ({"new_account": "Root"}, "new_account"),
        ({"new_account": "<script>"}, "new_account"),
        ({"role": "7"}, "role"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["nonsense"]}, "scopes"),
        ({"scopes": ["options:write"]}, "scopes"),
        ({"expires_at": "2020-01-01T00:00"}, "expires_at"),
        ({"name": ""}, "name"),
    ],
)
def test_a_mistake_is_told_at_its_field(
    console: Client, changes: dict[str, Any], field: str
) -> None:
    answer = console.post(f"{LIST}add/", form(**changes))
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not AccessToken.objects.exists()
    assert not User.objects.filter(is_service=True).exists()


def test_only_service_accounts_can_be_chosen(console: Client, alice: User) -> None:
    answer = console.post(f"{LIST}add/", form(account=alice.pk, new_account=""))
    assert "account" in answer.context["adminform"].form.errors


def test_the_password_is_asked_for(console: Client) -> None:
    grow_stale(console)
    assert ASKED in console.post(f"{LIST}add/", form()).content.decode()
    assert not AccessToken.objects.exists()


def test_tokens_are_revoked_and_never_changed(console: Client, alice: User) -> None:
    made = reset_personal_token(alice)
    path = f"{LIST}{made.token.pk}"
    assert console.post(f"{path}/change/", {"name": "x"}).status_code == 403
    assert console.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    console.post(LIST, {"action": "revoke", "_selected_action": [made.token.pk]})
    assert find_bearer(made.key) is None
    assert AuditEntry.objects.filter(action="accesstoken.revoke").count() == 1

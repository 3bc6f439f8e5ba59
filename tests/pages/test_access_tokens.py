"""Access tokens: hashed at rest, never above their user's role, refused at once when they end."""

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.utils import timezone

from chatapi.accounts.access_tokens import (
    Bearer,
    create_access_token,
    find_bearer,
    reset_personal_token,
    revoke_access_token,
)
from chatapi.accounts.models import AccessToken, LoginAttempt, Role, User
from chatapi.accounts.people import (
    change_password,
    create_service,
    delete_user,
    set_active,
    set_role,
)
from chatapi.accounts.scopes import SCOPES
from chatapi.accounts.throttle import Throttled
from tests.pages.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def bearer(key: str) -> Bearer:
    found = find_bearer(f"Bearer {key}")
    assert found is not None
    return found


def test_a_key_leads_to_its_user_and_scopes(admin: User) -> None:
    made = create_access_token(admin, "ci", ["channels:read", "logs:read"])
    for text in (f"Bearer {made.key}", made.key, f"  {made.key}  "):
        found = find_bearer(text)
        assert found is not None
        assert found.user == admin
        assert found.scopes == frozenset({"channels:read", "logs:read"})
        assert found.may("logs:read")
        assert not found.may("channels:write")


def test_only_a_hash_is_kept(admin: User) -> None:
    made = create_access_token(admin, "ci", ["logs:read"])
    row = str(AccessToken.objects.values().get())
    assert made.key not in row
    assert made.key.removeprefix("at-") not in row
    assert made.token.key_hint == f"{made.key[:7]}…{made.key[-4:]}"


def test_nobody_gets_a_scope_above_the_own_role(admin: User, alice: User) -> None:
    for user, scope in ((alice, "users:read"), (admin, "options:write"), (admin, "nonsense")):
        with pytest.raises(ValidationError):
            create_access_token(user, "x", [scope])
    with pytest.raises(ValidationError):
        create_access_token(admin, "x", [])


def test_scopes_shrink_with_the_role(root: User, admin: User) -> None:
    made = create_access_token(admin, "ci", ["channels:write", "channels:read", "self:read"])
    own = reset_personal_token(admin)
    set_role(admin, Role.SUPPORT)
    assert bearer(made.key).scopes == {"channels:read", "self:read"}
    set_role(admin, Role.COMMON)
    assert bearer(own.key).scopes == {"self:read", "self:write"}
    assert bearer(reset_personal_token(root).key).scopes == set(SCOPES)


def test_it_is_refused_at_once(admin: User, root: User) -> None:
    made = create_access_token(admin, "ci", ["logs:read"])
    set_active(admin, active=False)
    assert find_bearer(made.key) is None
    set_active(admin, active=True)
    assert find_bearer(made.key) is not None
    revoke_access_token(made.token)
    assert find_bearer(made.key) is None
    soon = timezone.now() + timedelta(hours=1)
    ended = create_access_token(admin, "old", ["logs:read"], soon)
    AccessToken.objects.filter(pk=ended.token.pk).update(expires_at=timezone.now())
    assert find_bearer(ended.key) is None
    with pytest.raises(ValidationError):
        create_access_token(admin, "old", ["logs:read"], timezone.now())
    delete_user(admin)
    assert not AccessToken.objects.exists()


def test_the_initial_password_makes_every_key_useless(root: User) -> None:
    made = reset_personal_token(root)
    User.objects.update(must_change_password=True)
    assert find_bearer(made.key) is None


def test_there_is_one_personal_token(alice: User) -> None:
    first, second = reset_personal_token(alice), reset_personal_token(alice)
    assert find_bearer(first.key) is None
    assert bearer(second.key).user == alice
    assert AccessToken.objects.count() == 1


@pytest.mark.parametrize(
    "text", ["", "Bearer", "Bearer ", "sk-abc", "at-", "at-%", "at-' OR 1=1 --", "at-" + "x" * 9999]
)
def test_what_is_no_key_finds_nobody(alice: User, text: str) -> None:
    reset_personal_token(alice)
    assert find_bearer(text) is None


def test_keys_with_a_common_beginning_are_different(alice: User, admin: User) -> None:
    made = reset_personal_token(alice)
    other = made.key[:-1] + ("a" if made.key[-1] != "a" else "b")
    assert find_bearer(other) is None
    assert find_bearer(made.key.swapcase().replace("AT-", "at-")) is None


def test_guesses_are_throttled_and_shut_nobody_out(alice: User) -> None:
    made = reset_personal_token(alice)
    for _ in range(100):
        assert find_bearer("at-guess", "192.0.2.1") is None
    with pytest.raises(Throttled):
        find_bearer("at-guess", "192.0.2.1")
    assert find_bearer(made.key, "192.0.2.1") is not None
    assert find_bearer("at-guess", "192.0.2.2") is None
    assert LoginAttempt.objects.count() == 101
    assert authenticate(None, username="alice", password=PASSWORD) == alice


def test_a_service_account_can_not_sign_in(root: User) -> None:
    service = create_service("robot", Role.ADMIN)
    assert not service.has_usable_password()
    change_password(service, "Another-Horse-9")
    service.refresh_from_db()
    assert not service.has_usable_password()
    assert authenticate(None, username="robot", password="Another-Horse-9") is None
    made = create_access_token(service, "deploy", ["channels:write"])
    assert bearer(made.key).user == service
    with pytest.raises(ValidationError):
        create_service("Robot", Role.ADMIN)


def test_use_is_noted_once_a_minute(alice: User) -> None:
    made = reset_personal_token(alice)
    bearer(made.key)
    first = AccessToken.objects.get().last_used_at
    bearer(made.key)
    assert first is not None
    assert AccessToken.objects.get().last_used_at == first

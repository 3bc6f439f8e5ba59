"""Clients of the JSON API: root, an administrator, alice and bob, and nobody."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from chatapi.accounts.models import Role, User

OURS = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "empty"}
"""What a browser says of a script on our own page."""


@pytest.fixture(autouse=True)
def unhurried(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cheap hash, and no limit to requests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(settings.ENV, "GLOBAL_API_RATE_LIMIT", 0)
    monkeypatch.setattr(settings.ENV, "GLOBAL_WEB_RATE_LIMIT", 0)
    cache.clear()


class Api:
    """Speaks JSON with the API in somebody's name."""

    def __init__(self, user: User | None = None, *, strict: bool = False, **headers: str) -> None:
        self.client = Client(enforce_csrf_checks=strict, raise_request_exception=False)
        self.headers = headers
        if user is not None:
            self.client.force_login(user, django_settings.AUTHENTICATION_BACKENDS[0])

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        more: dict[str, Any] = {}
        if body is not None:
            more = {"data": body, "content_type": "application/json"}
        send = getattr(self.client, method.lower())
        return send(f"/api/{path}", headers={**self.headers, **headers}, **more)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("post", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("put", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("delete", path, body, **headers)


def data_of(response: Any) -> Any:
    """The data of a success."""
    assert response.status_code == 200, response.content[:500]
    found = response.json()
    assert found["success"] is True, found
    return found["data"]


def refusal_of(response: Any) -> str:
    """The text of a business refusal."""
    assert response.status_code == 200, response.content[:500]
    found = response.json()
    assert found["success"] is False, found
    return str(found["message"])


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    def make(name: str, role: int = Role.COMMON) -> User:
        user = User(username=name, role=role, email=f"{name}@example.com")
        user.set_password("Correct-Horse-9")
        user.save()
        return user

    return make


@pytest.fixture
def root(make_user: Callable[..., User]) -> Api:
    return Api(make_user("root", Role.ROOT))


@pytest.fixture
def admin(make_user: Callable[..., User]) -> Api:
    return Api(make_user("adele", Role.ADMIN))


@pytest.fixture
def alice_user(make_user: Callable[..., User]) -> User:
    return make_user("alice")


@pytest.fixture
def alice(alice_user: User) -> Api:
    return Api(alice_user)


@pytest.fixture
def bob(make_user: Callable[..., User]) -> Api:
    return Api(make_user("bob"))


@pytest.fixture
def nobody(db: None) -> Api:
    return Api()

"""Root, an administrator, support and alice, and browsers for them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from chatapi.accounts.models import Role, User

PASSWORD = "Correct-Horse-9"
AsUser = Callable[..., Client]


@pytest.fixture(autouse=True)
def quick(settings: Settings) -> None:
    """A cheap hash, and no requests counted by the test before."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()


@pytest.fixture
def root(db: None) -> User:
    return make_user("root", Role.ROOT)


@pytest.fixture
def admin(db: None) -> User:
    return make_user("adele", Role.ADMIN)


@pytest.fixture
def support(db: None) -> User:
    return make_user("sue", Role.SUPPORT)


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice", Role.COMMON)


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """A browser that has signed in."""

    def sign_in(user: User, *, strict: bool = False) -> Client:
        client = Client(enforce_csrf_checks=strict)
        client.force_login(user, django_settings.AUTHENTICATION_BACKENDS[0])
        return client

    return sign_in


@pytest.fixture
def console(root: User, as_user: Callable[[User], Client]) -> Client:
    """Root's browser."""
    return as_user(root)


def make_user(name: str, role: int) -> User:
    user = User(username=name, role=role)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def site(db: None) -> Iterator[Any]:
    """A site to sign in with, and the options that let people do so."""
    from tests.pages.foreign_site import running_site, set_up  # noqa: PLC0415 -- few need it

    with running_site() as running:
        set_up(running)
        yield running

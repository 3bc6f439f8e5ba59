"""Many strangers who sign in at once do not take the memory and the cores from the calls."""

import threading
import time
import uuid
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import RequestFactory
from pytest_django import Settings

from chatapi.accounts import password_turns
from chatapi.accounts.backends import REFUSAL
from chatapi.accounts.models import LoginAttempt
from chatapi.accounts.password_turns import TURNS, password_turn
from tests.harness.ledgers import at_once

pytestmark = pytest.mark.usefixtures("database")


class CountingHasher(MD5PasswordHasher):
    """Slow enough to meet others, and counts them."""

    algorithm = "counting"
    lock = threading.Lock()
    now = most = made = 0

    def encode(self, password: str, salt: str) -> str:
        cls = CountingHasher
        with cls.lock:
            cls.now += 1
            cls.made += 1
            cls.most = max(cls.most, cls.now)
        time.sleep(0.2)
        with cls.lock:
            cls.now -= 1
        return super().encode(password, salt)


def sign_in(name: str, address: str) -> Any:
    """None, or why nobody was looked at."""
    request = RequestFactory().post("/login", REMOTE_ADDR=address)
    assert authenticate(request, username=name, password="Wrong-Horse-9") is None
    return request.META.get(REFUSAL)


def test_so_many_passwords_are_hashed_at_once_and_no_more(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.most = CountingHasher.made = 0
    names = [uuid.uuid4().hex for _ in range(8)]
    refusals = at_once(8, lambda number: sign_in(names[number], f"192.0.2.{number}"))
    assert refusals == [None] * 8
    assert CountingHasher.made == 8
    assert CountingHasher.most <= TURNS


def test_whose_turn_does_not_come_is_told_and_has_failed_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(password_turns, "PATIENCE_SECONDS", 0.01)
    name = uuid.uuid4().hex
    with password_turn(), password_turn():
        refusal = sign_in(name, "192.0.2.99")
    assert (refusal.code, refusal.retry_after) == ("busy", 10)
    assert not LoginAttempt.objects.filter(account=name).exists()
    assert sign_in(name, "192.0.2.99") is None

"""The cast of the access tests, rows with the number 1 that are alice's, and what all rows are."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from billing.ledger import open_wallet, post_entry, set_token_limit
from billing.models import HourlyUsage, Lease, LedgerKind, Price, Worker
from channels_app.models import Channel
from chatapi.accounts.models import Role, Token, User
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.console.audit import record_act
from chatapi.console.models import AuditEntry
from notifications.models import Delivery, Notice
from relay.models import CallText
from tests.pages.conftest import make_user
from tests.pages.rows import make_channel, make_drawing, make_usage

PLANTED = "planted-by-alice"
"""In texts of alice's that nobody else may read in the pages of users."""
UNCOUNTED = {
    "accounts.LoginAttempt",
    "console.AuditEntry",
    "sessions.Session",
    "usersessions.UserSession",
}
"""Written by asking alone."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A browser for each; None has not signed in."""

    browsers: Mapping[str, Client]
    users: Mapping[str, User | None]

    def user(self, name: str) -> User:
        found = self.users[name]
        assert found is not None
        return found

    def rank(self, name: str) -> int:
        user = self.users[name]
        return int(user.role) if user else 0


def make_cast(*, strict: bool = False) -> Cast:
    roles = {
        "alice": Role.COMMON,
        "bob": Role.COMMON,
        "support": Role.SUPPORT,
        "admin": Role.ADMIN,
        "root": Role.ROOT,
    }
    users: dict[str, User | None] = {"nobody": None}
    users |= {name: make_user(name, role) for name, role in roles.items()}
    browsers = {name: make_browser(user, strict=strict) for name, user in users.items()}
    return Cast(browsers, users)


def make_browser(user: User | None, *, strict: bool = False) -> Client:
    browser = Client(enforce_csrf_checks=strict)
    if user is not None:
        browser.force_login(user, settings.AUTHENTICATION_BACKENDS[0])
    return browser


def make_rows(alice: User) -> None:
    """Each kind has a row with the number 1."""
    made = create_token(alice, TokenSettings(name=PLANTED))
    set_token_limit(made.token, 500_000)
    wallet = open_wallet(alice)
    post_entry(wallet.pk, 1_000_000, kind=LedgerKind.CREDIT, note=PLANTED)
    worker = Worker.objects.create(id="1", node="node", pid=1)
    Lease.objects.create(pk=1, worker=worker, budget=wallet, amount=1)
    Price.objects.create(pk=1, model="gpt-4o-mini", input=1)
    make_usage(1, user_id=alice.pk, username="alice", request_id="1", token_name=PLANTED)
    CallText.objects.create(
        request_id="1",
        user_id=alice.pk,
        prompt_sealed=settings.KEY_RING.seal(PLANTED, "call_text:1:prompt"),
    )
    make_channel(1)
    record_act("test.act")
    notice = Notice.objects.create(pk=1, event="balance_low", user=alice)
    Delivery.objects.create(
        pk=1,
        notice=notice,
        recipient=f"user:{alice.pk}",
        transport="email",
        next_try_at=timezone.now(),
    )
    make_drawing(1, pk=1, user_id=alice.pk)
    hour = make_usage(2).created_at.replace(minute=0, second=0, microsecond=0)
    HourlyUsage.objects.create(
        pk=1, hour_at=hour, user_id=alice.pk, token_id=made.token.pk, channel_id=1, model="m"
    )
    for model in (User, Token, Channel, AuditEntry):
        number_one(model.objects.all())


def number_one(rows: QuerySet[models.Model]) -> None:
    assert rows.filter(pk=1).exists(), f"{rows.model} has no row 1"


def digest() -> str:
    """Of all rows that people could have changed."""
    text = hashlib.sha256()
    for model in apps.get_models():
        if model._meta.label not in UNCOUNTED and not model._meta.proxy:
            rows: Any = QuerySet(model).order_by("pk").values_list()
            text.update(repr((model._meta.label, list(rows))).encode())
    return text.hexdigest()


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside has not happened."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)

"""Rows for the lists of the console: as many as asked for, each different."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from billing.ledger import open_wallet, post_entry, set_token_limit
from billing.models import Lease, LedgerKind, Price, Usage, Worker
from channels_app.editing import create_channel
from channels_app.models import Channel
from chatapi.accounts.models import Group, Token, User
from chatapi.accounts.tokens import TokenSettings, create_token
from relay.models import MidjourneyTask

ITEMS = '[["input", 1000, "0.075", "75"], ["output", 500, "0.3", "150"], ["group", "0.8"]]'
ATTEMPTS = (
    '[{"channel": 7, "name": "First", "ms": 12, "error": "rate_limited 429", "message": "slow"},'
    ' {"channel": 8, "name": "Second", "ms": 345}]'
)


def make_person(number: int) -> User:
    user = User.objects.create(username=f"person{number}")
    post_entry(open_wallet(user).pk, 1_000_000 + number, kind=LedgerKind.CREDIT, actor="root")
    return user


def make_token(number: int) -> Token:
    made = create_token(make_person(number), TokenSettings(name=f"token{number}"))
    set_token_limit(made.token, 500_000)
    return made.token


def make_channel(number: int) -> Channel:
    return create_channel(
        {
            "name": f"channel{number}",
            "kind": "openai",
            "key": f"sk-proj-secret-{number:04}",
            "models_text": "gpt-4o-mini,gpt-4o",
        }
    )


def make_usage(number: int, **changes: object) -> Usage:
    user = User.objects.filter(username="alice").first() or User.objects.create(username="alice")
    values: dict[str, object] = {
        "request_id": f"request-{number}",
        "created_at": timezone.now(),
        "user_id": user.pk,
        "username": user.username,
        "token_id": 5,
        "token_name": "laptop",
        "group": "default",
        "channel_id": 8,
        "channel_name": "Second",
        "endpoint": "chat",
        "model": "gpt-4o-mini",
        "upstream_model": "gpt-4o-mini-2024-07-18",
        "is_stream": True,
        "status": "ok",
        "http_status": 200,
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "is_estimated": False,
        "amount": 180,
        "uncollected_units": 0,
        "wallet_id": open_wallet(user).pk,
        "line_items": ITEMS,
        "attempts": ATTEMPTS,
        "first_byte_ms": 120,
        "total_ms": 2345,
        "worker_id": "w",
    }
    return Usage.objects.create(**{**values, **changes})


def make_lease(number: int) -> Lease:
    worker, _ = Worker.objects.get_or_create(id="w", defaults={"node": "node-1", "pid": 1})
    wallet = open_wallet(make_person(number))
    return Lease.objects.create(worker=worker, budget=wallet, amount=10)


def make_worker(number: int) -> Worker:
    return Worker.objects.create(id=f"w{number}", node="node-1", pid=number + 1)


def make_drawing(number: int, **changes: Any) -> MidjourneyTask:
    values: dict[str, Any] = {
        "mj_id": f"170000000000{number}",
        "user_id": make_person(number).pk if "user_id" not in changes else 0,
        "token_id": 1,
        "wallet_id": 1,
        "channel_id": 8,
        "request_id": f"drawing{number}",
        "code": 1,
        "action": "IMAGINE",
        "mode": "FAST",
        "status": "FAILURE",
        "fail_reason": "banned prompt",
        "units": 500,
        "refunded_units": 500,
        "prompt": "a cat",
    }
    return MidjourneyTask.objects.create(**{**values, **changes})


MAKERS: dict[str, Callable[[int], object]] = {
    "channels_app/channel": make_channel,
    "accounts/user": make_person,
    "accounts/token": make_token,
    "accounts/group": lambda number: Group.objects.create(name=f"group{number}", ratio=1),
    "billing/price": lambda number: Price.objects.create(model=f"model{number}", input=number),
    "billing/usage": make_usage,
    "billing/ledgerentry": make_person,
    "billing/rechargelot": make_person,
    "billing/budget": make_token,
    "billing/lease": make_lease,
    "billing/worker": make_worker,
    "relay/midjourneytask": make_drawing,
}
"""Path of a list to what fills it."""

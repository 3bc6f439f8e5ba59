"""What the tests of the users' pages share: a wallet with credit, calls, and their hours."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from billing.ledger import open_wallet, post_entry
from billing.models import HourlyUsage, LedgerKind, Usage
from chatapi.accounts.models import User

XSS = "<script>alert(1)</script>"


def give_credit(user: User, units: int, **more: Any) -> int:
    """Returns the wallet's id."""
    wallet = open_wallet(user).pk
    post_entry(wallet, units, kind=LedgerKind.CREDIT, **more)
    return wallet


def add_call(user: User, number: int = 0, **more: Any) -> Usage:
    """A finished call of a user, `number` minutes ago."""
    values: dict[str, Any] = {
        "request_id": f"call-{user.pk}-{number}",
        "created_at": timezone.now() - timedelta(minutes=number),
        "user_id": user.pk,
        "username": user.username,
        "token_id": 1,
        "token_name": "laptop",
        "group": "default",
        "endpoint": "chat",
        "model": "gpt-4o",
        "is_stream": False,
        "status": "ok",
        "http_status": 200,
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "is_estimated": False,
        "amount": 1750,
        "uncollected_units": 0,
        "wallet_id": open_wallet(user).pk,
        "total_ms": 1200,
        "worker_id": "w",
    }
    return Usage.objects.create(**values | more)


def add_hour(user: User, hour_at: datetime, **more: Any) -> HourlyUsage:
    values: dict[str, Any] = {
        "hour_at": hour_at.replace(minute=0, second=0, microsecond=0),
        "user_id": user.pk,
        "token_id": 1,
        "channel_id": 1,
        "model": "gpt-4o",
        "calls": 1,
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "units": 1750,
    }
    return HourlyUsage.objects.create(**values | more)

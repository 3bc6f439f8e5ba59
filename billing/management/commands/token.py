"""manage.py token create|list|revoke."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.db import transaction

from billing.ledger import balance_units, set_token_limit
from billing.models import Renews
from billing.renewals import change_renewal
from chatapi.accounts.models import Token, TokenStatus
from chatapi.accounts.people import find_user
from chatapi.accounts.tokens import TokenSettings, create_token, revoke_token
from chatapi.lib.commands import OperatorCommand, Result, add_action
from chatapi.lib.money import format_usd, parse_decimal, units_from_usd
from chatapi.options.snapshot import read_options


class Command(OperatorCommand):
    help = "Tokens: the keys that clients call with."

    def add_actions(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(required=True)
        create = add_action(
            actions, "create", create_one, "make a token; its key is shown only now"
        )
        create.add_argument("--user", required=True)
        create.add_argument("--name", required=True)
        limit = create.add_mutually_exclusive_group()
        limit.add_argument(
            "--unlimited", action="store_true", help="only the wallet limits it (default)"
        )
        limit.add_argument("--limit-usd", help="a limit of its own, in dollars")
        create.add_argument(
            "--models", default="", help="comma list; a * at the end stands for anything"
        )
        create.add_argument("--group", default="", help="instead of the user's group")
        create.add_argument("--networks", default="", help="comma list of addresses or networks")
        create.add_argument(
            "--expires", help="date or time (ISO 8601), UTC unless it says otherwise"
        )
        create.add_argument(
            "--valid-seconds", type=int, help="seconds of validity from the first call on"
        )
        create.add_argument("--billed-per-call", action="store_true")
        create.add_argument("--concurrency", type=int, help="calls at the same time")
        create.add_argument(
            "--renews",
            choices=Renews.values,
            default=Renews.NEVER.value,
            help="set what is left back to --limit-usd with each day or month",
        )
        create.add_argument("--requests-per-minute", type=int, help="0: no limit")
        listing = add_action(actions, "list", list_all, "show tokens, never their keys")
        listing.add_argument("--user")
        revoke = add_action(actions, "revoke", revoke_one, "refuse a token from now on")
        revoke.add_argument("id", type=int)


def create_one(options: dict[str, Any]) -> Result:
    user = find_user(options["user"])
    limit = options["limit_usd"]
    units = None
    if limit is not None:
        amount = parse_decimal(limit)
        if amount < 0:
            raise ValidationError("a limit must not be below zero")
        units = units_from_usd(amount, read_options().units_per_usd)
    wanted = TokenSettings(
        name=options["name"],
        is_unlimited=units is None,
        group=options["group"],
        models_text=options["models"],
        networks_text=options["networks"],
        expires_at=parse_time(options["expires"]),
        valid_seconds=options["valid_seconds"],
        is_billed_by_call=options["billed_per_call"],
        concurrency=options["concurrency"],
        requests_per_minute=options["requests_per_minute"],
    )
    with transaction.atomic():
        made = create_token(user, wanted)
        if units is not None:
            set_token_limit(made.token, units, actor="manage.py")
        change_renewal(made.token, options["renews"], units)
    return {"id": made.token.pk, "key": made.key, "name": made.token.name, "user": user.username}


def list_all(options: dict[str, Any]) -> Result:
    tokens = Token.objects.select_related("user", "budget", "renewal").order_by("id")
    if options["user"]:
        tokens = tokens.filter(user=find_user(options["user"]))
    return [describe_token(token) for token in tokens]


def revoke_one(options: dict[str, Any]) -> Result:
    token = Token.objects.select_related("user").filter(pk=options["id"]).first()
    if token is None:
        msg = f"there is no token {options['id']}"
        raise LookupError(msg)
    revoke_token(token)
    return describe_token(token)


def describe_token(token: Token) -> dict[str, Any]:
    per_usd = read_options().units_per_usd
    budget = None if token.is_unlimited else getattr(token, "budget", None)
    renewal = None if budget is None else getattr(token, "renewal", None)
    return {
        "id": token.pk,
        "name": token.name,
        "user": token.user.username,
        "key": token.key_hint,
        "status": TokenStatus(token.status).name.lower(),
        "remaining_usd": "unlimited"
        if budget is None
        else format_usd(balance_units(budget.pk), per_usd),
        "renews": Renews.NEVER.value if renewal is None else renewal.renews,
        "used_units": token.used_units,
        "expires_at": token.expires_at and token.expires_at.isoformat(),
        "valid_seconds": token.valid_seconds,
    }


def parse_time(text: str | None) -> datetime | None:
    """Raises ValueError."""
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)

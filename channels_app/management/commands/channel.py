"""manage.py channel add|list|show|set|enable|disable|copy|delete|test|balance."""

import json
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandError, CommandParser

from channels_app.catalogue import KINDS
from channels_app.copying import copy_channel
from channels_app.editing import change_channel, create_channel, find_channel
from channels_app.forms import key_hint
from channels_app.jobs import BALANCE, TEST, begin_job
from channels_app.keys import read_states
from channels_app.models import Channel, ChannelStatus
from channels_app.switching import switch_by_hand
from channels_app.tasks import do_all
from channels_app.testing import (
    channels_with_balance,
    refresh_balances,
    run_tests,
    tell_warnings,
    testable_channels,
)
from chatapi.lib.commands import OperatorCommand, Result, add_action

TEXT_FIELDS = (
    ("--name", "name", "what people call it"),
    ("--kind", "kind", "number or name of the catalogue: openai, azure, anthropic, ollama …"),
    ("--base-url", "base_url", "where the provider is, when not at its usual address"),
    ("--key", "key", "the provider's key"),
    ("--models", "models_text", "comma list of models"),
    ("--group", "groups_text", "comma list of groups"),
    ("--tag", "tag", "for sorting"),
    ("--key-strategy", "key_strategy", "order of several keys: round_robin or random"),
    ("--proxy", "proxy_url", "http://, https:// or socks5:// address"),
    ("--test-model", "test_model", "model for tests; the channel's first when left out"),
    ("--system-prompt", "system_prompt", "put before every conversation"),
    ("--notes", "notes", "for people"),
)
NUMBER_FIELDS = (
    ("--priority", "priority"),
    ("--weight", "weight"),
    ("--connect-seconds", "connect_seconds"),
    ("--first-byte-seconds", "first_byte_seconds"),
    ("--idle-seconds", "idle_seconds"),
    ("--total-seconds", "total_seconds"),
    ("--retest-seconds", "retest_seconds"),
    ("--rpm", "requests_per_minute"),
    ("--total-rpm", "total_requests_per_minute"),
    ("--tpm", "tokens_per_minute"),
    ("--requests-per-day", "requests_per_day"),
    ("--tokens-per-day", "tokens_per_day"),
    ("--max-concurrency", "max_concurrency"),
    ("--max-input-tokens", "max_input_tokens"),
)
UNDER_WAY = "another run is under way"
AUTO_BAN = "whether the channel may be disabled automatically"
HELP_OF_ALL = {
    "test": "all but those that an operator disabled; what fails is disabled, what passes enabled",
    "balance": "all whose providers tell it; what is empty is disabled",
}


class Command(OperatorCommand):
    help = "Channels: accounts at providers."

    def add_actions(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(required=True)
        add_fields(
            add_action(actions, "add", add_one, "make a channel"),
            needed=("--name", "--kind", "--models"),
        )
        add_action(actions, "list", list_all, "show all channels")
        for name, run, text in (
            ("show", show_one, "show one channel"),
            ("set", set_one, "change a channel"),
            ("copy", copy_one, "make a disabled channel with the same settings, without the key"),
            ("delete", delete_one, "remove a channel"),
        ):
            action = add_action(actions, name, run, text)
            action.add_argument("channel", help="number or name")
            if name == "set":
                add_fields(action)
            if name == "show":
                action.add_argument("--reveal", action="store_true", help="show the key")
        for name, run, text in (
            ("test", test, "send a small real call through a channel"),
            ("balance", refresh, "ask the provider what is left on the account"),
        ):
            action = add_action(actions, name, run, text)
            which = action.add_mutually_exclusive_group(required=True)
            which.add_argument("channel", nargs="?", help="number or name")
            which.add_argument("--all", action="store_true", help=HELP_OF_ALL[name])
            if name == "test":
                action.add_argument("--model", default="", help="the model for tests if left out")
        for name, status in (
            ("enable", ChannelStatus.ENABLED),
            ("disable", ChannelStatus.DISABLED),
        ):
            action = add_action(actions, name, switch, f"{name} a channel")
            action.add_argument("channel")
            action.set_defaults(new_status=status)


def add_fields(parser: ArgumentParser, needed: tuple[str, ...] = ()) -> None:
    for flag, field, text in TEXT_FIELDS:
        parser.add_argument(flag, dest=field, required=flag in needed, help=text)
    for flag, field in NUMBER_FIELDS:
        parser.add_argument(flag, dest=field, type=int)
    parser.add_argument("--usd-per-day", dest="usd_per_day", type=read_amount)
    parser.add_argument("--mapping", dest="model_mapping", type=json.loads, help="JSON object")
    parser.add_argument("--headers", dest="headers", type=json.loads, help="JSON object")
    parser.add_argument("--overrides", type=json.loads, help="JSON object of fields to set")
    parser.add_argument("--status-mapping", type=json.loads, help='JSON object: {"404": "503"}')
    parser.add_argument(
        "--setting",
        dest="kind_settings",
        action="append",
        type=read_setting,
        metavar="NAME=VALUE",
        help="what the kind asks for besides, like region=us-east-1; may be repeated",
    )
    parser.add_argument("--no-ask-usage", dest="asks_usage", action="store_false", default=None)
    for name in ("accepts_tools", "accepts_images", "claude_only", "passes_through"):
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, action=BooleanOptionalAction, default=None)
    parser.add_argument("--auto-ban", action=BooleanOptionalAction, default=None, help=AUTO_BAN)


def read_setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name.strip(), value.strip()


def read_amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ArgumentTypeError(f"{text!r} is no amount") from error


def add_one(options: dict[str, Any]) -> Result:
    return show_channel(create_channel(options))


def list_all(options: dict[str, Any]) -> Result:
    return [show_channel(channel) for channel in Channel.objects.all()]


def show_one(options: dict[str, Any]) -> Result:
    channel = find_channel(options["channel"])
    shown = show_channel(channel) | {
        "mapping": channel.model_mapping,
        "headers": sorted(channel.headers),
        "settings": sorted(channel.settings),
        "proxy": bool(channel.proxy_sealed),
    }
    return shown | ({"key": channel.key} if options["reveal"] else {})


def set_one(options: dict[str, Any]) -> Result:
    channel = find_channel(options["channel"])
    change_channel(channel, options)
    return show_channel(channel)


def switch(options: dict[str, Any]) -> Result:
    """Also what would not pass the checks may be taken out of service."""
    channel = find_channel(options["channel"])
    switch_by_hand(channel, options["new_status"], by="command line")
    return show_channel(channel)


def copy_one(options: dict[str, Any]) -> Result:
    return show_channel(copy_channel(find_channel(options["channel"])))


def delete_one(options: dict[str, Any]) -> Result:
    channel = find_channel(options["channel"])
    shown = show_channel(channel)
    channel.delete()
    return shown | {"deleted": True}


def test(options: dict[str, Any]) -> Result:
    if options["all"]:
        keys = testable_channels()
        if not do_all(TEST, begin_job(TEST, keys, acts=True)):
            raise CommandError(UNDER_WAY)
        return [show_test(channel) for channel in Channel.objects.filter(pk__in=keys)]
    channel = find_channel(options["channel"])
    (found,) = run_tests([channel], model=options["model"])
    if not found.is_ok:
        raise CommandError(f"{channel}: {found.message} ({found.milliseconds} ms)")
    shown = {"id": channel.pk, "ok": True, "model": found.model, "milliseconds": found.milliseconds}
    return shown | ({"warnings": tell_warnings(found.warnings)} if found.warnings else {})


def refresh(options: dict[str, Any]) -> Result:
    if options["all"]:
        keys = channels_with_balance()
        if not do_all(BALANCE, begin_job(BALANCE, keys)):
            raise CommandError(UNDER_WAY)
        return [show_balance(channel) for channel in Channel.objects.filter(pk__in=keys)]
    channel = find_channel(options["channel"])
    (found,) = refresh_balances([channel])
    if found.balance is None:
        raise CommandError(f"{channel}: {found.message}")
    return show_balance(channel)


def show_test(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.pk,
        "name": channel.name,
        "ok": channel.test_ok,
        "model": channel.tested_model,
        "milliseconds": channel.test_milliseconds,
        "status": ChannelStatus(channel.status).name.lower(),
        "message": channel.test_message or "; ".join(tell_warnings(channel.test_warnings)),
    }


def show_balance(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.pk,
        "name": channel.name,
        "balance": channel.balance,
        "currency": channel.balance_currency,
        "updated_at": channel.balance_updated_at,
        "message": channel.balance_message,
    }


def show_channel(channel: Channel) -> dict[str, Any]:
    """No secrets: only the end of the key."""
    return {
        "id": channel.pk,
        "name": channel.name,
        "kind": KINDS[channel.kind].name,
        "status": ChannelStatus(channel.status).name.lower(),
        "base_url": channel.base_url or KINDS[channel.kind].base_url,
        "key": key_hint(channel),
        "keys": [
            {"key": key.end, "enabled": key.is_enabled, "reason": key.reason}
            for key in read_states(channel)
        ],
        "models": ",".join(channel.model_names),
        "group": ",".join(channel.group_names),
        "priority": channel.priority,
        "weight": channel.weight,
    }

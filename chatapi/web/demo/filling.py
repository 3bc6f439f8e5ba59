"""Fills an installation with the demo, in one transaction: all of it, or nothing."""

import math
import secrets
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from constance import config
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from billing.bank import Bank
from billing.ledger import open_wallet, post_entry, set_token_limit
from billing.lots import expire_lots
from billing.models import LedgerEntry, LedgerKind, Usage, Worker
from billing.price_book import read_price_book
from billing.price_import import set_price
from billing.records import Closed
from billing.shipping import Position, close_worker, write_calls
from channels_app.editing import create_channel
from channels_app.models import Channel, ChannelStatus
from chatapi.accounts.models import Group, Token, User
from chatapi.accounts.people import set_active
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.lib.ids import make_worker_id
from chatapi.lib.node import node_name
from chatapi.options.secret_options import seal_secret
from chatapi.options.snapshot import read_options
from chatapi.web.demo.cast import (
    CHANNELS,
    GROUPS,
    PEOPLE,
    PRICES,
    SHOWN,
    TAG,
    DemoPerson,
    DemoToken,
)
from chatapi.web.demo.history import DAYS, History, Seat, Way, utc_now
from chatapi.web.demo.kept import Demo
from chatapi.web.management.commands import simulate_payments

BATCH = 1000


class NotEmpty(ValueError):
    """The installation is in use: a demo would mix with what is real."""


def has_demo() -> bool:
    return Channel.objects.filter(tag=TAG).exists()


def check_empty(*, force: bool) -> None:
    """Raises NotEmpty; with `force` only when the demo's own names are taken."""
    names = [person.name for person in PEOPLE]
    taken = list(User.objects.filter(username__in=names).values_list("username", flat=True))
    if taken:
        msg = f"there are users of the demo's names already: {', '.join(sorted(taken))}"
        raise NotEmpty(msg)
    in_use = Channel.objects.exists() or Usage.objects.exists() or User.objects.count() > 1
    if in_use and not force:
        msg = "this installation is in use; --force adds the demo to it all the same"
        raise NotEmpty(msg)


@transaction.atomic
def fill(provider_url: str) -> Demo:
    """Raises ValidationError when something of it can't be."""
    now = utc_now()
    for name, label, ratio in GROUPS:
        Group.objects.get_or_create(name=name, defaults={"label": label, "ratio": Decimal(ratio)})
    for model, prices in PRICES.items():
        set_price(model, {name: Decimal(text) for name, text in prices.items()})
    ways = make_channels(provider_url)
    offer_payments()
    seats: list[Seat] = []
    keys: dict[str, str] = {}
    for person in PEOPLE:
        made = make_person(person, now)
        seats += [seat for seat, _ in made]
        if person.name in SHOWN:
            keys[person.name] = made[0][1]
    calls = History(read_price_book(read_options()), ways, now).calls(seats)
    give_credit(seats, calls, now)
    charge(calls)
    expire_lots()
    return Demo(len(CHANNELS), len(PEOPLE), len(calls), keys)


def offer_payments() -> None:
    """Over the simulated gateways, where nothing real is set up."""
    if config.PayAddress or config.StripeSecretKey:
        return
    address = f"http://127.0.0.1:{simulate_payments.PORT}"
    key, secret = secrets.token_hex(16), f"whsec_{secrets.token_hex(16)}"
    config.PayAddress, config.EpayId, config.StripeApiAddress = address, "1001", address
    config.EpayKey = seal_secret("EpayKey", key)
    config.StripeSecretKey = seal_secret("StripeSecretKey", f"sk_test_{key}")
    config.StripeWebhookSecret = seal_secret("StripeWebhookSecret", secret)


def make_channels(provider_url: str) -> dict[str, list[Way]]:
    """The channels; returns those that serve each model, the enabled ones."""
    ways: dict[str, list[Way]] = defaultdict(list)
    for wanted in CHANNELS:
        channel = create_channel(
            {
                "name": wanted.name,
                "kind": wanted.kind,
                "base_url": provider_url,
                "key": f"demo-{secrets.token_hex(8)}",
                "models_text": wanted.models,
                "groups_text": wanted.groups,
                "priority": wanted.priority,
                "weight": wanted.weight,
                "tag": TAG,
                "status": ChannelStatus.ENABLED if wanted.is_enabled else ChannelStatus.DISABLED,
            }
        )
        if wanted.is_enabled:
            for model in channel.model_names:
                ways[model].append(Way(channel.pk, channel.name))
    return ways


def make_person(person: DemoPerson, now: datetime) -> list[tuple[Seat, str]]:
    """The user with wallet and tokens; nobody knows its password."""
    user = User(username=person.name, group=person.group, password=make_password(None))
    user.full_clean()
    user.save()
    User.objects.filter(pk=user.pk).update(date_joined=now - timedelta(days=DAYS + 7))
    wallet = open_wallet(user)
    made = []
    for wanted in person.tokens:
        token, key = _make_token(user, wanted, now)
        limit = None if wanted.limit_share is None else set_token_limit(token, 1, actor=TAG).pk
        made.append((Seat(person, wanted, user.pk, token.pk, wallet.pk, limit), key))
    if person.is_banned:
        set_active(user, active=False)
    return made


def _make_token(user: User, wanted: DemoToken, now: datetime) -> tuple[Token, str]:
    is_unlimited = wanted.limit_share is None
    made = create_token(
        user, TokenSettings(name=wanted.name, is_unlimited=is_unlimited, group=wanted.group)
    )
    Token.objects.filter(pk=made.token.pk).update(created_at=now - timedelta(days=DAYS + 7))
    return made.token, made.key


def give_credit(seats: Sequence[Seat], calls: Sequence[Closed], now: datetime) -> None:
    """Enough for what was spent, in two top-ups; the first expires, the second does not."""
    per_usd = read_options().units_per_usd
    spent: dict[int, int] = defaultdict(int)
    for call in calls:
        spent[call.token_id] += call.amount
    by_wallet: dict[int, int] = defaultdict(int)
    left = {seat.wallet_id: seat.person.left_usd * per_usd for seat in seats}
    for seat in seats:
        by_wallet[seat.wallet_id] += spent[seat.token_id]
        if seat.limit_id is not None and seat.token.limit_share is not None:
            _post(
                seat.limit_id, spent[seat.token_id] * seat.token.limit_share, LedgerKind.LIMIT, now
            )
    for wallet, units in by_wallet.items():
        total = units + left[wallet]
        first = math.ceil(total * 0.4)
        ends = now + timedelta(days=45)
        _post(wallet, first, LedgerKind.TOPUP, now - timedelta(days=DAYS), ends)
        _post(wallet, total - first, LedgerKind.TOPUP, now - timedelta(days=12))


def _post(
    budget: int, units: float, kind: LedgerKind, at: datetime, expires_at: datetime | None = None
) -> None:
    entry = post_entry(
        budget, math.ceil(units), kind=kind, actor=TAG, note="demo", expires_at=expires_at
    )
    LedgerEntry.objects.filter(pk=entry.pk).update(created_at=at)


def charge(calls: Sequence[Closed]) -> None:
    """As the recorder would: a worker leases what it charges, and ends with nothing left over."""
    worker = Worker.objects.create(pk=make_worker_id(), node=node_name(settings.DATA_DIR))
    bank = Bank(worker.pk)
    for start in range(0, len(calls), BATCH):
        batch = calls[start : start + BATCH]
        needs: dict[int, int] = defaultdict(int)
        for call in batch:
            for budget in filter(None, (call.wallet_id, call.limit_id)):
                needs[budget] += call.amount
        for budget, units in sorted(needs.items()):
            if units:
                bank.extend(budget, units, cap=0)
        write_calls(worker.pk, batch)
    close_worker(worker.pk, [], Position(1, 0))

"""Makes orders, and finds them again."""

import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.models import Order, OrderState
from billing.payments.gateways.base import Checkout, Gateway, Places, Way
from billing.payments.gateways.registry import open_gateway
from billing.payments.quote import Quote, round_money
from chatapi.accounts.models import User
from chatapi.lib.money import EXACT

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Capitals without I, O, 0 and 1: people read numbers aloud, and some databases ignore case."""
RANDOM_LETTERS = 16
ASK_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=24),
)
"""After the order was made; after the last of them an unpaid order is closed."""
MOST_PENDING = 20
PENDING_WINDOW = timedelta(hours=1)


class TooManyOrders(Exception):
    """The user has many orders of the last hour that nobody paid."""


def make_number() -> str:
    """`A20261129` and 80 random bits."""
    tail = "".join(secrets.choice(LETTERS) for _ in range(RANDOM_LETTERS))
    return f"A{timezone.localdate():%Y%m%d}{tail}"


def place_order(user: User, quote: Quote, way: Way) -> Order:
    """Freeze what is bought, for how much, and how it is paid.

    Raises NotConfigured, NotForSale, or TooManyOrders.
    """
    gateway = open_gateway(way.gateway)
    now = timezone.now()
    recent = Order.objects.filter(
        user=user, state=OrderState.PENDING, created_at__gt=now - PENDING_WINDOW
    )
    if recent.count() >= MOST_PENDING:
        raise TooManyOrders
    return Order.objects.create(
        number=make_number(),
        user=user,
        gateway=gateway.name,
        method=way.method,
        merchant=gateway.merchant,
        usd=quote.usd,
        units=quote.units,
        money=price_at(gateway, quote),
        currency=gateway.currency,
        valid_days=quote.valid_days,
        price_parts=_parts(user, quote, gateway),
        ask_at=now + ASK_AFTER[0],
    )


def price_at(gateway: Gateway, quote: Quote) -> Decimal:
    """In the gateway's currency. Raises NotForSale."""
    return round_money(EXACT.multiply(quote.exact, gateway.factor), gateway.digits)


def begin_payment(order: Order, places: Places) -> Checkout:
    """Where to pay; asks the gateway for it at most once. Raises NotConfigured or GatewayFailed."""
    if order.pay_url:
        return Checkout(order.pay_url, session=order.session)
    checkout = open_gateway(order.gateway).begin(order, places)
    if checkout.session:
        with transaction.atomic():
            Order.objects.filter(pk=order.pk).update(session=checkout.session, pay_url=checkout.url)
    return checkout


def may_be_paid(order: Order) -> bool:
    return order.state == OrderState.PENDING


def _parts(user: User, quote: Quote, gateway: Gateway) -> dict[str, Any]:
    return {
        "rate": str(quote.rate),
        "group": user.group,
        "factor": str(quote.factor),
        "discount": str(quote.discount),
        "exchange": str(gateway.factor),
    }

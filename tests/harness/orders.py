"""Orders and the notices that a gateway would send of them, for tests in this process."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from billing.models import Order, OrderState
from billing.payments.notice import Notice, Told
from billing.payments.orders import make_number
from billing.payments.receiving import Sender
from chatapi.accounts.models import User
from tests.harness.ledgers import Payer

SENDER = Sender("notify", "192.0.2.1")


def new_order(payer: Payer, **more: Any) -> Order:
    return order_of(payer.user, **more)


def order_of(user: User, **more: Any) -> Order:
    """An unpaid order of ten dollars over Epay."""
    values: dict[str, Any] = {
        "number": make_number(),
        "gateway": "epay",
        "method": "alipay",
        "merchant": "1001",
        "usd": 10,
        "units": 5_000_000,
        "money": Decimal("73.00"),
        "currency": "CNY",
        "valid_days": 30,
    }
    return Order.objects.create(user=user, **{**values, **more})


def paid(order: Order, **more: Any) -> Notice:
    """What the gateway says when this order was paid."""
    notice = Notice(
        gateway=order.gateway,
        told=Told.PAID,
        number=order.number,
        trade=f"T{order.number}",
        merchant=order.merchant,
        method=order.method,
        money=order.money,
        data={"out_trade_no": order.number},
    )
    return replace(notice, **more)


def state_of(order: Order) -> OrderState:
    return OrderState(Order.objects.values_list("state", flat=True).get(pk=order.pk))

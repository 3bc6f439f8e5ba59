"""What operators are told of payments: of what is authentic each, of nonsense, which anybody may
send, now and then.
"""

import time

import structlog
from django.core.cache import cache

from billing.models import Order
from billing.payments.notice import Notice
from notifications.outbox import tell

log = structlog.get_logger("payments")

QUIET_SECONDS = 600


def tell_unproven(gateway: str, reason: str, number: str) -> None:
    """At most once in ten minutes and gateway: of a reference there is one."""
    window = int(time.time()) // QUIET_SECONDS
    data = {"gateway": gateway, "reason": reason, "order": number}
    tell("callback_failed", data, reference=f"callback_failed:{gateway}:{window}")


def tell_refused(order: Order, fault: str) -> None:
    """An authentic notice that does not fit its order: once for each order and fault."""
    data = {"gateway": order.gateway, "reason": fault, "order": order.number}
    tell("callback_failed", data, reference=f"callback_failed:{order.number}:{fault}")


def log_unconfigured(gateway: str) -> None:
    if cache.add(f"payments:unconfigured:{gateway}", 1, QUIET_SECONDS):
        log.warning("payment_notice_without_gateway", gateway=gateway)


def tell_orphan(notice: Notice, key: str, reason: str) -> None:
    """Each: it is real money."""
    data: dict[str, str | int] = {
        "gateway": notice.gateway,
        "reason": reason,
        "order": notice.number,
        "trade": notice.trade,
        "price": "" if notice.money is None else str(notice.money),
    }
    tell("callback_failed", data, reference=f"callback_failed:{key}"[:120])


def tell_refund(order: Order, units: int, uncollectable_units: int, reference: str) -> None:
    data: dict[str, str | int] = {
        "order": order.number,
        "user": order.user.username,
        "units": units,
        "uncollectable_units": uncollectable_units,
        "price": f"{order.refunded_money} {order.currency}",
        "state": str(order.state),
    }
    tell("order_refunded", data, reference=f"order_refunded:operators:{reference}")
    tell("order_refunded", data, user=order.user_id, reference=f"order_refunded:{reference}")


def tell_inquiry(order: Order, status: str) -> None:
    data: dict[str, str | int] = {
        "order": order.number,
        "user": order.user.username,
        "price": f"{order.money} {order.currency}",
        "state": status,
    }
    tell("order_inquiry", data, reference=f"order_inquiry:{order.number}:{status}")


def tell_dispute_won(order: Order) -> None:
    data: dict[str, str | int] = {
        "order": order.number,
        "user": order.user.username,
        "units": order.reclaimed_units,
        "uncollectable_units": order.uncollectable_units,
        "price": f"{order.money} {order.currency}",
        "state": "dispute_won",
    }
    tell("order_refunded", data, reference=f"dispute_won:{order.number}")

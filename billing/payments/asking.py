"""Asks gateways after orders that no notice came for."""

import time
from datetime import timedelta

import structlog
from django.db.models import F, QuerySet

from billing.models import Order, OrderState, Verdict
from billing.payments.gateways.registry import open_gateway
from billing.payments.notice import GatewayFailed, NotConfigured
from billing.payments.orders import ASK_AFTER, PENDING_WINDOW
from billing.payments.receiving import Sender, close_order, receive
from chatapi.lib.database_clock import database_now

log = structlog.get_logger("payments")

LEASE = timedelta(minutes=3)
"""So long an order belongs to the process that asks after it."""
MOST_AT_ONCE = 100
ROUND_SECONDS = 15.0
"""Below the timetable's step: a gateway that hangs does not take up one thread after the other."""
QUERY = Sender("query")


def ask_order(order: Order, sender: Sender = QUERY) -> Verdict | None:
    """What the gateway's answer came to; None: it knows of no payment. Raises GatewayFailed or
    NotConfigured.
    """
    notice = open_gateway(order.gateway).ask(order)
    return None if notice is None else receive(notice, sender)


def close_old_orders(orders: QuerySet[Order]) -> int:
    """Of these, those that have been unpaid for an hour are asked after a last time now, and closed
    unless that tells of a payment. Returns how many there are.
    """
    now = database_now()
    old = orders.filter(state=OrderState.PENDING, created_at__lt=now - PENDING_WINDOW)
    return old.update(asked_count=len(ASK_AFTER) - 1, ask_at=now)


def ask_due_orders() -> int:
    """Orders that are still unpaid after 1, 5, 30 minutes and a day; the last time closes them.
    Returns how many were asked after. Safe to run twice at once.
    """
    due = Order.objects.filter(state=OrderState.PENDING, ask_at__lte=database_now())
    end = time.monotonic() + ROUND_SECONDS
    asked = 0
    for order in list(due.order_by("ask_at")[:MOST_AT_ONCE]):
        if time.monotonic() > end:
            break
        asked += _ask_once(order)
    return asked


def _ask_once(order: Order) -> bool:
    mine = Order.objects.filter(pk=order.pk, ask_at=order.ask_at, state=OrderState.PENDING)
    if not mine.update(ask_at=database_now() + LEASE, asked_count=F("asked_count") + 1):
        return False
    try:
        ask_order(order)
    except NotConfigured:
        log.info("gateway_not_configured", gateway=order.gateway)
    except GatewayFailed as error:
        log.warning("gateway_not_asked", gateway=order.gateway, error=str(error))
    number = order.asked_count + 1
    if number < len(ASK_AFTER):
        next_at = order.created_at + ASK_AFTER[number]
        Order.objects.filter(pk=order.pk, state=OrderState.PENDING).update(ask_at=next_at)
    else:
        close_order(order)
    return True

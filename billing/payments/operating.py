"""What operators do with an order by hand: all of it audited, in the transaction of the act."""

from decimal import Decimal

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from billing.models import Order, OrderState, PaymentNotice, Verdict
from billing.payments.receiving import PAYABLE, credit_order
from billing.payments.reclaiming import note_refund
from chatapi.console.audit import record_act
from chatapi.lib.retrying import retried

BY_HAND = "operator"
REFUNDABLE = (OrderState.PAID, OrderState.REFUNDED)


class NotPossible(Exception):
    """The order is not in a state for this, or the amount does not fit."""


@retried
def complete_order(order_id: int, request: HttpRequest, *, reason: str, trade: str = "") -> Order:
    """Credit an order whose payment the operator has seen at the gateway. `trade` is the gateway's
    number of it: no other order can be paid with the same. Raises NotPossible.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        before = order.state
        if before not in PAYABLE:
            raise NotPossible
        key = f"{order.gateway}:{trade}" if trade else None
        verdict = credit_order(order, key, actor=request.user.get_username())
        if verdict != Verdict.CREDITED:
            raise NotPossible
        _keep(order, request, verdict, "completed", reason)
        record_act(
            "order.complete",
            request=request,
            target=order,
            before={"state": before},
            after={"state": OrderState.PAID.value, "units": order.units, "trade": trade},
            note=reason,
        )
    order.refresh_from_db()
    return order


@retried
def refund_order(order_id: int, request: HttpRequest, *, money: Decimal, reason: str) -> Order:
    """Take credit back for money that the operator has returned at the gateway: `money` is all that
    was returned of this order so far. Raises NotPossible.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.state not in REFUNDABLE or not order.refunded_money < money <= order.money:
            raise NotPossible
        verdict = note_refund(order, money, OrderState.REFUNDED)
        _keep(order, request, verdict, "refunded", reason)
        before = order.refunded_money
        order.refresh_from_db()
        record_act(
            "order.refund",
            request=request,
            target=order,
            before={"refunded": str(before)},
            after={
                "refunded": str(order.refunded_money),
                "reclaimed_units": order.reclaimed_units,
                "uncollectable_units": order.uncollectable_units,
            },
            note=reason,
        )
    return order


def settle_orphan(notice_id: int, request: HttpRequest, *, reason: str) -> bool:
    """Say that an orphaned payment was dealt with; False when somebody did already."""
    with transaction.atomic():
        orphans = PaymentNotice.objects.filter(
            pk=notice_id, verdict=Verdict.ORPHAN, settled_at=None
        )
        if not orphans.update(settled_at=timezone.now(), actor=request.user.get_username()):
            return False
        orphan = PaymentNotice.objects.get(pk=notice_id)
        record_act("payment.settle", request=request, target=orphan, note=reason)
    return True


def _keep(order: Order, request: HttpRequest, verdict: Verdict, what: str, reason: str) -> None:
    PaymentNotice.objects.create(
        order=order,
        gateway=order.gateway,
        source=BY_HAND,
        verdict=verdict,
        reason=what,
        data={"note": reason[:500]},
        actor=request.user.get_username(),
    )

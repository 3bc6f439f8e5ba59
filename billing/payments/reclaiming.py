"""Takes credit back after a refund or a dispute: what is left of its lot, never anything else."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing import commissions
from billing.ledger import NotEnoughRemaining, post_entry
from billing.models import Budget, LedgerKind, Order, OrderState, RechargeLot, Verdict
from billing.payments import alarms
from chatapi.lib.retrying import retried
from chatapi.options.feed import publish

ASK_AGAIN = timedelta(hours=1)
"""So long credit that was held by calls at the time of the refund is asked for again."""

AFTER_PAYMENT = (OrderState.REFUNDED, OrderState.CHARGED_BACK)


def note_refund(order: Order, money: Decimal, state: OrderState) -> Verdict:
    """Of `money` in all; inside a transaction that has locked the order. What was told before, or
    less than before, changes nothing.
    """
    orders = Order.objects.filter(pk=order.pk)
    if state == OrderState.CHARGED_BACK:
        news = orders.exclude(state=OrderState.CHARGED_BACK)
    else:
        news = orders.filter(refunded_money__lt=money)
    if not news.update(refunded_money=max(money, order.refunded_money)):
        return Verdict.REPEATED
    if order.entry_id is None:
        # Told before the payment was: `credit_order` comes back to it.
        return Verdict.NOTED
    orders.update(state=state)
    reclaim_all(order.pk)
    return Verdict.TAKEN_BACK


def reclaim_all(order_id: int) -> None:
    """Take back the refunded part as far as it is there now; the rest is asked for again."""
    order = Order.objects.select_related("user").get(pk=order_id)
    share = min(order.refunded_money / order.money, Decimal(1))
    units = int((order.units * share).to_integral_value(rounding=ROUND_HALF_UP))
    units = max(min(units, order.units), order.reclaim_units)
    Order.objects.filter(pk=order_id).update(
        reclaim_units=units,
        reclaim_until=timezone.now() + ASK_AGAIN,
        state=order.state if order.state in AFTER_PAYMENT else OrderState.REFUNDED,
    )
    key = f"{order.number}:{order.refunded_money}"
    # The wallet first, as in a recharge: all lock the two in one order.
    reclaim(order_id)
    commissions.reclaim_commission(f"order:{order.number}", share)
    order.refresh_from_db()
    alarms.tell_refund(order, order.reclaimed_units, order.uncollectable_units, key)


@retried
def reclaim(order_id: int) -> int:
    """Take what the order still owes and its lot still has; returns the units."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        missing = order.uncollectable_units
        lot = RechargeLot.objects.filter(entry_id=order.entry_id).first()
        if not missing or lot is None:
            return 0
        # In the order in which all lock money: budget, then lot.
        remaining = Budget.objects.select_for_update().get(pk=lot.budget_id).remaining
        lot = RechargeLot.objects.select_for_update().get(pk=lot.pk)
        units = min(missing, lot.left, remaining)
        if min(missing, lot.left) > remaining:
            # Calls hold it for the moment.
            publish("want", lot.budget_id)
        if units <= 0:
            return 0
        try:
            post_entry(
                lot.budget_id,
                -units,
                kind=LedgerKind.RECLAIM,
                reference=f"reclaim:{order.number}:{order.reclaimed_units}",
                note=order.number,
            )
        except NotEnoughRemaining:
            return 0
        RechargeLot.objects.filter(pk=lot.pk).update(left=F("left") - units)
        Order.objects.filter(pk=order_id).update(reclaimed_units=F("reclaimed_units") + units)
    return units


def reclaim_again() -> int:
    """For refunds of the last hour; returns the units. Safe to run twice at once."""
    due = Order.objects.filter(
        reclaim_until__gt=timezone.now(), reclaim_units__gt=F("reclaimed_units")
    )
    return sum(reclaim(order_id) for order_id in due.values_list("pk", flat=True)[:500])

"""What notices do to orders. A notice is compared with the order in every point before it counts;
its credit, the order's new state and the kept notice are one transaction.
"""

from dataclasses import dataclass

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.models import LedgerKind, Order, OrderState, PaymentNotice, Verdict
from billing.payments import alarms
from billing.payments.notice import Notice, Told
from billing.payments.reclaiming import note_refund, reclaim_all
from billing.recharges import Recharge, post_recharge
from chatapi.lib.retrying import retried

log = structlog.get_logger("payments")

PAYABLE = (OrderState.PENDING, OrderState.CLOSED)
MOST_NOTICES = 50
"""Kept per order; those that move money are always kept."""
NO_MONEY = frozenset({Told.WAITING, Told.FAILED, Told.INQUIRY})
PAID_AGAIN = "paid_again"


@dataclass(frozen=True, slots=True)
class Sender:
    """`source` is notify, query or operator."""

    source: str
    address: str = ""
    actor: str = ""


@retried
def receive(notice: Notice, sender: Sender) -> Verdict:
    """Do what an authentic notice says. The same notice again, or one that comes too late or too
    early, changes nothing that it should not.
    """
    with transaction.atomic():
        order = find_order(notice)
        if order is None:
            return _keep_unknown(notice, sender)
        # Not before the order is locked: the same event may come twice at the same moment.
        if notice.event and PaymentNotice.objects.filter(key=_event_key(notice)).exists():
            return Verdict.REPEATED
        fault = find_fault(order, notice)
        if fault:
            log.warning("payment_refused", order=order.number, reason=fault)
            alarms.tell_refused(order, fault)
            _keep(notice, sender, order, Verdict.REFUSED, fault)
            return Verdict.REFUSED
        if is_second_payment(order, notice):
            _keep(notice, sender, order, Verdict.NOTED, PAID_AGAIN)
            return _keep_orphan(notice, sender, notice.trade, PAID_AGAIN)
        verdict = _apply(order, notice, sender)
        _keep(notice, sender, order, verdict, notice.told.value)
    return verdict


def find_order(notice: Notice) -> Order | None:
    """The order that a notice speaks of, locked."""
    orders = Order.objects.select_for_update().filter(gateway=notice.gateway)
    if notice.number:
        return orders.filter(number=notice.number).first()
    if notice.trade_key and notice.told not in {Told.PAID, Told.WAITING}:
        return orders.filter(trade_key=notice.trade_key).first()
    return None


def find_fault(order: Order, notice: Notice) -> str:
    """What of the notice is not as the order says; '' when all is."""
    checks = {
        "gateway": notice.gateway == order.gateway,
        "merchant": notice.merchant == order.merchant,
        "method": not notice.method or notice.method == order.method,
        "currency": not notice.currency or notice.currency == order.currency,
        "amount": _is_amount_right(order, notice),
        "trade": bool(notice.trade) or notice.told is not Told.PAID,
        "session": not (notice.session and order.session) or notice.session == order.session,
    }
    return next((name for name, is_right in checks.items() if not is_right), "")


def _is_amount_right(order: Order, notice: Notice) -> bool:
    if notice.told is Told.PAID:
        return notice.money == order.money
    if notice.told is Told.REFUNDED:
        return notice.money is not None and 0 < notice.money <= order.money
    return True


def is_second_payment(order: Order, notice: Notice) -> bool:
    """Real money beside that which paid the order. Of one that was completed by hand without a
    number nobody knows which payment that was.
    """
    is_paid = order.state not in PAYABLE
    return notice.told is Told.PAID and is_paid and notice.trade_key != order.trade_key


def _apply(order: Order, notice: Notice, sender: Sender) -> Verdict:
    match notice.told:
        case Told.PAID:
            return credit_order(order, notice.trade_key, actor=sender.actor)
        case Told.FAILED:
            return Verdict.CLOSED if close_order(order) else Verdict.NOTED
        case Told.REFUNDED:
            return note_refund(order, notice.money or order.money, OrderState.REFUNDED)
        case Told.DISPUTED:
            return note_refund(order, order.money, OrderState.CHARGED_BACK)
        case Told.INQUIRY:
            alarms.tell_inquiry(order, notice.data.get("status", ""))
        case Told.DISPUTE_WON:
            alarms.tell_dispute_won(order)
    return Verdict.NOTED


def credit_order(order: Order, trade_key: str | None, *, actor: str = "") -> Verdict:
    """pending or closed → paid, with the credit; inside a transaction that has locked the order."""
    payable = Order.objects.filter(pk=order.pk, state__in=PAYABLE)
    now = timezone.now()
    paid = {"state": OrderState.PAID, "paid_at": now, "trade_key": trade_key, "ask_at": None}
    try:
        with transaction.atomic():
            if not payable.update(**paid):
                return Verdict.REPEATED
    except IntegrityError:
        # Another order was paid with this very payment.
        alarms.tell_refused(order, "trade_used")
        return Verdict.REFUSED
    entry = post_recharge(
        Recharge(
            user_id=order.user_id,
            units=order.units,
            kind=LedgerKind.TOPUP,
            reference=order_reference(order),
            valid_days=order.valid_days,
            note=order.number,
            actor=actor or order.gateway,
            price=f"{order.money} {order.currency}",
        )
    )
    Order.objects.filter(pk=order.pk).update(entry=entry)
    log.info("order_credited", order=order.number, units=order.units)
    if order.refunded_money:
        # The refund was told before the payment: nothing is kept of it.
        reclaim_all(order.pk)
    return Verdict.CREDITED


def close_order(order: Order) -> bool:
    """A payment that comes all the same is still credited."""
    pending = Order.objects.filter(pk=order.pk, state=OrderState.PENDING)
    return bool(pending.update(state=OrderState.CLOSED, closed_at=timezone.now(), ask_at=None))


def order_reference(order: Order) -> str:
    """Of the order's entry in the ledger."""
    return f"order:{order.number}"


def keep_refused(gateway: str, reason: str, number: str, sender: Sender) -> None:
    """A notice that nobody can prove: kept with the order it names if there is one, and told to
    the operators now and then.
    """
    log.warning("payment_notice_refused", gateway=gateway, reason=reason)
    alarms.tell_unproven(gateway, reason, number)
    order = Order.objects.filter(number=number, gateway=gateway).first() if number else None
    if order is None or _is_full(order):
        return
    PaymentNotice.objects.create(
        order=order,
        gateway=gateway,
        source=sender.source,
        verdict=Verdict.REFUSED,
        reason=reason,
        address=sender.address,
    )


def _keep(notice: Notice, sender: Sender, order: Order, verdict: Verdict, reason: str) -> None:
    moves_money = verdict in {Verdict.CREDITED, Verdict.TAKEN_BACK}
    if not moves_money and not notice.event and _is_full(order):
        return
    PaymentNotice.objects.create(
        order=order,
        gateway=notice.gateway,
        source=sender.source,
        verdict=verdict,
        reason=reason,
        key=_event_key(notice) if notice.event else None,
        data=dict(notice.data),
        actor=sender.actor,
        address=sender.address,
    )


def _keep_unknown(notice: Notice, sender: Sender) -> Verdict:
    """Of an order that is not here."""
    if notice.told in NO_MONEY:
        return Verdict.NOTED
    name = notice.event or notice.trade or notice.number
    return _keep_orphan(notice, sender, name, notice.told.value)


def _keep_orphan(notice: Notice, sender: Sender, name: str, reason: str) -> Verdict:
    """Money that no order waits for: kept and told once by this name, until an operator has settled
    it.
    """
    key = f"orphan:{notice.gateway}:{name}"
    money = "" if notice.money is None else str(notice.money)
    values = {
        "gateway": notice.gateway,
        "source": sender.source,
        "verdict": Verdict.ORPHAN,
        "reason": reason,
        "data": {**notice.data, "number": notice.number, "money": money, "trade": notice.trade},
        "address": sender.address,
    }
    _, is_new = PaymentNotice.objects.get_or_create(key=key, defaults=values)
    if is_new:
        alarms.tell_orphan(notice, key, PAID_AGAIN if reason == PAID_AGAIN else "orphan")
    return Verdict.ORPHAN


def _is_full(order: Order) -> bool:
    return PaymentNotice.objects.filter(order=order).count() >= MOST_NOTICES


def _event_key(notice: Notice) -> str:
    return f"event:{notice.gateway}:{notice.event}"

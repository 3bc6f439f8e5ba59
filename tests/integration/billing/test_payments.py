"""Notices of payments: good ones credit once, all others never, whatever the order they come in."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from billing.models import (
    LedgerEntry,
    LedgerKind,
    Order,
    OrderState,
    PaymentNotice,
    RechargeLot,
    Verdict,
)
from billing.payments.asking import ask_due_orders
from billing.payments.gateways.epay import Epay, read_pairs
from billing.payments.notice import Notice, NoticeRefused, Told
from billing.payments.orders import ASK_AFTER
from billing.payments.receiving import credit_order, keep_refused, receive
from billing.payments.reclaiming import reclaim_again
from notifications.models import Notice as Told_
from tests.harness.ledgers import add_lot, at_once, faults_of, lease, new_payer, new_worker
from tests.harness.orders import SENDER, new_order, paid, state_of

pytestmark = pytest.mark.usefixtures("database")

UNITS = 5_000_000


def test_good_notice_credits_once_and_its_lot_ends_when_it_was_sold_to() -> None:
    payer = new_payer(0)
    order = new_order(payer)

    assert receive(paid(order), SENDER) == Verdict.CREDITED
    assert [receive(paid(order), SENDER) for _ in range(3)] == [Verdict.REPEATED] * 3

    order.refresh_from_db()
    lot = RechargeLot.objects.get(entry=order.entry)
    assert lot.expires_at is not None
    assert abs(lot.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=5)
    assert (order.state, payer.balance, lot.left) == (OrderState.PAID, UNITS, UNITS)
    told = Told_.objects.filter(event="recharge_done", reference__contains=order.number)
    assert sorted(bool(notice.user_id) for notice in told) == [False, True]
    assert faults_of(payer) == []


def test_hundred_notices_at_once_credit_once() -> None:
    payer = new_payer(0)
    order = new_order(payer)

    verdicts = at_once(20, lambda _: [receive(paid(order), SENDER) for _ in range(5)])

    flat = [verdict for row in verdicts for verdict in row]
    assert flat.count(Verdict.CREDITED) == 1
    assert set(flat) == {Verdict.CREDITED, Verdict.REPEATED}
    assert (payer.balance, faults_of(payer)) == (UNITS, [])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"money": Decimal("72.99")}, "amount"),
        ({"money": Decimal("73.01")}, "amount"),
        ({"money": None}, "amount"),
        ({"merchant": "1002"}, "merchant"),
        ({"method": "wxpay"}, "method"),
        ({"currency": "USD"}, "currency"),
        ({"trade": ""}, "trade"),
    ],
)
def test_notice_that_does_not_fit_the_order_credits_nothing(
    change: dict[str, Any], fault: str
) -> None:
    payer = new_payer(0)
    order = new_order(payer)

    assert receive(paid(order, **change), SENDER) == Verdict.REFUSED

    kept = PaymentNotice.objects.get(order=order)
    assert (kept.verdict, kept.reason) == (Verdict.REFUSED, fault)
    assert (payer.balance, state_of(order)) == (0, OrderState.PENDING)


def test_one_gateway_cannot_pay_an_order_of_the_other() -> None:
    payer = new_payer(0)
    order = new_order(payer)

    assert receive(paid(order, gateway="stripe"), SENDER) == Verdict.ORPHAN
    assert payer.balance == 0


def test_one_payment_does_not_pay_two_orders() -> None:
    payer = new_payer(0)
    first, second = new_order(payer), new_order(payer)

    receive(paid(first), SENDER)
    assert receive(paid(second, trade=f"T{first.number}"), SENDER) == Verdict.REFUSED

    assert (payer.balance, state_of(second)) == (UNITS, OrderState.PENDING)


def test_payment_of_an_unknown_order_is_kept_once_and_told() -> None:
    number = f"A{new_payer(0).user.pk}-gone"
    lost = Notice("epay", Told.PAID, number, trade=f"T{number}", money=Decimal(5))

    assert at_once(6, lambda _: receive(lost, SENDER)) == [Verdict.ORPHAN] * 6

    orphan = PaymentNotice.objects.get(key__contains=number)
    assert (orphan.order, orphan.data["money"]) == (None, "5")
    assert Told_.objects.filter(event="callback_failed", reference__contains=number).count() == 1


@pytest.mark.parametrize("by_hand", [False, True])
def test_second_payment_of_an_order_is_kept_and_told(*, by_hand: bool) -> None:
    payer = new_payer(0)
    order = new_order(payer)
    if by_hand:
        with transaction.atomic():
            credit_order(order, None, actor="root")
    else:
        receive(paid(order), SENDER)
    second = paid(order, trade=f"B{order.number}")

    assert at_once(6, lambda _: receive(second, SENDER)) == [Verdict.ORPHAN] * 6

    orphan = PaymentNotice.objects.get(key=f"orphan:epay:B{order.number}")
    assert (orphan.reason, orphan.settled_at) == ("paid_again", None)
    told = Told_.objects.get(event="callback_failed", reference__contains=order.number)
    assert (told.data["order"], told.data["trade"]) == (order.number, f"B{order.number}")
    assert (payer.balance, state_of(order)) == (UNITS, OrderState.PAID)


def test_refusals_of_authentic_notices_are_told_beside_noise() -> None:
    order = new_order(new_payer(0))
    with pytest.raises(NoticeRefused) as noise:
        Epay("https://pay.example.com", "1001", "merchant-key-1").read_notice(
            read_pairs("out_trade_no=%00forged", b"")
        )
    keep_refused("epay", noise.value.reason, noise.value.number, SENDER)
    assert Told_.objects.filter(event="callback_failed", data__reason="signature").exists()

    with transaction.atomic():
        receive(paid(order, money=Decimal(1)), SENDER)
        transaction.set_rollback(True)
    for change in ({"money": Decimal(1)}, {"money": Decimal(2)}, {"method": "wxpay"}):
        assert receive(paid(order, **change), SENDER) == Verdict.REFUSED

    told = Told_.objects.filter(event="callback_failed", reference__contains=order.number)
    assert sorted(notice.data["reason"] for notice in told) == ["amount", "method"]


def test_late_payment_of_a_closed_order_is_credited() -> None:
    payer = new_payer(0)
    order = new_order(payer)
    assert receive(paid(order, told=Told.FAILED), SENDER) == Verdict.CLOSED

    assert receive(paid(order), SENDER) == Verdict.CREDITED
    # And the notice that it was never paid comes again.
    assert receive(paid(order, told=Told.FAILED), SENDER) == Verdict.NOTED

    assert (payer.balance, state_of(order)) == (UNITS, OrderState.PAID)


def test_event_with_the_same_number_is_done_once_and_another_of_the_same_session_too() -> None:
    payer = new_payer(0)
    order = new_order(payer, gateway="stripe", method="card", merchant="test")

    event = paid(order, event=f"evt_{order.number}")
    verdicts = at_once(6, lambda _: receive(event, SENDER))
    verdicts.append(receive(paid(order, event=f"evt_other_{order.number}"), SENDER))

    assert Counter(verdicts) == {Verdict.CREDITED: 1, Verdict.REPEATED: 6}
    assert payer.balance == UNITS


def test_refund_takes_what_is_left_of_its_own_lot_and_shows_the_rest() -> None:
    payer = new_payer(0)
    other = add_lot(payer, 1_000, None)
    order = new_order(payer)
    receive(paid(order), SENDER)
    spend(payer, 2_000_000)

    refund = paid(order, told=Told.REFUNDED)
    assert receive(refund, SENDER) == Verdict.TAKEN_BACK
    assert receive(refund, SENDER) == Verdict.REPEATED

    order.refresh_from_db()
    other.refresh_from_db()
    assert order.state == OrderState.REFUNDED
    assert (order.reclaimed_units, order.uncollectable_units) == (3_000_000, 2_000_000)
    assert (payer.balance, other.left, faults_of(payer)) == (1_000, 1_000, [])


def test_partial_refunds_add_up_and_never_take_more_than_was_bought() -> None:
    payer = new_payer(0)
    order = new_order(payer)
    receive(paid(order), SENDER)

    for money in ("7.30", "36.50", "20.00", "73.00"):
        receive(paid(order, told=Told.REFUNDED, money=Decimal(money)), SENDER)

    entries = LedgerEntry.objects.filter(budget=payer.wallet, kind=LedgerKind.RECLAIM)
    amounts = list(entries.order_by("id").values_list("amount", flat=True))
    assert amounts == [-500_000, -2_000_000, -2_500_000]
    assert (payer.balance, faults_of(payer)) == (0, [])
    more = paid(order, told=Told.REFUNDED, money=Decimal("73.01"))
    assert receive(more, SENDER) == Verdict.REFUSED


def test_credit_that_calls_hold_is_taken_when_it_comes_back() -> None:
    payer, worker = new_payer(0), new_worker()
    order = new_order(payer)
    receive(paid(order), SENDER)
    lease(worker, payer, UNITS)

    receive(paid(order, told=Told.DISPUTED, number="", money=None), SENDER)
    order.refresh_from_db()
    assert (order.state, order.reclaimed_units) == (OrderState.CHARGED_BACK, 0)
    give_back(worker, payer, UNITS)
    at_once(4, lambda _: reclaim_again())

    order.refresh_from_db()
    assert (order.reclaimed_units, payer.balance, faults_of(payer)) == (UNITS, 0, [])


def test_refund_that_is_told_before_the_payment_leaves_nothing() -> None:
    payer = new_payer(0)
    order = new_order(payer, gateway="stripe", method="card", merchant="test")

    assert receive(paid(order, told=Told.REFUNDED, event="r" + order.number), SENDER) == (
        Verdict.NOTED
    )
    receive(paid(order, event="p" + order.number), SENDER)

    assert (state_of(order), payer.balance) == (OrderState.REFUNDED, 0)
    assert faults_of(payer) == []


def test_notices_kept_of_one_order_are_few() -> None:
    payer = new_payer(0)
    order = new_order(payer)
    for _ in range(60):
        receive(paid(order, money=Decimal(1)), SENDER)
    assert receive(paid(order), SENDER) == Verdict.CREDITED
    assert PaymentNotice.objects.filter(order=order).count() == 51


def spend(payer: Any, units: int) -> None:
    from billing.shipping import write_calls  # noqa: PLC0415 -- as the recorder books it

    worker = new_worker()
    lease(worker, payer, units)
    write_calls(worker, [payer.closed(units)])


def give_back(worker: str, payer: Any, units: int) -> None:
    from billing.bank import Bank  # noqa: PLC0415 -- as a worker does it

    Bank(worker).give_back(payer.wallet, units)


def test_numbers_are_not_guessable() -> None:
    payer = new_payer(0)
    numbers = {new_order(payer).number for _ in range(50)}
    assert len(numbers) == 50
    assert all(len(number) == 25 for number in numbers)
    assert Order.objects.filter(user=payer.user).count() == 50


def test_unpaid_order_is_asked_after_by_one_process_and_closed_after_the_last_time() -> None:
    payer = new_payer(0)
    now = timezone.now()
    first = new_order(payer, ask_at=now)
    last = new_order(payer, ask_at=now, asked_count=len(ASK_AFTER) - 1)
    later = new_order(payer, ask_at=now + timedelta(minutes=1))

    asked = at_once(4, lambda _: ask_due_orders())

    assert sum(asked) == 2
    first.refresh_from_db()
    assert (first.state, first.asked_count) == (OrderState.PENDING, 1)
    assert first.ask_at == first.created_at + ASK_AFTER[1]
    assert state_of(last) == OrderState.CLOSED
    assert state_of(later) == OrderState.PENDING
    assert receive(paid(last), SENDER) == Verdict.CREDITED

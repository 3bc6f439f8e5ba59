"""Redemption codes, commission and withdrawals: each unit moves once, whoever asks how often."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from billing.audit import audit_budgets
from billing.commissions import (
    BelowMinimum,
    commission_units,
    open_commission,
    read_earnings,
    reward_invitation,
    transfer_commission,
)
from billing.ledger import AlreadyPosted, NotEnoughRemaining, balance_units
from billing.lots import expire_lots, warn_of_expiry
from billing.models import (
    CodeState,
    LedgerEntry,
    RechargeLot,
    RedemptionCode,
    Withdrawal,
    WithdrawalState,
)
from billing.payments.receiving import receive
from billing.redemptions import CodeSettings, NotRedeemable, make_codes, redeem, switch_codes
from billing.withdrawals import WrongState, move_withdrawal, request_withdrawal
from chatapi.accounts.models import User
from notifications.models import Notice
from tests.harness.ledgers import Payer, add_lot, at_once, faults_of, new_payer
from tests.harness.orders import SENDER, new_order, paid

pytestmark = pytest.mark.usefixtures("database")

DOLLAR = 500_000
FIVE = CodeSettings("spring", 5 * DOLLAR, 30)


def invited_by(inviter: Payer) -> Payer:
    payer = new_payer(0)
    User.objects.filter(pk=payer.user.pk).update(inviter=inviter.user)
    return payer


def operator() -> Any:
    return SimpleNamespace(user=new_payer(0).user, META={"REMOTE_ADDR": "192.0.2.7"})


def why_not(user: User, text: str) -> str:
    with pytest.raises(NotRedeemable) as refusal:
        redeem(user, text)
    return refusal.value.reason


def outcome(work: Any) -> str:
    """The name of what it raised, or `done`."""
    try:
        work()
    except (NotRedeemable, WrongState, NotEnoughRemaining, AlreadyPosted) as error:
        return type(error).__name__
    return "done"


def test_code_is_credited_once_with_its_validity() -> None:
    alice, bob = new_payer(0), new_payer(0)
    _batch, (text,) = make_codes(FIVE, 1)

    entry = redeem(alice.user, f" {text}\n")

    assert (alice.balance, entry.amount) == (5 * DOLLAR, 5 * DOLLAR)
    assert why_not(alice.user, text) == "used_by_you"
    assert why_not(bob.user, text) == "used"
    lot = RechargeLot.objects.get(entry=entry)
    assert lot.expires_at is not None
    assert abs(lot.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=5)
    assert faults_of(alice) == []


def redeem_for_five(people: list[Payer], text: str, number: int) -> list[str]:
    """How it ends for five of them, one after the other."""
    five = people[number * 5 : number * 5 + 5]
    return [outcome(partial(redeem, payer.user, text)) for payer in five]


def test_hundred_people_and_one_code() -> None:
    people = [new_payer(0) for _ in range(100)]
    for _ in range(3):
        _batch, (text,) = make_codes(FIVE, 1)
        ended = at_once(20, partial(redeem_for_five, people, text))
        assert sum(row.count("done") for row in ended) == 1
    assert sum(payer.balance for payer in people) == 3 * 5 * DOLLAR
    assert audit_budgets().differences == ()


def test_codes_that_are_not_to_be_redeemed_say_why_and_stay_as_they_are() -> None:
    payer = new_payer(0)
    _batch, (off,) = make_codes(FIVE, 1)
    code = RedemptionCode.objects.get(name="spring", hint=f"…{off[-4:]}", state=1, batch=_batch)
    assert switch_codes([code.pk], enable=False) == 1
    late = CodeSettings("late", DOLLAR, None, timezone.now() - timedelta(seconds=1))
    _batch, (over,) = make_codes(late, 1)

    assert why_not(payer.user, off) == "disabled"
    assert why_not(payer.user, over) == "expired"
    for text in ("", "x", off.upper(), off[:-1], "0" * 100, "' OR 1=1 --", "\x00"):
        assert why_not(payer.user, text) == "unknown"
    assert payer.balance == 0
    assert switch_codes([code.pk], enable=True) == 1
    redeem(payer.user, off)
    assert switch_codes([code.pk], enable=False) == 0
    code.refresh_from_db()
    assert code.state == CodeState.USED


def test_codes_are_stored_sealed_and_can_be_read_again() -> None:
    batch, texts = make_codes(FIVE, 1000)
    rows = list(RedemptionCode.objects.filter(batch=batch))
    assert {row.read() for row in rows} == set(texts)
    assert len(set(texts)) == 1000
    assert not any(row.read() in row.code_sealed or row.read() == row.code_hash for row in rows)
    for count in (0, 1001):
        with pytest.raises(ValueError, match="batch"):
            make_codes(FIVE, count)


def test_recharge_and_redemption_earn_the_inviter_commission() -> None:
    inviter = new_payer(0)
    payer = invited_by(inviter)

    order = new_order(payer)
    receive(paid(order), SENDER)
    receive(paid(order), SENDER)
    _batch, (text,) = make_codes(FIVE, 1)
    redeem(payer.user, text)

    earned = read_earnings(inviter.user)
    assert (earned.available, earned.earned, earned.invited) == (750_000, 750_000, 1)
    assert inviter.balance == 0


def test_commission_goes_back_with_the_refund() -> None:
    inviter = new_payer(0)
    order = new_order(invited_by(inviter))
    receive(paid(order), SENDER)
    from billing.payments.notice import Told  # noqa: PLC0415 -- only here

    for money in ("36.50", "73.00"):
        receive(paid(order, told=Told.REFUNDED, money=Decimal(money)), SENDER)

    earned = read_earnings(inviter.user)
    assert (earned.available, earned.earned) == (0, 0)


def test_commission_is_rounded_down_and_bounded() -> None:
    assert commission_units(5_000_000, Decimal(10)) == 500_000
    assert commission_units(199, Decimal("0.5")) == 0
    assert commission_units(2**53, Decimal(100)) == 2**53
    for percent in ("0", "-1", "101"):
        assert commission_units(1_000, Decimal(percent)) == 0


def test_invitation_is_rewarded_once() -> None:
    inviter, invitee = new_payer(0), new_payer(0)
    reward_invitation(inviter.user, invitee.user, 9)
    with pytest.raises(AlreadyPosted):
        reward_invitation(inviter.user, invitee.user, 9)
    assert read_earnings(inviter.user).available == 9


def rich() -> Payer:
    """Somebody with five dollars of commission."""
    payer = new_payer(0)
    reward_invitation(payer.user, new_payer(0).user, 5 * DOLLAR)
    return payer


def held(payer: Payer) -> int:
    commission = open_commission(payer.user).pk
    return balance_units(payer.wallet) + balance_units(commission)


def test_fifty_transfers_of_all_at_once_move_it_once() -> None:
    payer = rich()
    ended = at_once(
        10,
        lambda number: [
            outcome(lambda i=i: transfer_commission(payer.user, Decimal(5), f"{number}-{i}"))
            for i in range(5)
        ],
    )
    assert sum(row.count("done") for row in ended) == 1
    assert (payer.balance, held(payer)) == (5 * DOLLAR, 5 * DOLLAR)
    assert audit_budgets().differences == ()


def test_fifty_withdrawals_and_transfers_at_once_take_no_more_than_there_is() -> None:
    payer = rich()

    def take(number: str) -> str:
        if int(number[-1]) % 2:
            return outcome(lambda: transfer_commission(payer.user, Decimal(2), number))
        return outcome(lambda: request_withdrawal(payer.user, Decimal(2), "a", number))

    ended = at_once(25, lambda row: [take(f"{row}-{turn}") for turn in range(2)])

    flat = [word for pair in ended for word in pair]
    assert Counter(flat) == {"done": 2, "NotEnoughRemaining": 48}
    withdrawn = Withdrawal.objects.filter(user=payer.user).count()
    assert withdrawn * 2 * DOLLAR + payer.balance == 4 * DOLLAR
    assert read_earnings(payer.user).available == DOLLAR
    assert audit_budgets().differences == ()


def test_transfer_sent_twice_moves_once_and_has_a_minimum() -> None:
    payer = rich()
    transfer_commission(payer.user, Decimal(2), "form")
    with pytest.raises(AlreadyPosted):
        transfer_commission(payer.user, Decimal(2), "form")
    with pytest.raises(BelowMinimum):
        transfer_commission(payer.user, Decimal("0.99"), "small")
    for usd in ("0", "-5"):
        with pytest.raises(ValueError, match="zero"):
            transfer_commission(payer.user, Decimal(usd), "odd")
    assert payer.balance == 2 * DOLLAR


def test_twenty_rejections_return_the_amount_once() -> None:
    payer, staff = rich(), operator()
    wanted = request_withdrawal(payer.user, Decimal(5), "alice@alipay", "form")
    assert read_earnings(payer.user).available == 0

    ended = at_once(
        10,
        lambda _: [
            outcome(lambda: move_withdrawal(wanted.pk, WithdrawalState.REJECTED, staff))
            for _ in range(2)
        ],
    )

    flat = [word for row in ended for word in row]
    assert (flat.count("done"), set(flat)) == (1, {"done", "WrongState"})
    assert read_earnings(payer.user).available == 5 * DOLLAR
    told = Notice.objects.filter(event="withdrawal_changed", user=payer.user)
    assert [notice.data["state"] for notice in told] == ["rejected"]
    assert audit_budgets().differences == ()


def test_of_many_decisions_at_once_one_road_is_taken() -> None:
    payer, staff = rich(), operator()
    wanted = request_withdrawal(payer.user, Decimal(5), "alice@alipay", "form")
    states = (WithdrawalState.APPROVED, WithdrawalState.REJECTED, WithdrawalState.PROCESSED)
    ended = at_once(
        12, lambda number: outcome(lambda: move_withdrawal(wanted.pk, states[number % 3], staff))
    )
    wanted.refresh_from_db()
    is_back = wanted.state == WithdrawalState.REJECTED
    assert 1 <= ended.count("done") <= 2
    assert set(ended) == {"done", "WrongState"}
    assert read_earnings(payer.user).available == (5 * DOLLAR if is_back else 0)
    assert audit_budgets().differences == ()


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("24", True), ("23", True), ("3", True),
        ("4", False), ("32", False), ("34", False), ("243", False), ("22", False), ("1", False),
    ],
)  # fmt: skip
def test_withdrawals_move_along_their_states_only(path: str, allowed: bool) -> None:  # noqa: FBT001 -- a parameter
    payer, staff = rich(), operator()
    wanted = request_withdrawal(payer.user, Decimal(5), "alice@alipay", "form")
    *before, last = (WithdrawalState(int(digit)) for digit in path)
    for state in before:
        move_withdrawal(wanted.pk, state, staff)
    found = outcome(lambda: move_withdrawal(wanted.pk, last, staff))
    assert found == ("done" if allowed else "WrongState")
    returned = 5 * DOLLAR if "3" in path and path != "243" else 0
    assert read_earnings(payer.user).available == returned


def test_withdrawal_of_more_than_there_is_or_sent_twice_is_none() -> None:
    payer = rich()
    with pytest.raises(NotEnoughRemaining):
        request_withdrawal(payer.user, Decimal(6), "a", "form")
    request_withdrawal(payer.user, Decimal(2), "a", "form")
    with pytest.raises(AlreadyPosted):
        request_withdrawal(payer.user, Decimal(2), "a", "form")
    assert Withdrawal.objects.filter(user=payer.user).count() == 1
    assert read_earnings(payer.user).available == 3 * DOLLAR


def test_owners_are_told_before_and_after_the_end_once() -> None:
    payer, now = new_payer(0), timezone.now()
    old = LedgerEntry.objects.filter(budget=payer.wallet)
    add_lot(payer, 100, now + timedelta(days=6))
    add_lot(payer, 70, now + timedelta(hours=3))
    add_lot(payer, 10, now - timedelta(minutes=1))
    new = add_lot(payer, 5, now + timedelta(days=7))
    old.exclude(pk=new.entry_id).update(created_at=now - timedelta(days=30))

    at_once(4, lambda _: warn_of_expiry())
    at_once(4, lambda _: expire_lots())
    warn_of_expiry()

    told = Notice.objects.filter(user=payer.user).order_by("reference")
    assert [(notice.event, notice.data["units"]) for notice in told] == [
        ("lot_expired", 10),
        ("lot_expiring", 100),
        ("lot_expiring", 70),
    ]
    lots = RechargeLot.objects.filter(budget=payer.wallet)
    assert lots.aggregate(sum=Sum("left"))["sum"] == payer.balance == 175

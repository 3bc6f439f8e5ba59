"""What inviters earn: an account of its own, filled by commission, emptied by transfers and
withdrawals.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from billing.ledger import open_wallet, post_entry
from billing.models import Budget, BudgetKind, CommissionOwner, LedgerEntry, LedgerKind
from chatapi.accounts.models import User
from chatapi.lib.money import EXACT, InvalidAmount, format_usd, units_from_usd
from chatapi.lib.retrying import retried
from chatapi.options.snapshot import read_values
from notifications.outbox import tell

EARNED = (LedgerKind.COMMISSION, LedgerKind.INVITATION)


class BelowMinimum(Exception):
    """Less than the option MiniQuota; `least_units` is that."""

    def __init__(self, least_units: int) -> None:
        super().__init__(least_units)
        self.least_units = least_units


@dataclass(frozen=True, slots=True)
class Earnings:
    """Of one inviter, in units."""

    available: int
    earned: int
    invited: int


def open_commission(user: User) -> Budget:
    """The user's commission account, made at first need."""
    owner = CommissionOwner.objects.select_related("budget").filter(user=user).first()
    if owner is not None:
        return owner.budget
    try:
        with transaction.atomic():
            budget = Budget.objects.create(kind=BudgetKind.COMMISSION, user=user)
            CommissionOwner.objects.create(user=user, budget=budget)
    except IntegrityError:
        return CommissionOwner.objects.select_related("budget").get(user=user).budget
    return budget


def pay_commission(user: User, units: int, percent: Decimal, reference: str) -> None:
    """Give the inviter of `user` its part of a recharge; inside the caller's transaction."""
    inviter = user.inviter
    part = commission_units(units, percent)
    if inviter is None or not inviter.is_active or inviter.pk == user.pk or not part:
        return
    post_entry(
        open_commission(inviter).pk,
        part,
        kind=LedgerKind.COMMISSION,
        reference=commission_reference(reference),
        note=f"{percent.normalize():f} % of {units}",
    )


def commission_reference(reference: str) -> str:
    """Of the commission on the recharge with this reference."""
    return f"commission:{reference}"


def commission_units(units: int, percent: Decimal) -> int:
    """Whole units, rounded down: it is never more than the percentage says."""
    if not 0 < percent <= 100:
        return 0
    part = EXACT.divide(EXACT.multiply(Decimal(units), percent), Decimal(100))
    return int(part.to_integral_value(rounding=ROUND_DOWN))


def reward_invitation(inviter: User, invitee: User, units: int) -> None:
    """Give an inviter what a new account is worth (QuotaForInviter), once per account: raises
    AlreadyPosted. The one place where an invitation is paid for.
    """
    if units <= 0:
        return
    with transaction.atomic():
        post_entry(
            open_commission(inviter).pk,
            units,
            kind=LedgerKind.INVITATION,
            reference=f"gift:inviter:{invitee.pk}",
            note=f"invited user {invitee.pk}",
        )
        usd = format_usd(units, read_values()["QuotaPerUnit"])
        tell(
            "invitation_reward",
            {"units": units, "usd": usd, "invitee": invitee.username},
            user=inviter,
            reference=f"invitation_reward:{invitee.pk}",
        )


@retried
def transfer_commission(user: User, usd: Decimal, reference: str) -> int:
    """Move commission into the wallet, where it never expires; returns the units.

    `reference` is made with the form: sent twice it moves once. Raises BelowMinimum,
    NotEnoughRemaining, AlreadyPosted or InvalidAmount.
    """
    units = read_amount(usd)
    with transaction.atomic():
        # The wallet first, as in a recharge: all lock the two in one order.
        post_entry(
            open_wallet(user).pk,
            units,
            kind=LedgerKind.TRANSFER,
            reference=f"transfer:{user.pk}:{reference}",
            actor=user.username,
        )
        post_entry(
            open_commission(user).pk,
            -units,
            kind=LedgerKind.TRANSFER,
            reference=f"transfer:from:{user.pk}:{reference}",
            actor=user.username,
        )
    return units


def read_amount(usd: Decimal) -> int:
    """Units of a transfer or withdrawal. Raises InvalidAmount or BelowMinimum."""
    values = read_values()
    units = units_from_usd(usd, values["QuotaPerUnit"])
    least = max(units_from_usd(Decimal(values["MiniQuota"]), values["QuotaPerUnit"]), 1)
    if units <= 0:
        raise InvalidAmount("the amount must be above zero")
    if units < least:
        raise BelowMinimum(least)
    return units


def reclaim_commission(reference: str, part: Decimal) -> int:
    """After a refund: take back this part (0 to 1) of the commission on the recharge, as far as it
    is still there; returns the units. Inside the caller's transaction, which has locked what the
    reference belongs to.
    """
    paid = LedgerEntry.objects.filter(reference=commission_reference(reference)).first()
    if paid is None:
        return 0
    key = f"reclaim:commission:{reference}:"
    before = LedgerEntry.objects.filter(budget_id=paid.budget_id, reference__startswith=key)
    taken = -(before.aggregate(sum=Sum("amount"))["sum"] or 0)
    wanted = int((paid.amount * part).to_integral_value(rounding=ROUND_DOWN)) - taken
    remaining = Budget.objects.select_for_update().get(pk=paid.budget_id).remaining
    units = min(wanted, remaining)
    if units <= 0:
        return 0
    post_entry(paid.budget_id, -units, kind=LedgerKind.RECLAIM, reference=f"{key}{taken}")
    return units


def read_earnings(user: User) -> Earnings:
    budget = CommissionOwner.objects.filter(user=user).values_list("budget_id", "budget__remaining")
    found = budget.first()
    invited = User.objects.filter(inviter=user).count()
    if found is None:
        return Earnings(0, 0, invited)
    entries = LedgerEntry.objects.filter(budget_id=found[0])
    earned = entries.filter(Q(kind__in=EARNED) | Q(kind=LedgerKind.RECLAIM))
    return Earnings(found[1], earned.aggregate(sum=Sum("amount"))["sum"] or 0, invited)

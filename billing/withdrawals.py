"""Commission that is paid out by hand: requests of users, decisions of operators."""

from decimal import Decimal

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from billing.commissions import open_commission, read_amount
from billing.ledger import post_entry
from billing.models import LedgerKind, Withdrawal, WithdrawalState
from billing.payments.orders import make_number
from chatapi.accounts.models import User
from chatapi.console.audit import record_act
from chatapi.lib.money import format_usd
from chatapi.lib.retrying import retried
from chatapi.options.snapshot import read_values
from notifications.outbox import tell

FROM = {
    WithdrawalState.APPROVED: (WithdrawalState.PENDING,),
    WithdrawalState.REJECTED: (WithdrawalState.PENDING, WithdrawalState.APPROVED),
    WithdrawalState.PROCESSED: (WithdrawalState.APPROVED,),
}
"""A state -> those it can follow. What is rejected or paid out stays so."""
ACTS = {
    WithdrawalState.APPROVED: "withdrawal.approve",
    WithdrawalState.REJECTED: "withdrawal.reject",
    WithdrawalState.PROCESSED: "withdrawal.pay_out",
}


class WrongState(Exception):
    """The withdrawal cannot go from where it is to there; nothing was changed."""


class WithdrawalsClosed(Exception):
    """The option ProporTions is 0: nobody earns commission, nobody withdraws."""


@retried
def request_withdrawal(user: User, usd: Decimal, account: str, reference: str) -> Withdrawal:
    """The amount leaves the commission account at once. `reference` is made with the form: sent
    twice it is one request. Raises WithdrawalsClosed, BelowMinimum, NotEnoughRemaining,
    AlreadyPosted or InvalidAmount.
    """
    values = read_values()
    if not values["ProporTions"]:
        raise WithdrawalsClosed
    units = read_amount(usd)
    with transaction.atomic():
        post_entry(
            open_commission(user).pk,
            -units,
            kind=LedgerKind.WITHDRAWAL,
            reference=f"withdrawal:{user.pk}:{reference}",
            actor=user.username,
        )
        withdrawal = Withdrawal.objects.create(
            number=f"W{make_number()[1:]}", user=user, units=units, account=account
        )
        data = _news(withdrawal, user, values["QuotaPerUnit"])
        tell("withdrawal_requested", data, reference=f"withdrawal_requested:{withdrawal.pk}")
    return withdrawal


@retried
def move_withdrawal(
    withdrawal_id: int, to: WithdrawalState, request: HttpRequest, *, comment: str = ""
) -> Withdrawal:
    """Decide. A rejection gives the amount back, once, in the same transaction. Raises WrongState
    for what may not follow, also when somebody else was quicker.
    """
    now, actor = timezone.now(), request.user.get_username()
    who = (
        {"processed_at": now, "processed_by": actor}
        if to == WithdrawalState.PROCESSED
        else {"decided_at": now, "decided_by": actor}
    )
    if comment:
        who["comment"] = comment[:1000]
    with transaction.atomic():
        rows = Withdrawal.objects.filter(pk=withdrawal_id)
        before = rows.select_for_update().values_list("state", flat=True).get()
        if not rows.filter(state__in=FROM.get(to, ())).update(state=to, **who):
            raise WrongState
        withdrawal = rows.select_related("user").get()
        if to == WithdrawalState.REJECTED:
            post_entry(
                open_commission(withdrawal.user).pk,
                withdrawal.units,
                kind=LedgerKind.RETURN,
                reference=f"withdrawal:return:{withdrawal.pk}",
                actor=actor,
                note=withdrawal.number,
            )
        record_act(
            ACTS[to],
            request=request,
            target=withdrawal,
            before={"state": before},
            after={"state": int(to), "units": withdrawal.units},
            note=comment,
        )
        data = _news(withdrawal, withdrawal.user, read_values()["QuotaPerUnit"])
        reference = f"withdrawal_changed:{withdrawal.pk}:{int(to)}"
        tell("withdrawal_changed", data, user=withdrawal.user, reference=reference)
    return withdrawal


def _news(withdrawal: Withdrawal, user: User, units_per_usd: int) -> dict[str, str | int]:
    return {
        "number": withdrawal.number,
        "user": user.username,
        "units": withdrawal.units,
        "usd": format_usd(withdrawal.units, units_per_usd),
        "state": WithdrawalState(withdrawal.state).name.lower(),
        "comment": withdrawal.comment,
    }

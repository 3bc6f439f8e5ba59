"""Moves money that is not usage: one entry and one conditional update, in one transaction."""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from billing.lot_use import consume_lots
from billing.models import Budget, BudgetKind, Lease, LedgerEntry, LedgerKind, RechargeLot
from billing.models.budget import WalletOwner
from chatapi.accounts.models import Token, User
from chatapi.lib.money import MAX_UNITS, InvalidAmount
from chatapi.lib.retrying import retried
from chatapi.options.feed import publish

OF_ONE_LOT = frozenset({LedgerKind.EXPIRE, LedgerKind.RECLAIM})
"""What is taken out of one lot, which the caller changes in the same transaction."""


class NotEnoughRemaining(Exception):
    """The budget has not so much left; nothing was moved."""


class AlreadyPosted(Exception):
    """An entry with this reference exists; nothing was moved."""


@retried
def post_entry(  # noqa: PLR0913 -- the columns of an entry
    budget_id: int,
    amount: int,
    *,
    kind: LedgerKind,
    reference: str = "",
    actor: str = "",
    note: str = "",
    expires_at: datetime | None = None,
) -> LedgerEntry:
    """Move `amount` units into (or, if negative, out of) a budget.

    A positive amount on a wallet becomes a lot that may expire. Raises NotEnoughRemaining,
    AlreadyPosted (same reference) or InvalidAmount.
    """
    if amount == 0 or abs(amount) > MAX_UNITS:
        msg = "the amount must not be zero, and not above 2^53 units"
        raise InvalidAmount(msg)
    try:
        with transaction.atomic():
            # The budget first: its lock orders all that move the same money.
            _move(budget_id, amount)
            entry = LedgerEntry.objects.create(
                budget_id=budget_id,
                amount=amount,
                kind=kind,
                reference=reference or f"{kind}:{uuid.uuid4().hex}",
                actor=actor,
                note=note,
            )
            budget_kind = Budget.objects.values_list("kind", flat=True).get(pk=budget_id)
            is_wallet = budget_kind == BudgetKind.WALLET
            if is_wallet and amount < 0 and kind not in OF_ONE_LOT:
                consume_lots({budget_id: -amount})
            if is_wallet and amount > 0:
                RechargeLot.objects.create(
                    budget_id=budget_id,
                    entry=entry,
                    amount=amount,
                    left=amount,
                    expires_at=expires_at,
                    source=kind,
                )
            # Calls never spend commission, and its lock may be wanted after that of the feed.
            if budget_kind != BudgetKind.COMMISSION:
                publish("budget", budget_id)
    except IntegrityError as error:
        if LedgerEntry.objects.filter(reference=reference).exists():
            raise AlreadyPosted(reference) from error
        raise
    return entry


def open_wallet(user: User) -> Budget:
    """The user's wallet, made at first need."""
    owner = WalletOwner.objects.select_related("budget").filter(user=user).first()
    if owner is not None:
        return owner.budget
    try:
        with transaction.atomic():
            budget = Budget.objects.create(kind=BudgetKind.WALLET, user=user)
            WalletOwner.objects.create(user=user, budget=budget)
    except IntegrityError:
        return WalletOwner.objects.select_related("budget").get(user=user).budget
    return budget


def set_token_limit(token: Token, units: int, *, actor: str = "") -> Budget:
    """Give a token its own budget of `units`, or change what is left of it to `units`."""
    if units < 0:
        msg = "a limit must not be below zero"
        raise InvalidAmount(msg)
    with transaction.atomic():
        budget, _ = Budget.objects.get_or_create(
            token=token, defaults={"kind": BudgetKind.TOKEN, "user": token.user}
        )
        change = units - lock_balance(budget.pk)
        if change:
            post_entry(budget.pk, change, kind=LedgerKind.LIMIT, actor=actor, note=f"limit {units}")
        Token.objects.filter(pk=token.pk).update(is_unlimited=False)
        publish("token", token.pk)
    return budget


def leased_units(budget_id: int) -> int:
    return Lease.objects.filter(budget_id=budget_id).aggregate(sum=Sum("amount"))["sum"] or 0


def balance_units(budget_id: int) -> int:
    """What a person sees: what remains, plus what workers hold and have not charged.

    In one statement: between two a worker may give back what then neither of them counts.
    """
    held = Coalesce(Sum("leases__amount"), 0)
    budget = Budget.objects.filter(pk=budget_id).annotate(held=held)
    remaining, held_units = budget.values_list("remaining", "held").get()
    return int(remaining + held_units)


def lock_balance(budget_id: int) -> int:
    """The balance, which stays as it is until the caller's transaction ends: all that moves a part
    of it waits for the budget's lock.
    """
    Budget.objects.select_for_update().get(pk=budget_id)
    return balance_units(budget_id)


def lock_limit(token_id: int) -> Budget | None:
    """The token's own budget, locked. Whoever writes both takes this lock before it writes the
    token's row, as the recorder and the renewal do.
    """
    return Budget.objects.select_for_update().filter(token_id=token_id).first()


def _move(budget_id: int, amount: int) -> None:
    budgets = Budget.objects.filter(
        pk=budget_id, remaining__gte=-amount, remaining__lte=MAX_UNITS - amount
    )
    if not budgets.update(remaining=F("remaining") + amount):
        raise NotEnoughRemaining(budget_id)

"""Balances as columns: what remains plus what workers hold, in the same query as the list."""

from typing import Any

from django.db.models import BigIntegerField, Count, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from billing.commissions import EARNED
from billing.models import CommissionOwner, Lease, LedgerEntry, LedgerKind
from billing.models.budget import WalletOwner
from chatapi.accounts.models import Token, User


def leased(budget_id: str) -> Coalesce:
    """Units that workers hold of the budget in this column."""
    leases = Lease.objects.filter(budget=OuterRef(budget_id)).order_by().values("budget")
    return number_from(leases.annotate(sum=Sum("amount")).values("sum"))


def with_wallets(users: QuerySet[Any]) -> QuerySet[Any]:
    """Adds `wallet`, `wallet_units` (None before the first need of a wallet) and `spent_units`."""
    owners = WalletOwner.objects.filter(user=OuterRef("pk"))
    balance = owners.annotate(
        units=Coalesce("budget__remaining", Value(0)) + leased("budget_id")
    ).values("units")
    found: QuerySet[Any] = users.annotate(
        wallet=Subquery(owners.values("budget_id")),
        wallet_units=Subquery(balance, output_field=BigIntegerField()),
        spent_units=Subquery(owners.values("budget__used")),
    )
    return found


def with_invitations(users: QuerySet[Any]) -> QuerySet[Any]:
    """Adds `calls` (of the tokens that there still are), `invited`, and the commission
    `commission_units` left of `earned_units`.
    """
    owners = CommissionOwner.objects.filter(user=OuterRef("pk"))
    calls = Token.objects.filter(user=OuterRef("pk")).order_by().values("user")
    invited = User.objects.filter(inviter=OuterRef("pk")).order_by().values("inviter")
    earned = LedgerEntry.objects.filter(
        budget__commission_owner__user=OuterRef("pk"), kind__in=(*EARNED, LedgerKind.RECLAIM)
    )
    found: QuerySet[Any] = users.annotate(
        calls=number_from(calls.annotate(sum=Sum("used_count")).values("sum")),
        invited=number_from(invited.annotate(count=Count("pk")).values("count")),
        commission_units=number_from(owners.values("budget__remaining")),
        earned_units=number_from(
            earned.order_by().values("budget").annotate(sum=Sum("amount")).values("sum")
        ),
    )
    return found


def number_from(rows: QuerySet[Any]) -> Coalesce:
    """The one number of the rows, else 0."""
    return Coalesce(
        Subquery(rows, output_field=BigIntegerField()), Value(0), output_field=BigIntegerField()
    )


def with_limits(tokens: QuerySet[Any]) -> QuerySet[Any]:
    """Adds `held_units` to tokens with a budget of their own, and reads when their limit renews."""
    found: QuerySet[Any] = tokens.select_related("user", "budget", "renewal")
    limited: QuerySet[Any] = found.annotate(held_units=leased("budget__pk"))
    return limited

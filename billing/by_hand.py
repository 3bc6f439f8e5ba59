"""Credit that somebody of the staff gives or takes."""

from datetime import datetime, timedelta

from django.db.models import Sum
from django.db.models.functions import Abs
from django.utils import timezone

from billing.ledger import open_wallet, post_entry
from billing.models import LedgerEntry, LedgerKind
from chatapi.accounts.models import User
from chatapi.options.snapshot import read_values

BY_HAND = (LedgerKind.CREDIT, LedgerKind.DEBIT)
DAY = timedelta(days=1)


def lock_people(*people: User) -> None:
    """The actor: of two bookings by one person at once the second waits, so that `is_much` counts
    the first. And who is changed besides. First in the transaction: rows of people are locked
    before those of money.
    """
    keys = [one.pk for one in people]
    list(User.objects.select_for_update().filter(pk__in=keys).order_by("pk"))


def is_much(actor: User, units: int, since: datetime) -> bool:
    """Whether so many units, with all that the actor gave and took since then, but within a day,
    come to the option CreditConfirmUsd.
    """
    values = read_values()
    entries = LedgerEntry.objects.filter(
        created_at__gt=max(since, timezone.now() - DAY),
        actor=actor.get_username(),
        kind__in=BY_HAND,
    )
    before = entries.aggregate(sum=Sum(Abs("amount")))["sum"] or 0
    return bool(before + abs(units) >= values["CreditConfirmUsd"] * values["QuotaPerUnit"])


def book_by_hand(
    user: User,
    units: int,
    *,
    reference: str,
    actor: str,
    note: str = "",
    expires_at: datetime | None = None,
) -> LedgerEntry:
    """Below zero takes credit away. Raises as `post_entry`: NotEnoughRemaining, AlreadyPosted or
    InvalidAmount.
    """
    return post_entry(
        open_wallet(user).pk,
        units,
        kind=LedgerKind.CREDIT if units > 0 else LedgerKind.DEBIT,
        reference=reference,
        actor=actor,
        note=note,
        expires_at=expires_at if units > 0 else None,
    )

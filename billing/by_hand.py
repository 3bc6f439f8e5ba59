"""Credit that somebody of the staff gives or takes."""

from datetime import datetime, timedelta

from django.utils import timezone

from billing.ledger import open_wallet, post_entry
from billing.models import LedgerEntry, LedgerKind
from chatapi.accounts.models import User
from chatapi.console.models import AuditEntry
from chatapi.options.snapshot import read_values

BOOKED = "user.credit"
"""Of the audit log."""
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
    # The ledger knows names, and people change theirs; the audit log knows numbers, and has an
    # entry in the transaction of each booking.
    booked = AuditEntry.objects.filter(
        actor_id=actor.pk, action=BOOKED, at__gt=max(since, timezone.now() - DAY)
    )
    before = sum(abs(after["units"]) for after in booked.values_list("after", flat=True).iterator())
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

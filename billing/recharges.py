"""What follows when somebody got credit for money: the lot, the commission, the group, the news.

All of it is one transaction of the caller's, so that none of it can be missing or happen twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing import commissions
from billing.ledger import open_wallet, post_entry
from billing.models import LedgerEntry, LedgerKind
from chatapi.accounts.models import Group, User
from chatapi.lib.database_clock import database_now
from chatapi.lib.money import format_usd
from chatapi.options.feed import publish
from chatapi.options.snapshot import read_values
from notifications.outbox import tell


@dataclass(frozen=True, slots=True)
class Recharge:
    """`reference` is unique to it; `price` is what was paid, for the news, or ''."""

    user_id: int
    units: int
    kind: LedgerKind
    reference: str
    valid_days: int | None
    note: str = ""
    actor: str = ""
    price: str = ""


def post_recharge(recharge: Recharge) -> LedgerEntry:
    """Inside the caller's transaction. Raises AlreadyPosted, and then the caller must roll back."""
    values = read_values()
    # The rows of people before those of money: what locks a user elsewhere holds no money yet.
    is_moved = _move_group(recharge.user_id, values)
    user = User.objects.get(pk=recharge.user_id)
    entry = post_entry(
        open_wallet(user).pk,
        recharge.units,
        kind=recharge.kind,
        reference=recharge.reference,
        actor=recharge.actor,
        note=recharge.note,
        expires_at=end_of_validity(recharge.valid_days),
    )
    commissions.pay_commission(
        user, recharge.units, Decimal(values["ProporTions"]), recharge.reference
    )
    if is_moved:
        publish("user", user.pk)
    _tell(user, recharge, values["QuotaPerUnit"])
    return entry


def end_of_validity(days: int | None) -> datetime | None:
    return None if days is None else database_now() + timedelta(days=days)


def _move_group(user_id: int, values: dict[str, Any]) -> bool:
    """To the group of those who have recharged, if the user is in the group of newcomers."""
    before, after = values.get("UserGroup", "default"), values["VipUserGroup"]
    if not values["GroupEnable"] or before == after:
        return False
    if not Group.objects.filter(name=after).exists():
        return False
    return bool(User.objects.filter(pk=user_id, group=before).update(group=after))


def _tell(user: User, recharge: Recharge, units_per_usd: int) -> None:
    data: dict[str, str | int] = {
        "user": user.username,
        "units": recharge.units,
        "usd": format_usd(recharge.units, units_per_usd),
        "price": recharge.price,
        "kind": str(recharge.kind),
        "order": recharge.note if recharge.kind == LedgerKind.TOPUP else "",
    }
    tell("recharge_done", data, user=user, reference=f"recharge_done:{recharge.reference}")
    if recharge.kind == LedgerKind.TOPUP:
        tell("recharge_done", data, reference=f"recharge_done:operators:{recharge.reference}")

"""Redemption codes: making them, and redeeming each of them once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from billing.models import CodeState, LedgerEntry, LedgerKind, RedemptionCode
from billing.recharges import Recharge, post_recharge
from chatapi.accounts.models import User
from chatapi.lib.database_clock import database_now
from chatapi.lib.ids import hash_key
from chatapi.lib.money import MAX_UNITS, InvalidAmount
from chatapi.lib.retrying import retried

MOST_CODES = 1000
LONGEST_CODE = 64
HINT_LETTERS = 4


class NotRedeemable(Exception):
    """`reason`: unknown, disabled, expired, used, or used_by_you."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CodeSettings:
    """What the codes of a batch have in common. `valid_days` of the credit; None never ends."""

    name: str
    units: int
    valid_days: int | None
    expires_at: datetime | None = None
    created_by: str = ""


def make_codes(settings: CodeSettings, count: int, batch: str = "") -> tuple[str, list[str]]:
    """The batch's id, a new one unless it is given, and the new codes in clear, as they also can
    be read later.
    """
    if not 1 <= count <= MOST_CODES:
        raise ValueError(f"a batch has 1 to {MOST_CODES} codes")
    if not 0 < settings.units <= MAX_UNITS:
        raise InvalidAmount("a code is worth at least one unit")
    batch = batch or secrets.token_hex(8)
    # As long as those of the existing product: 128 random bits, in hex.
    texts = [secrets.token_hex(16) for _ in range(count)]
    RedemptionCode.objects.bulk_create(
        [_make_row(settings, batch, text) for text in texts], batch_size=500
    )
    return batch, texts


def _make_row(settings: CodeSettings, batch: str, text: str) -> RedemptionCode:
    code = RedemptionCode(
        name=settings.name,
        code_hash=hash_key(text),
        hint=f"…{text[-HINT_LETTERS:]}",
        batch=batch,
        units=settings.units,
        valid_days=settings.valid_days,
        expires_at=settings.expires_at,
        created_by=settings.created_by,
    )
    code.seal(text)
    return code


@retried
def redeem(user: User, text: str) -> LedgerEntry:
    """Credit the user with a code. Raises NotRedeemable, and then nothing has changed."""
    text = text.strip()
    if not text or len(text) > LONGEST_CODE:
        raise NotRedeemable("unknown")
    now = database_now()
    codes = RedemptionCode.objects.filter(code_hash=hash_key(text))
    with transaction.atomic():
        # Who changes the row has the code; everybody else finds it used.
        good = codes.filter(state=CodeState.UNUSED)
        good = good.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        if not good.update(state=CodeState.USED, redeemed_at=now, redeemed_by=user):
            raise NotRedeemable(_why_not(user, codes.first(), now))
        code = codes.get()
        entry = post_recharge(
            Recharge(
                user_id=user.pk,
                units=code.units,
                kind=LedgerKind.REDEEM,
                reference=f"redemption:{code.pk}",
                valid_days=code.valid_days,
                note=code.name,
                actor=user.username,
            )
        )
        codes.update(entry=entry)
    return entry


def switch_codes(ids: Sequence[int], *, enable: bool) -> int:
    """Enable or disable codes that nobody has used; returns how many changed."""
    before, after = (
        (CodeState.DISABLED, CodeState.UNUSED) if enable else (CodeState.UNUSED, CodeState.DISABLED)
    )
    return RedemptionCode.objects.filter(pk__in=ids, state=before).update(state=after)


def _why_not(user: User, code: RedemptionCode | None, now: datetime) -> str:
    if code is None:
        return "unknown"
    if code.state == CodeState.USED:
        return "used_by_you" if code.redeemed_by_id == user.pk else "used"
    if code.state == CodeState.DISABLED:
        return "disabled"
    return "expired" if code.expires_at and code.expires_at <= now else "used"

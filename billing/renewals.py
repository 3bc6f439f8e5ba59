"""Limits of tokens that begin anew with each day or month of the server's zone."""

from contextlib import suppress
from datetime import date, datetime
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.ledger import (
    AlreadyPosted,
    NotEnoughRemaining,
    balance_units,
    lock_limit,
    post_entry,
)
from billing.models import LedgerKind, Renews, TokenRenewal
from chatapi.accounts.models import Token, TokenStatus
from chatapi.lib.database_clock import database_now
from chatapi.lib.money import MAX_UNITS
from chatapi.lib.retrying import retried
from chatapi.options.feed import publish

log = structlog.get_logger("billing")


def change_renewal(
    token: Token,
    renews: str | None = None,
    units: int | None = None,
    *,
    now: datetime | None = None,
) -> None:
    """How often the token's limit renews, and to how many units; None: as it was, and for units
    that were never said, what is left now. The first time is at the start of the next period.

    Raises ValidationError for a token without a limit, and for units that are no credit.
    """
    with transaction.atomic():
        budget = lock_limit(token.pk)
        stored = TokenRenewal.objects.filter(pk=token.pk).first()
        if renews is None:
            renews = stored.renews if stored else Renews.NEVER
        if renews == Renews.NEVER:
            TokenRenewal.objects.filter(pk=token.pk).delete()
            return
        if budget is None or token.is_unlimited:
            raise ValidationError(_("Only a token with a credit of its own can renew it."))
        if units is None:
            units = stored.units if stored else balance_units(budget.pk)
        if not 0 < units <= MAX_UNITS:
            raise ValidationError(_("Say which credit it renews to: more than nothing."))
        values: dict[str, Any] = {"renews": renews, "units": units}
        if stored is None or stored.renews != renews:
            values["period_on"] = start_of_period(renews, now or database_now())
        TokenRenewal.objects.update_or_create(pk=token.pk, defaults=values)


def renew_limits(now: datetime | None = None) -> int:
    """Begin the present period for all limits that have not; returns how many.

    One that calls hold more of than it renews to waits for the next run, until they have given it
    back.
    """
    now = now or database_now()
    count = 0
    for token_id in list(due_renewals(now).values_list("pk", flat=True)):
        try:
            count += renew_limit(token_id, now)
        except NotEnoughRemaining:
            log.info("limit_not_renewed", token=token_id, reason="calls hold it")
    return count


@retried
def renew_limit(token_id: int, now: datetime) -> bool:
    """Set what is left back, unless it was done for this period: a missed period is not made up
    for. Returns whether it was done now. Raises NotEnoughRemaining.
    """
    with transaction.atomic():
        # Its lock orders all that moves or decides this limit: what is read now stays so.
        budget = lock_limit(token_id)
        renewal = due_renewals(now).filter(pk=token_id).first()
        if budget is None or renewal is None:
            return False
        start = start_of_period(renewal.renews, now)
        change = renewal.units - balance_units(budget.pk)
        if change:
            # The reference stands should the renewal be made again on the day of one that was.
            with suppress(AlreadyPosted):
                post_entry(
                    budget.pk,
                    change,
                    kind=LedgerKind.LIMIT,
                    reference=f"renew:{token_id}:{start}",
                    note=f"{renewal.renews} renewal: limit {renewal.units}",
                )
        exhausted = Token.objects.filter(pk=token_id, status=TokenStatus.EXHAUSTED)
        exhausted.update(status=TokenStatus.ENABLED)
        TokenRenewal.objects.filter(pk=token_id).update(period_on=start)
        publish("token", token_id)
    return True


def due_renewals(now: datetime) -> QuerySet[TokenRenewal]:
    """Whose last period is over."""
    over = Q()
    for renews in (Renews.DAILY, Renews.MONTHLY):
        over |= Q(renews=renews, period_on__lt=start_of_period(renews, now))
    return TokenRenewal.objects.filter(over, token__is_unlimited=False).order_by("pk")


def start_of_period(renews: str, now: datetime) -> date:
    """The first day of the period of the server's zone that `now` lies in."""
    today = timezone.localdate(now, timezone.get_default_timezone())
    return today.replace(day=1) if renews == Renews.MONTHLY else today

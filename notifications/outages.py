"""When a server that all messages go through is down: it is left alone for longer and longer, and
then tried with one message at a time.
"""

from datetime import datetime, timedelta

from django.db.models import F

from notifications.models import Delivery, DeliveryState, TransportState
from notifications.transports.base import TransportError

FIRST_PAUSE_SECONDS = 30
MOST_PAUSE_SECONDS = 600


def paused_transports(now: datetime) -> list[str]:
    paused = TransportState.objects.filter(paused_until__gt=now)
    return list(paused.values_list("transport", flat=True))


def shaky_transports() -> set[str]:
    """Those whose last attempt failed."""
    return set(TransportState.objects.filter(failures__gt=0).values_list("transport", flat=True))


def note_failure(transport: str, error: TransportError, now: datetime) -> None:
    state, _ = TransportState.objects.get_or_create(transport=transport)
    seconds = min(FIRST_PAUSE_SECONDS << min(state.failures, 10), MOST_PAUSE_SECONDS)
    TransportState.objects.filter(pk=transport).update(
        failures=F("failures") + 1,
        paused_until=now + timedelta(seconds=max(seconds, error.retry_seconds)),
        error=error.message[:200],
        error_detail=error.detail[:300],
    )


def note_success(transport: str, now: datetime) -> None:
    """After an outage, what waited for its next attempt is due at once."""
    _, is_new = TransportState.objects.get_or_create(
        transport=transport, defaults={"worked_at": now}
    )
    if is_new:
        return
    if TransportState.objects.filter(pk=transport, failures__gt=0).update(
        failures=0, paused_until=None, error="", error_detail=""
    ):
        Delivery.objects.filter(
            transport=transport,
            state=DeliveryState.WAITING,
            attempts__gt=0,
            next_try_at__gt=now,
        ).update(next_try_at=now)
    TransportState.objects.filter(pk=transport).update(worked_at=now)

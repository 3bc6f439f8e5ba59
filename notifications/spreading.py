"""Makes a delivery of each notice for each way by which it is to go. What says the same as another
that waits is counted with it; what says the same as one just sent waits until the window is over.
"""

import hashlib
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from notifications.config import Config
from notifications.events import find_event
from notifications.models import Delivery, DeliveryState, Notice
from notifications.recipients import Ways, ways_of
from notifications.texts import compose
from notifications.transports import TRANSPORTS

MOST_AT_ONCE = 500


def spread_notices(config: Config) -> int:
    """Returns how many notices were handed out. Each is once, also when two run at once or one is
    killed: it is marked in the transaction that makes its deliveries.
    """
    waiting = Notice.objects.filter(spread_at=None).order_by("pk")
    return sum(spread(notice, config) for notice in waiting[:MOST_AT_ONCE])


def spread(notice: Notice, config: Config) -> bool:
    now = timezone.now()
    with transaction.atomic():
        ours = Notice.objects.filter(pk=notice.pk, spread_at=None).update(spread_at=now)
        if not ours:
            return False
        ways = ways_of(notice)
        ready = [name for name in ways.targets if TRANSPORTS[name].is_ready(config)]
        if ready:
            fold_key = make_fold_key(notice, config, ways.language)
            for transport in ready:
                _add(notice, ways, transport, fold_key, now)
    return True


def make_fold_key(notice: Notice, config: Config, language: str) -> str:
    """Of event and subject: what the reader would take for the same."""
    if not find_event(notice.event).window_seconds:
        return f"notice:{notice.pk}"
    subject = compose([(notice, 1)], "", config, language).subject
    return hashlib.sha256(f"{notice.event}\n{subject}".encode()).hexdigest()


def _add(notice: Notice, ways: Ways, transport: str, fold_key: str, now: datetime) -> None:
    delivery = Delivery(
        notice=notice,
        recipient=ways.recipient,
        transport=transport,
        key=uuid4().hex,
        fold_key=fold_key,
        next_try_at=now,
        hint=TRANSPORTS[transport].hint(ways.targets[transport])[:254],
    )
    window = timedelta(seconds=find_event(notice.event).window_seconds)
    if window:
        _join(delivery, window, now)
    delivery.save(force_insert=True)


def _join(delivery: Delivery, window: timedelta, now: datetime) -> None:
    """Count it with one that waits, or let it wait for the end of the window."""
    alike = Delivery.objects.filter(
        recipient=delivery.recipient, transport=delivery.transport, fold_key=delivery.fold_key
    )
    leader = alike.filter(state=DeliveryState.WAITING).first()
    if leader is not None and alike.filter(pk=leader.pk, state=DeliveryState.WAITING).update(
        count=F("count") + 1
    ):
        delivery.state, delivery.sent_as = DeliveryState.FOLDED, leader.key
        return
    last = alike.filter(state__in=[DeliveryState.SENT, DeliveryState.SENDING])
    told_at = last.filter(created_at__gt=now - window * 2).order_by("-pk").first()
    if told_at is not None:
        delivery.next_try_at = max(now, (told_at.sent_at or now) + window)

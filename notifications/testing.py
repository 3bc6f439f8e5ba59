"""Test messages: sent in the request of whoever pressed the button, and kept like others."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chatapi.accounts.models import User
from notifications.config import read_config
from notifications.events import TEST
from notifications.jobs import HOLD, Job
from notifications.models import OPERATORS, AlertSettings, Delivery, DeliveryState, Notice
from notifications.sending import attempt, mark_failed, mark_sent, without_secrets
from notifications.texts import compose
from notifications.transports import TRANSPORTS
from notifications.transports.base import TransportError

WINDOW = timedelta(hours=1)
MOST_FOR_USERS = 10
MOST_FOR_OPERATORS = 60


class TooManyTests(Exception):
    """Others would be bothered; nothing was sent."""


def send_test(user: User | None, transport: str, target: Mapping[str, str]) -> Delivery:
    """Tries it once, up to ten seconds long; what came of it is in the delivery. `user` is None for
    the operators. Raises TooManyTests.
    """
    config = read_config()
    delivery = _begin(user, transport, target)
    chosen = None if user is None else AlertSettings.objects.filter(user=user).first()
    language = (chosen.language if chosen else "") or settings.LANGUAGE_CODE
    message = compose([(delivery.notice, 1)], delivery.key, config, language)
    job = Job((delivery,), transport, target, message, is_trusted=user is None)
    try:
        attempt(job, config)
    except TransportError as error:
        final = TransportError(error.message, error.detail, permanent=True)
        mark_failed(job.deliveries, without_secrets(final, job, config), timezone.now())
    else:
        mark_sent(job, timezone.now())
    delivery.refresh_from_db()
    return delivery


def _begin(user: User | None, transport: str, target: Mapping[str, str]) -> Delivery:
    now = timezone.now()
    with transaction.atomic():
        before = Notice.objects.filter(event=TEST, user=user, created_at__gt=now - WINDOW)
        if before.count() >= (MOST_FOR_OPERATORS if user is None else MOST_FOR_USERS):
            raise TooManyTests
        notice = Notice.objects.create(event=TEST, user=user, spread_at=now)
        return Delivery.objects.create(
            notice=notice,
            recipient=OPERATORS if user is None else f"user:{user.pk}",
            transport=transport,
            state=DeliveryState.SENDING,
            key=uuid4().hex,
            fold_key=f"notice:{notice.pk}",
            attempts=1,
            next_try_at=now + HOLD,
            hint=TRANSPORTS[transport].hint(target)[:254],
        )

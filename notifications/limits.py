"""How many messages one reader gets by one way: what is beyond waits, and then goes as one."""

from datetime import datetime, timedelta

from django.db.models import Min, QuerySet

from notifications.models import OPERATORS, Delivery, DeliveryState
from notifications.transports import TRANSPORTS

WINDOW = timedelta(hours=1)
MOST_FOR_USERS = 20
MOST_FOR_OPERATORS = 60
MOST_FOR_MACHINES = 600
"""By ways where each notice is a call of its own."""


def has_room(recipient: str, transport: str, now: datetime) -> bool:
    told = _recent(recipient, transport, now).values("sent_as").distinct().count()
    return told < most_messages(recipient, transport)


def next_room_at(recipient: str, transport: str, now: datetime) -> datetime:
    first: datetime | None = _recent(recipient, transport, now).aggregate(at=Min("sent_at"))["at"]
    return (first or now) + WINDOW


def most_messages(recipient: str, transport: str) -> int:
    known = TRANSPORTS.get(transport)
    if known is not None and not known.takes_digests:
        return MOST_FOR_MACHINES
    return MOST_FOR_OPERATORS if recipient == OPERATORS else MOST_FOR_USERS


def _recent(recipient: str, transport: str, now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        recipient=recipient,
        transport=transport,
        state=DeliveryState.SENT,
        sent_at__gt=now - WINDOW,
    )

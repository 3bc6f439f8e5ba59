"""The right to send, for one process of the whole installation at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from django.db.models import Q

from chatapi.lib.database_clock import database_now
from notifications.models import SendingLease

LENGTH = timedelta(seconds=30)
"""A holder that is killed blocks the others for so long: one that lives prolongs it meanwhile."""
ROW = 1


@contextmanager
def sending_lease() -> Iterator["Lease | None"]:
    """None while another process has it."""
    lease = _take()
    try:
        yield lease
    finally:
        if lease is not None:
            lease.give_back()


class Lease:
    def __init__(self, holder: str) -> None:
        self._rows = SendingLease.objects.filter(pk=ROW, holder=holder)

    def prolong(self) -> bool:
        """Tells whether it is still ours."""
        return bool(self._rows.update(held_until=database_now() + LENGTH))

    def give_back(self) -> None:
        self._rows.update(held_until=None)


def _take() -> Lease | None:
    now = database_now()
    SendingLease.objects.get_or_create(pk=ROW)
    holder = uuid4().hex
    free = SendingLease.objects.filter(Q(held_until=None) | Q(held_until__lt=now), pk=ROW)
    return Lease(holder) if free.update(holder=holder, held_until=now + LENGTH) else None

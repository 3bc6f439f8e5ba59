"""Responses of the Responses API that may be asked for again: who holds them, and, where their
provider keeps none and the operator allows it, what was said, encrypted.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from relay.models import StoredResponse

MOST_BYTES = 2 * 1024 * 1024
"""Longer conversations are not kept: their clients must send them whole."""
NOTE_DAYS = 30
"""Providers forget a response after so long."""
MOST_PENDING = 10_000
MOST_PENDING_BYTES = 32 * 1024 * 1024
"""So much waits in each worker while the database is away; what comes then is not kept."""
STEP = 500
STEP_BYTES = 4 * 1024 * 1024
"""Of one statement, unless one response is longer: MariaDB takes sixteen megabytes."""


class Remembered(msgspec.Struct, frozen=True):
    """A response that was answered here. `body` and `items` are empty where its provider keeps it:
    `items` is the whole conversation up to and with it, as input items.
    """

    response_id: str
    user_id: int
    channel_id: int
    body: bytes = b""
    items: bytes = b""

    @property
    def key(self) -> tuple[int, str]:
        return self.user_id, self.response_id

    @property
    def size(self) -> int:
        return len(self.body) + len(self.items)


class ResponseStore:
    """What one worker noted and has not written yet, and the way to the table."""

    def __init__(self) -> None:
        self._pending: dict[tuple[int, str], Remembered] = {}
        self._size = 0

    def note(self, found: Remembered) -> bool:
        """To be written soon; a worker that is killed forgets it. False where there is no room."""
        has_room = len(self._pending) < MOST_PENDING and self._size < MOST_PENDING_BYTES
        if has_room and found.response_id and found.key not in self._pending:
            self._pending[found.key] = found
            self._size += found.size
        return has_room

    def pending(self, user_id: int, response_id: str) -> Remembered | None:
        return self._pending.get((user_id, response_id))

    def next_pending(self) -> list[Remembered]:
        """The oldest, for one statement; they stay until they are forgotten."""
        found: list[Remembered] = []
        size = 0
        for one in islice(self._pending.values(), STEP):
            size += one.size
            if found and size > STEP_BYTES:
                break
            found.append(one)
        return found

    def forget(self, found: Sequence[Remembered]) -> None:
        """They are written, or can't be."""
        for one in found:
            gone = self._pending.pop(one.key, None)
            self._size -= gone.size if gone is not None else 0


def write_responses(found: Sequence[Remembered], hours: int) -> None:
    """One statement; a response that is there already stays as it is."""
    now = timezone.now()
    rows = [
        StoredResponse(
            response_id=one.response_id[:200],
            user_id=one.user_id,
            channel_id=one.channel_id,
            sealed=seal(one),
            expires_at=now + (timedelta(hours=hours) if one.body else timedelta(days=NOTE_DAYS)),
        )
        for one in found
    ]
    StoredResponse.objects.bulk_create(rows, ignore_conflicts=True)


def read_response(user_id: int, response_id: str) -> Remembered | None:
    """None for what is unknown, expired or another user's. Raises Undecipherable."""
    row = StoredResponse.objects.filter(
        user_id=user_id, response_id=response_id, expires_at__gt=timezone.now()
    ).first()
    if row is None:
        return None
    if not row.sealed:
        return Remembered(row.response_id, user_id, row.channel_id)
    text = settings.KEY_RING.unseal(row.sealed, place_of(user_id, response_id))
    body, items = msgspec.json.decode(text, type=tuple[msgspec.Raw, msgspec.Raw])
    return Remembered(row.response_id, user_id, row.channel_id, bytes(body), bytes(items))


def delete_response(user_id: int, response_id: str) -> bool:
    with transaction.atomic():
        deleted, _ = StoredResponse.objects.filter(
            user_id=user_id, response_id=response_id
        ).delete()
    return bool(deleted)


def forget_expired_responses() -> int:
    """Deletes some whose time is over, and says how many: 0 when none is left."""
    expired = StoredResponse.objects.filter(expires_at__lte=timezone.now()).order_by("expires_at")
    keys = list(expired.values_list("pk", flat=True)[:STEP])
    StoredResponse.objects.filter(pk__in=keys).delete()
    return len(keys)


def seal(found: Remembered) -> str:
    if not found.body:
        return ""
    text = msgspec.json.encode((msgspec.Raw(found.body), msgspec.Raw(found.items))).decode()
    sealed: str = settings.KEY_RING.seal(text, place_of(found.user_id, found.response_id))
    return sealed


def place_of(user_id: int, response_id: str) -> str:
    return f"response:{user_id}:{response_id}"


def as_items(value: Any) -> list[Any]:
    """`input` as a list of items: a text is one message of the user."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    return list(value) if isinstance(value, list) else []

"""Few passwords of strangers are hashed at once: each hash takes 100 MB and all of a core."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from chatapi.lib.database_threads import close_connections

TURNS = 2
"""Per process. More would be no faster, and calls share its memory and its cores."""
PATIENCE_SECONDS = 10
BUSY = _("Too many people sign in at the moment. Please try again in a few seconds.")

_turns = BoundedSemaphore(TURNS)


class NoTurn(Exception):
    """So many were waiting that the turn did not come."""


@contextmanager
def password_turn() -> Iterator[None]:
    """Waits for a turn. Raises NoTurn. Not for use inside a transaction: who waits holds nothing
    that others need, and gives the connection back besides, of which there are few, too.
    """
    close_connections()
    if not _turns.acquire(timeout=PATIENCE_SECONDS):
        raise NoTurn
    try:
        yield
    finally:
        _turns.release()


def hash_new_password(password: str) -> str:
    """For an account that a stranger opens. Raises ValidationError."""
    try:
        with password_turn():
            return make_password(password)
    except NoTurn as error:
        raise ValidationError(BUSY, code="busy") from error

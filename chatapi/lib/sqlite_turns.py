"""Who writes to SQLite waits in a queue, one for each process.

SQLite has none: whoever waits looks again and again, the longer the more seldom, so that those who
have just come overtake those who wait, for as long as others come. Of each process only one looks
now, and a handful of processes do not keep each other waiting for long.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

READS = ("SELECT", "PRAGMA", "EXPLAIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT")


class Queue:
    """A lock that goes to those who wait in the order in which they came."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._guard = Lock()
        self._waiting: deque[Lock] = deque()
        """The first has it; each of the others waits for its own lock."""

    def __len__(self) -> int:
        return len(self._waiting)

    @contextmanager
    def turn(self, seconds: float) -> Iterator[bool]:
        """False when it did not come in time."""
        mine = Lock()
        mine.acquire()
        with self._guard:
            self._waiting.append(mine)
            if self._waiting[0] is mine:
                mine.release()
        try:
            yield mine.acquire(timeout=seconds)
        finally:
            self._leave(mine)

    def _leave(self, mine: Lock) -> None:
        with self._guard:
            was_first = self._waiting[0] is mine
            self._waiting.remove(mine)
            if was_first and self._waiting:
                self._waiting[0].release()


_queue = Queue()
# Of a fork only the thread that made it goes on.
os.register_at_fork(after_in_child=_queue.clear)


def queue_writes(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """For Django's signal `connection_created`."""
    if connection.vendor == "sqlite" and _execute_in_turn not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute_in_turn)


def _execute_in_turn(
    execute: Callable[..., Any],
    sql: str,
    params: Any,
    many: bool,  # noqa: FBT001 -- Django's signature
    context: dict[str, Any],
) -> Any:
    """The beginning of a transaction, or a statement that is one: later ones have the lock."""
    connection = context["connection"]
    if connection.in_atomic_block or sql.lstrip()[:9].upper().startswith(READS):
        return execute(sql, params, many, context)
    # Without a turn it goes the way of SQLite, which says so when there is none.
    with _queue.turn(connection.settings_dict["OPTIONS"].get("timeout", 5.0)):
        return execute(sql, params, many, context)

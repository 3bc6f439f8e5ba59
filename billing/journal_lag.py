"""Whether this node's journals reach the database, seen from beside the recorder: it may be the one
that is gone.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from billing.journal import JournalReader
from billing.models import Worker, WorkerState
from notifications.outbox import tell

MOST_BYTES = 32 * 1024 * 1024
"""The recorder ships some megabytes a second: so much is minutes of work."""
MOST_SILENT_SECONDS = 120.0
"""What was journalled last is shipped within seconds."""


@dataclass(frozen=True, slots=True)
class Lag:
    """Bytes that wait on this node, and the seconds since any of them was written."""

    bytes: int
    seconds: float

    @property
    def is_too_much(self) -> bool:
        return self.bytes > MOST_BYTES or (self.bytes > 0 and self.seconds > MOST_SILENT_SECONDS)


def watch_journals(folder: Path, node: str) -> bool:
    """Tells operators when it is too much; what is told again is counted."""
    lag = measure_lag(folder)
    if lag.is_too_much:
        tell("journal_lag", {"node": node, "bytes": lag.bytes})
    return lag.is_too_much


def measure_lag(folder: Path) -> Lag:
    waiting, youngest = 0, 0.0
    if folder.is_dir():
        workers = Worker.objects.exclude(state=WorkerState.CLOSED)
        for worker in workers.filter(pk__in=[path.name for path in folder.iterdir()]):
            unread = unread_bytes(folder / worker.pk, worker)
            if unread:
                waiting += unread
                youngest = max(youngest, written_at(folder / worker.pk))
    return Lag(waiting, time.time() - youngest if waiting else 0.0)


def unread_bytes(folder: Path, worker: Worker) -> int:
    try:
        return JournalReader(folder, worker.segment, worker.offset).unread_bytes()
    except OSError:
        return 0  # a segment was deleted meanwhile, as shipped


def written_at(folder: Path) -> float:
    """When something was written last; now, when the files are being shipped away."""
    try:
        return max((path.stat().st_mtime for path in folder.glob("*.log")), default=time.time())
    except OSError:
        return time.time()

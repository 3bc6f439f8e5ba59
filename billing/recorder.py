"""Tails all journals of this node and ships them: exactly once, also when killed at any point."""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from billing.journal import JournalReader, is_alive
from billing.models import Worker, WorkerState
from billing.records import Closed, Opened, Progress, interrupted
from billing.shipping import Position, PositionMoved, close_worker, return_leases, ship
from chatapi.lib.trouble import Trouble

BATCH = 1000
LEASE_EXPIRY = timedelta(minutes=10)
EXPIRY_CHECK_SECONDS = 30.0
MOST_BACKOFF_SECONDS = 10.0

log = structlog.get_logger("recorder")


@dataclass(slots=True)
class Tail:
    """One worker's journal: how far it is read, and the calls that have begun but not ended."""

    worker_id: str
    reader: JournalReader
    shipped: Position
    opened: dict[str, tuple[Opened, int]] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)


@dataclass(slots=True)
class Chore:
    """Something small that is done beside shipping, every so many seconds; harmless when done
    twice.
    """

    seconds: float
    job: Callable[[], object]
    due_at: float = 0.0


class Recorder:
    """One per node, guarded by a lock file.

    `on_shipped` is told the calls of each batch that is in the database.
    """

    def __init__(
        self,
        folder: Path,
        node: str,
        *,
        interval: float,
        on_shipped: Callable[[list[Closed]], None] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.node = node
        self.interval = interval
        self.stopping = threading.Event()
        self._on_shipped = on_shipped
        self._chores = [Chore(EXPIRY_CHECK_SECONDS, self.expire_lost_nodes)]
        self._tails: dict[str, Tail] = {}
        self._lock = os.open(folder / "recorder.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def add_chore(self, seconds: float, job: Callable[[], object]) -> None:
        """Something small to do every so many seconds beside shipping."""
        self._chores.append(Chore(seconds, job))

    def run(self) -> None:
        """Ship until `stopping` is set, then once more; waits while the database is away, or has
        no room, and while files can't be written.
        """
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        backoff = self.interval
        database_away, disk_failing = (
            Trouble(log, event) for event in ("database_unavailable", "disk_failing")
        )
        while True:
            last = self.stopping.is_set()
            try:
                shipped = self.run_once()
                database_away.end()
                self._do_chores()
                disk_failing.end()
                backoff = self.interval
            except (DatabaseError, OSError) as error:
                trouble = disk_failing if isinstance(error, OSError) else database_away
                trouble.meet(error=str(error)[:200])
                self._put_off_chores()
                connection.close()
                self._tails.clear()
                shipped = 0
                self.stopping.wait(backoff)
                backoff = min(backoff * 2, MOST_BACKOFF_SECONDS)
            if last:
                return
            if shipped < BATCH:
                self.stopping.wait(self.interval)

    def run_once(self) -> int:
        """Ship what is there now and close the journals of dead workers; returns the number of
        records.
        """
        total = 0
        for folder in sorted(self.folder.iterdir()):
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            # Asked before reading: a worker found dead here has written its last record.
            alive = is_alive(folder)
            try:
                total += self._ship_all(folder, alive=alive)
            except PositionMoved:
                # Another recorder, or this one's predecessor, shipped it: read the position again.
                self._tails.pop(folder.name, None)
        return total

    def lag_bytes(self) -> int:
        """Journal bytes of this node that are not in the database yet."""
        return sum(tail.reader.unread_bytes() for tail in self._tails.values())

    def _ship_all(self, folder: Path, *, alive: bool) -> int:
        tail = self._tail(folder)
        total = 0
        while count := self._ship_batch(tail):
            total += count
        if not alive:
            self._close(tail)
        return total

    def _tail(self, folder: Path) -> Tail:
        worker_id = folder.name
        tail = self._tails.get(worker_id)
        if tail is None:
            worker, _ = Worker.objects.get_or_create(pk=worker_id, defaults={"node": self.node})
            position = Position(worker.segment, worker.offset)
            tail = Tail(
                worker_id, JournalReader(folder, position.segment, position.offset), position
            )
            self._read_open_calls(tail)
            self._tails[worker_id] = tail
        return tail

    def _read_open_calls(self, tail: Tail) -> None:
        """After a restart: find the calls that began before the shipped position and have not
        ended.
        """
        first = min((int(path.stem) for path in tail.reader.folder.glob("*.log")), default=1)
        scan = JournalReader(tail.reader.folder, first, 0)
        while (scan.segment, scan.offset) < (tail.shipped.segment, tail.shipped.offset):
            limit = (
                tail.shipped.offset - scan.offset
                if scan.segment == tail.shipped.segment
                else 1 << 20
            )
            segment = scan.segment
            records = scan.read(min(limit, 1 << 20))
            if not records:
                return
            for record in records:
                self._note(tail, record, segment)

    def _ship_batch(self, tail: Tail) -> int:
        ended: list[Closed] = []
        count = 0
        while count < BATCH:
            segment = tail.reader.segment
            records = tail.reader.read(256 * 1024)
            if not records:
                break
            count += len(records)
            for record in records:
                if isinstance(record, Closed):
                    ended.append(record)
                self._note(tail, record, segment)
        position = Position(tail.reader.segment, tail.reader.offset)
        if position == tail.shipped:
            return 0
        ship(tail.worker_id, ended, tail.shipped, position)
        tail.shipped = position
        self._drop_segments(tail)
        if self._on_shipped is not None:
            self._on_shipped(ended)
        return count

    def _note(self, tail: Tail, record: Opened | Progress | Closed, segment: int) -> None:
        if isinstance(record, Opened):
            tail.opened[record.request_id] = (record, segment)
        elif isinstance(record, Progress):
            tail.progress[record.request_id] = record
        else:
            tail.opened.pop(record.request_id, None)
            tail.progress.pop(record.request_id, None)

    def _drop_segments(self, tail: Tail) -> None:
        """Delete what is shipped, but keep segments in which a call began that has not ended."""
        needed = min((segment for _, segment in tail.opened.values()), default=tail.shipped.segment)
        for path in tail.reader.folder.glob("*.log"):
            number = int(path.stem)
            if number < min(needed, tail.shipped.segment) and number not in tail.reader.damaged:
                path.unlink()

    def _close(self, tail: Tail) -> None:
        cut = [
            interrupted(opened, tail.progress.get(key)) for key, (opened, _) in tail.opened.items()
        ]
        if close_worker(tail.worker_id, cut, tail.shipped):
            log.info("worker_closed", worker=tail.worker_id, interrupted=len(cut))
            if self._on_shipped is not None:
                self._on_shipped(cut)
        elif not Worker.objects.filter(pk=tail.worker_id, state=WorkerState.CLOSED).exists():
            raise PositionMoved(tail.worker_id)
        self._put_away(tail)
        self._tails.pop(tail.worker_id, None)

    def _put_away(self, tail: Tail) -> None:
        """Remove the folder; bytes that could not be read are kept beside it for a person to look
        at.
        """
        torn = tail.reader.unread_bytes()
        if torn or tail.reader.damaged:
            log.error(
                "journal_damaged", worker=tail.worker_id, bytes=torn, segments=tail.reader.damaged
            )
            keep = self.folder.parent / "journal-damaged" / tail.worker_id
            keep.parent.mkdir(exist_ok=True)
            shutil.rmtree(keep, ignore_errors=True)
            tail.reader.folder.rename(keep)
            return
        shutil.rmtree(tail.reader.folder)

    def _do_chores(self) -> None:
        now = time.monotonic()
        for chore in self._chores:
            if now >= chore.due_at:
                chore.due_at = now + chore.seconds
                chore.job()

    def _put_off_chores(self) -> None:
        """After an outage other nodes' workers look dead until they have had the time to beat."""
        now = time.monotonic()
        for chore in self._chores:
            chore.due_at = now + chore.seconds

    def expire_lost_nodes(self) -> None:
        """Return the leases of workers on other nodes that have not been seen for LEASE_EXPIRY."""
        here = {path.name for path in self.folder.iterdir() if path.is_dir()}
        lost = Worker.objects.filter(state=WorkerState.OPEN, heartbeat_at__lt=Now() - LEASE_EXPIRY)
        for worker_id in lost.exclude(pk__in=here).values_list("pk", flat=True):
            with transaction.atomic():
                if lost.filter(pk=worker_id).update(state=WorkerState.EXPIRED):
                    return_leases(worker_id)
                    log.warning("worker_lost", worker=worker_id)

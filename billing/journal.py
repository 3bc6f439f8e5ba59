"""The append-only journal of one worker process: written here, shipped by the recorder.

    DATA_DIR/journal/<worker id>/lock           held by the worker as long as it lives
    DATA_DIR/journal/<worker id>/000001.log     records: length, CRC-32, msgpack

The lock tells the recorder of the same machine exactly whether the worker lives: the kernel
gives it free at its death, and a process that is only stopped keeps it.
"""

import fcntl
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from billing.records import Record
from chatapi.lib.disk import sync_data

HEADER = struct.Struct("<II")
SEGMENT_BYTES = 16 * 1024 * 1024
MAX_RECORD_BYTES = 4 * 1024 * 1024
SYNC_SECONDS = 0.05

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


class JournalFull(OSError):
    """The record could not be written; nothing may be sold until it can."""


class Journal:
    """The writing side. One thread appends; a helper thread syncs."""

    def __init__(
        self, folder: Path, *, fsync: str = "interval", segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        # Under a hidden name until it is locked: a recorder must not take it for a dead worker's.
        draft = folder.with_name(f".{folder.name}")
        draft.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.always = fsync == "always"
        self._segment_bytes = segment_bytes
        self._lock = os.open(draft / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(folder)
        self._segment = 0
        self._fd = -1
        self._size = 0
        self._pending = b""
        self._dirty = False
        self._syncing = threading.Lock()
        self._closing = threading.Event()
        self._roll()
        self._thread: threading.Thread | None = None
        if fsync == "interval":
            self._thread = threading.Thread(
                target=self._sync_often, name="journal-sync", daemon=True
            )
            self._thread.start()

    def append(self, record: Record) -> None:
        """One write, of this record and those kept back. Raises JournalFull, and then the file is
        as before.
        """
        self._write(self._pending + _frame(record))
        self._pending = b""

    def append_soon(self, record: Record) -> None:
        """Written with the next `append` or `flush`: for records whose loss changes no charge."""
        self._pending += _frame(record)

    @property
    def has_pending(self) -> bool:
        """Whether something is kept back."""
        return bool(self._pending)

    def flush(self) -> None:
        """Write what was kept back; raises JournalFull."""
        if self._pending:
            self._write(self._pending)
            self._pending = b""

    def _write(self, data: bytes) -> None:
        try:
            if self._size >= self._segment_bytes:
                self._roll()
            written = os.write(self._fd, data)
        except OSError as error:
            raise JournalFull(*error.args) from error
        if written != len(data):
            # A torn record in the middle would hide all that follow it.
            os.ftruncate(self._fd, self._size)
            msg = "the disk is full"
            raise JournalFull(msg)
        self._size += written
        self._dirty = True

    def sync(self) -> None:
        """What was appended so far survives a power cut after this."""
        with self._syncing:
            if self._dirty:
                self._dirty = False
                sync_data(self._fd)

    def free_bytes(self) -> int:
        stat = os.statvfs(self.folder)
        return stat.f_bavail * stat.f_frsize

    def close(self) -> None:
        self.flush()
        self._closing.set()
        if self._thread is not None:
            self._thread.join(5)
        self.sync()
        os.close(self._fd)
        os.close(self._lock)

    def _roll(self) -> None:
        """Raises OSError, and then everything is as before."""
        old = self._fd
        if old >= 0:
            sync_data(old)
        path = segment_path(self.folder, self._segment + 1)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._segment += 1
        self._size = 0
        if old >= 0:
            os.close(old)

    def _sync_often(self) -> None:
        while not self._closing.wait(SYNC_SECONDS):
            try:
                self.sync()
            except OSError:
                # The segment was rolled meanwhile, which syncs it.
                time.sleep(SYNC_SECONDS)


def _frame(record: Record) -> bytes:
    payload = _encode(record)
    return HEADER.pack(len(payload), zlib.crc32(payload)) + payload


def segment_path(folder: Path, segment: int) -> Path:
    return folder / f"{segment:06d}.log"


def read_records(data: bytes) -> Iterator[tuple[int, Record]]:
    """(offset behind the record, record) of each whole record; stops at a torn or corrupt one."""
    position, end = 0, len(data)
    while position + HEADER.size <= end:
        length, checksum = HEADER.unpack_from(data, position)
        stop = position + HEADER.size + length
        if not 0 < length <= MAX_RECORD_BYTES or stop > end:
            return
        payload = data[position + HEADER.size : stop]
        if zlib.crc32(payload) != checksum:
            return
        yield stop, _decode(payload)
        position = stop


class JournalReader:
    """The reading side of one worker's journal, from a position on."""

    def __init__(self, folder: Path, segment: int, offset: int) -> None:
        self.folder = folder
        self.segment = segment
        self.offset = offset
        self.damaged: list[int] = []
        """Segments with bytes that are no record, although later segments exist: a fault of the
        disk.
        """

    def read(self, most_bytes: int = 1024 * 1024) -> list[Record]:
        """The next whole records; moves on to the next segment when this one is read to its end."""
        while True:
            data = self._read_bytes(most_bytes)
            if len(data) == most_bytes and next(read_records(data), None) is None:
                # One record may be larger than what is read at a time.
                data = self._read_bytes(MAX_RECORD_BYTES + HEADER.size)
            records = []
            behind = 0
            for stop, record in read_records(data):
                records.append(record)
                behind = stop
            self.offset += behind
            if records or not self._next_exists():
                return records
            # The writer opens the next segment only after its last write to this one: look once
            # more.
            if self._read_bytes(1):
                if not self._is_torn():
                    continue
                self.damaged.append(self.segment)
            self.segment += 1
            self.offset = 0

    def unread_bytes(self) -> int:
        """Bytes behind the position, over all segments."""
        total = 0
        for path in self.folder.glob("*.log"):
            number = int(path.stem)
            if number >= self.segment:
                size = path.stat().st_size
                total += size - self.offset if number == self.segment else size
        return max(total, 0)

    def _read_bytes(self, most_bytes: int) -> bytes:
        try:
            with segment_path(self.folder, self.segment).open("rb") as file:
                file.seek(self.offset)
                return file.read(most_bytes)
        except FileNotFoundError:
            return b""

    def _next_exists(self) -> bool:
        return segment_path(self.folder, self.segment + 1).exists()

    def _is_torn(self) -> bool:
        return next(read_records(self._read_bytes(MAX_RECORD_BYTES + HEADER.size)), None) is None


def is_alive(folder: Path) -> bool:
    """Whether the worker of this journal still holds its lock."""
    try:
        fd = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)

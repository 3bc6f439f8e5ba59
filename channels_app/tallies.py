"""How much each channel was used lately, counted over all workers of this node.

One memory (a shared file, where there are several workers) holds a row for each worker, which it
alone writes; all are read. A row has a record for each counted thing, found by its tag:

    tag, calls under way, day, calls, tokens and units of that day, then 13 slices of 5 seconds:
    number of the slice, calls, tokens

Any 60 seconds lie within 13 slices, so a limit per minute is never passed; what it let through is
forgotten 60 to 65 seconds later. Times are monotonic seconds, which all processes of a machine
share. A worker that ends leaves its row to the next one: what ran is over, the rest still counts.
"""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import msgspec

from chatapi.lib.shared_rows import map_rows

SLICE_SECONDS = 5
SLICES = 13
HEAD = struct.Struct("<QIIQqq")
CELL = struct.Struct("<III")
CELLS = struct.Struct(f"<{3 * SLICES}I")
RECORD_BYTES = HEAD.size + CELLS.size
SLOTS = 16384
ROW_BYTES = SLOTS * RECORD_BYTES
PROBES = 4
MOST = 2**32 - 1


class Count(msgspec.Struct):
    """Of the last minute and of the day."""

    running: int = 0
    requests: int = 0
    tokens: int = 0
    day_requests: int = 0
    day_tokens: int = 0
    day_units: int = 0


class Entry(msgspec.Struct):
    """A call that was counted: where, and with how many tokens."""

    tag: int
    slice: int
    day: int
    tokens: int


def make_tag(channel_id: int, model: str = "") -> int:
    """Of a channel, or of one of its models."""
    return (channel_id << 32 | (crc32(model.encode()) if model else 0)) & (2**64 - 1)


class Tallies:
    """Counts this process alone until `share` is called. `day` is the number of the present day; a
    record of another one counts as empty.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, ROW_BYTES)
        self._row, self._rows = 0, 1
        self._places: dict[int, int] = {}
        self.day = 0

    def share(self, path: Path, row: int, rows: int) -> None:
        """Count together with the other workers of the node; this one owns `row`."""
        self._memory = map_rows(path, rows, ROW_BYTES)
        self._row, self._rows = row, rows
        self._places.clear()
        for place in range(row * ROW_BYTES, (row + 1) * ROW_BYTES, RECORD_BYTES):
            if any(self._memory[place + 8 : place + 12]):
                self._memory[place + 8 : place + 12] = bytes(4)

    def begin(self, tag: int, now: float, tokens: int) -> Entry:
        """One more call under way, of about so many tokens; `end` must follow."""
        place, number = self._own_place(tag, now), int(now // SLICE_SECONDS)
        self._change_head(place, 1, 1, tokens, 0)
        self._change_cell(place, number, 1, tokens)
        return Entry(tag, number, self.day, tokens)

    def end(self, entry: Entry, now: float, tokens: int, units: int) -> None:
        """The call is over, and consumed so much in fact."""
        place = self._own_place(entry.tag, now)
        more = tokens - entry.tokens if entry.day == self.day else tokens
        self._change_head(place, -1, 0, more, units)
        number = int(now // SLICE_SECONDS)
        if entry.slice > number - SLICES:
            self._change_cell(place, entry.slice, 0, tokens - entry.tokens)
        else:
            self._change_cell(place, number, 0, tokens)

    def read(self, tag: int, now: float, *, own: bool = False) -> Count:
        """What all workers of the node counted, or this one alone."""
        count = Count()
        newest = int(now // SLICE_SECONDS)
        for place in self._places_of(tag) if not own else self._own_places(tag):
            _, running, day, requests, tokens, units = HEAD.unpack_from(self._memory, place)
            count.running += running
            if day == self.day:
                count.day_requests += requests
                count.day_tokens += tokens
                count.day_units += units
            cells = CELLS.unpack_from(self._memory, place + HEAD.size)
            for index in range(0, 3 * SLICES, 3):
                # A number still to come is of the time before the machine started anew.
                if newest - SLICES < cells[index] <= newest:
                    count.requests += cells[index + 1]
                    count.tokens += cells[index + 2]
        return count

    def tags(self) -> list[int]:
        """All that this worker counted."""
        return list(self._places)

    def _change_head(
        self, place: int, running: int, requests: int, tokens: int, units: int
    ) -> None:
        tag, before, day, *sums = HEAD.unpack_from(self._memory, place)
        if day != self.day:
            sums = [0, 0, 0]
        HEAD.pack_into(
            self._memory,
            place,
            tag,
            max(before + running, 0),
            self.day,
            sums[0] + requests,
            max(sums[1] + tokens, 0),
            sums[2] + units,
        )

    def _change_cell(self, place: int, number: int, requests: int, tokens: int) -> None:
        cell = place + HEAD.size + number % SLICES * CELL.size
        told, before_requests, before_tokens = CELL.unpack_from(self._memory, cell)
        if told != number:
            before_requests = before_tokens = 0
        sums = before_requests + requests, min(max(before_tokens + tokens, 0), MOST)
        CELL.pack_into(self._memory, cell, number, *sums)

    def _own_place(self, tag: int, now: float) -> int:
        """Where this worker counts it. When all places it may have are taken by others that are in
        use, it shares the first, which is only stricter.
        """
        found = self._places.get(tag)
        if found is not None:
            return found
        places = list(self._candidates(tag, self._row))
        free = next((place for place in places if self._is_free(place, tag, now)), None)
        place = places[0] if free is None else free
        told = int.from_bytes(self._memory[place : place + 8], "little")
        if free is not None and told != tag:
            self._places.pop(told, None)
            self._memory[place : place + RECORD_BYTES] = bytes(RECORD_BYTES)
            HEAD.pack_into(self._memory, place, tag, 0, self.day, 0, 0, 0)
        self._places[tag] = place
        return place

    def _is_free(self, place: int, tag: int, now: float) -> bool:
        told, running, day, *_ = HEAD.unpack_from(self._memory, place)
        if told in {0, tag}:
            return True
        newest = int(now // SLICE_SECONDS)
        cells = CELLS.unpack_from(self._memory, place + HEAD.size)
        is_old = all(not newest - SLICES < number <= newest for number in cells[::3])
        return is_old and not running and day != self.day

    def _candidates(self, tag: int, row: int) -> Iterator[int]:
        first = (tag ^ tag >> 32) * 2654435761
        for step in range(PROBES):
            yield row * ROW_BYTES + (first + step) % SLOTS * RECORD_BYTES

    def _places_of(self, tag: int) -> Iterator[int]:
        for row in range(self._rows):
            if row == self._row:
                yield from self._own_places(tag)
                continue
            yield from self._look_up(tag, row)

    def _own_places(self, tag: int) -> Iterator[int]:
        found = self._places.get(tag)
        if found is not None:
            yield found
        else:
            yield from self._look_up(tag, self._row)

    def _look_up(self, tag: int, row: int) -> Iterator[int]:
        for place in self._candidates(tag, row):
            if int.from_bytes(self._memory[place : place + 8], "little") == tag:
                yield place
                return

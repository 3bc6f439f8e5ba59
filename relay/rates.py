"""Calls of the last minute per token, counted over all workers of this node, and over the nodes.

One memory (a shared file, where there are several workers) holds a row for each worker, which it
alone writes; all are read. A row has a record for each token, found by its number:

    number of the newest slice of 5 seconds, then the calls of the 13 slices up to it, in a ring

Any 60 seconds lie within 13 slices, so one worker never lets through more than the limit in any
minute. Several may each let one call in at the same instant: the limit is passed by less than their
number in such a race. A call is forgotten 60 to 65 seconds later, so somebody who calls steadily
gets at least 12/13 of the limit.

Several nodes tell each other through Redis about twice a second what they counted
(channels_app.sharing), and divide what is left as with the limits of channels: together they may
pass the limit by what they begin within that time. Without Redis each counts apart.

Times are Unix seconds, which outlive a restart of the machine as the file does; where the clock is
set back, what was counted is forgotten. A worker that ends leaves its row to the next one.
"""

import mmap
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import ceil
from pathlib import Path

from chatapi.lib.shared_rows import map_rows

SLICE_SECONDS = 5
SLICES = 13
RECORD = struct.Struct(f"<I{SLICES}I")
SLOTS = 65536
ROW_BYTES = SLOTS * RECORD.size
MOST_TOLD = 5_000
"""Tokens that a worker tells other nodes of; further ones are counted apart."""


class Rates:
    """Without `share` it counts this process alone. Tokens whose numbers are a multiple of SLOTS
    apart share a record, which is only stricter.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, ROW_BYTES)
        self._row, self._rows = 0, 1
        self._told: dict[int, int] = {}
        """The newest slice of each record that this worker wrote lately."""
        self._nodes = 1
        self._foreign: Mapping[int, int] = {}
        self._at_sync: dict[int, int] = {}

    def share(self, path: Path, row: int, rows: int) -> None:
        """Count together with the other workers of the node; this one owns `row`."""
        self._memory = map_rows(path, rows, ROW_BYTES)
        self._row, self._rows = row, rows

    def enter(self, token_id: int, limit: int, now: float) -> int:
        """Count one more call of the token and return 0, unless its last minute had `limit`: then
        the seconds until there is room again.
        """
        newest = int(now // SLICE_SECONDS)
        slot = token_id % SLOTS
        place = slot * RECORD.size
        calls = sum(_still(*found, newest) for found in self._rings(place, newest))
        if self._nodes > 1:
            limit = self._share_of(slot, calls, limit)
        if calls >= limit:
            return self._seconds_to_room(place, calls - limit, newest, now)
        self._count(self._row * ROW_BYTES + place, newest)
        self._told[slot] = newest
        return 0

    def _share_of(self, slot: int, calls: int, limit: int) -> int:
        """How far this node may go until it hears of the others again."""
        elsewhere = self._foreign.get(slot, 0)
        before = self._at_sync.setdefault(slot, calls)
        left = max(limit - before - elsewhere, 0)
        return min(before + -(-left // self._nodes), max(limit - elsewhere, 0))

    # --- What nodes tell each other ---

    def tell(self, now: float) -> dict[int, int]:
        """What this worker alone counted, by record."""
        newest = int(now // SLICE_SECONDS)
        self._told = {slot: last for slot, last in self._told.items() if last > newest - SLICES}
        start = self._row * ROW_BYTES
        found = {}
        for slot in islice(self._told, MOST_TOLD):
            told, *ring = RECORD.unpack_from(self._memory, start + slot * RECORD.size)
            found[slot] = _still(told, ring, newest)
        return found

    def hear(self, foreign: Mapping[int, int], nodes: int) -> None:
        """What the other nodes counted; `nodes` are all that live, this one among them."""
        self._foreign, self._nodes, self._at_sync = foreign, nodes, {}

    def lose(self) -> None:
        """Nobody can be heard: this node keeps to its share among those that there were."""
        self._foreign = {}

    def _rings(self, place: int, newest: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """(number of the newest slice, ring) of each worker that counted calls of the last minute.

        A slice still to come is of the time before the clock was set back.
        """
        for start in range(place, place + self._rows * ROW_BYTES, ROW_BYTES):
            found = RECORD.unpack_from(self._memory, start)
            if newest - SLICES < found[0] <= newest:
                yield found[0], found[1:]

    def _count(self, place: int, newest: int) -> None:
        told, *ring = RECORD.unpack_from(self._memory, place)
        if not newest - SLICES < told <= newest:
            ring = [0] * SLICES
        for number in range(max(told + 1, newest - SLICES + 1), newest + 1):
            ring[number % SLICES] = 0
        ring[newest % SLICES] += 1
        RECORD.pack_into(self._memory, place, newest, *ring)

    def _seconds_to_room(self, place: int, too_many: int, newest: int, now: float) -> int:
        """When more than `too_many` of the calls are forgotten. At least one second."""
        rings = list(self._rings(place, newest))
        for oldest in range(newest - SLICES + 1, newest + 1):
            too_many -= sum(ring[oldest % SLICES] for told, ring in rings if oldest <= told)
            if too_many < 0:
                return max(1, ceil((oldest + SLICES) * SLICE_SECONDS - now))
        return SLICES * SLICE_SECONDS


def _still(told: int, ring: Sequence[int], newest: int) -> int:
    """The calls of a ring without the slices that are over since it was written."""
    return sum(ring) - sum(ring[number % SLICES] for number in range(told + 1, newest + 1))

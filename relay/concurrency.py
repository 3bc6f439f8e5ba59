"""Calls at the same time per token, counted over all workers of this node.

A shared memory file holds one row of counters per worker, so a dead worker's counts vanish with
its row. Two workers may let one call each in at the same instant: the limit is exact per worker and
may be exceeded by their number in such a race.
"""

import mmap
import struct
from pathlib import Path

from chatapi.lib.shared_rows import map_rows

SLOTS = 65536
CELL = struct.Struct("<H")
ROW_BYTES = SLOTS * CELL.size


class Concurrency:
    """Without `share` it counts this process alone; two tokens may share a slot, which is only
    stricter.
    """

    def __init__(self) -> None:
        self._own: dict[int, int] = {}
        self._memory: mmap.mmap | None = None
        self._rows = 1
        self._row = 0

    def share(self, path: Path, row: int, rows: int) -> None:
        """Count together with the other workers of the node; this one owns `row`, which starts at
        zero.
        """
        self._memory = map_rows(path, rows, ROW_BYTES)
        self._rows, self._row = rows, row
        self._memory[row * ROW_BYTES : (row + 1) * ROW_BYTES] = bytes(ROW_BYTES)

    def enter(self, token_id: int, limit: int) -> bool:
        """Count one more call of the token, unless `limit` run already."""
        if self._running(token_id) >= limit:
            return False
        self._add(token_id, 1)
        return True

    def leave(self, token_id: int) -> None:
        self._add(token_id, -1)

    def _running(self, token_id: int) -> int:
        if self._memory is None:
            return self._own.get(token_id, 0)
        slot = (token_id % SLOTS) * CELL.size
        return sum(
            CELL.unpack_from(self._memory, row * ROW_BYTES + slot)[0] for row in range(self._rows)
        )

    def _add(self, token_id: int, change: int) -> None:
        if self._memory is None:
            count = self._own.get(token_id, 0) + change
            if count:
                self._own[token_id] = count
            else:
                self._own.pop(token_id, None)
            return
        place = self._row * ROW_BYTES + (token_id % SLOTS) * CELL.size
        CELL.pack_into(self._memory, place, CELL.unpack_from(self._memory, place)[0] + change)

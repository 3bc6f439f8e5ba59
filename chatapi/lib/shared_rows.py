"""Memory that the workers of a node have in common: a file with a row for each of them."""

import mmap
import os
from pathlib import Path

from chatapi.lib.disk import take_room


def map_rows(path: Path, rows: int, row_bytes: int) -> mmap.mmap:
    """So many rows of the file, which is made, or made longer, where it must be. Raises OSError
    where the disk has no room for it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        take_room(fd, rows * row_bytes)
        return mmap.mmap(fd, rows * row_bytes)
    finally:
        os.close(fd)

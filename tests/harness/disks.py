"""Small disks that tests fill to the last byte: file systems in memory, which root mounts."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.harness.lacking import lacking
from tests.harness.waiting import wait_for

MEGABYTE = 1024 * 1024
PIECE = 64 * 1024


class Disk:
    """A mounted file system, and the ballast that fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    @property
    def free_bytes(self) -> int:
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Until only so many bytes are left; without `leave`, until nobody can write any more."""
        fd = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while self.free_bytes > leave:
                size = min(max(self.free_bytes - leave, 1), PIECE)
                os.write(fd, bytes(size))
        except OSError:
            # Somebody else took the last bytes meanwhile.
            return
        finally:
            os.close(fd)

    def empty(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Mounted while the block lasts; skips where mounting is not permitted. As root it fails
    there, where services are required: a machine that tests everything shall test this.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        refuse(error)
    try:
        yield Disk(folder)
    finally:
        wait_for(lambda: unmount(folder), f"{folder} is in use")


def refuse(error: OSError | subprocess.CalledProcessError) -> NoReturn:
    """Only root may mount: for others there is nothing to install that would help."""
    said = getattr(error, "stderr", "") or str(error)
    reason = f"a full disk can't be tried, mounting a small one is not permitted: {said.strip()}"
    if os.geteuid() == 0:
        lacking(reason)
    # Not root: CI is, and fails above.
    pytest.skip(reason)


def unmount(folder: Path) -> bool:
    return subprocess.run(["umount", folder], check=False, capture_output=True).returncode == 0

"""What the disk must have taken for certain: room, and bytes."""

import fcntl
import os
import sys


def take_room(fd: int, size: int) -> None:
    """The file is at least `size` bytes long, without holes: whoever first touches a mapped page of
    a hole, while the disk is full, is killed (SIGBUS). Raises OSError where there is no room.
    """
    if sys.platform != "darwin":
        os.posix_fallocate(fd, 0, size)
    else:
        length = os.fstat(fd).st_size
        os.pwrite(fd, bytes(max(size - length, 0)), length)


def sync_data(fd: int) -> None:
    """What was written to the file survives a loss of power. Raises OSError."""
    if sys.platform != "darwin":
        os.fdatasync(fd)
    else:
        # fsync leaves it in the drive's cache there:
        # https://developer.apple.com/library/archive/documentation/System/Conceptual/ManPages_iPhoneOS/man2/fsync.2.html
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)

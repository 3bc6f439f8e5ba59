"""What a child process of `serve` does to end with it."""

import ctypes
import os
import signal
from collections.abc import Callable
from types import FrameType

PR_SET_PDEATHSIG = 1
SUPERVISED = "CHATAPI_SUPERVISED"


def die_with_parent() -> bool:
    """Under `serve`: be told to stop when it is killed, and leave Ctrl-C to it. True if
    supervised.
    """
    parent = os.environ.get(SUPERVISED)
    if parent is None:
        return False
    die_with(int(parent))
    return True


def die_with(parent: int) -> None:
    """Be told to stop when this process, which started us, is gone. Linux only."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def ignore_interrupt(
    handler: Callable[[int, FrameType | None], None],
) -> Callable[[int, FrameType | None], None]:
    """A signal handler that leaves SIGINT out."""

    def handle(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGINT:
            handler(number, frame)

    return handle

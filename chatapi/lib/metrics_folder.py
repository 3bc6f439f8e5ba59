"""Where the processes of a node share their numbers; must be said before prometheus_client is
imported.
"""

import os
from pathlib import Path

from chatapi.lib.disk import take_room

KINDS = ("counter", "gauge_livesum")
ROOM = 256 * 1024
"""For some thousand numbers of each kind."""


def use_metrics_folder(folder: Path) -> None:
    """For the numbers of this process, in files as prometheus_client names them."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    for kind in KINDS:
        # The library makes files with holes.
        fd = os.open(folder / f"{kind}_{os.getpid()}.db", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            take_room(fd, ROOM)
        finally:
            os.close(fd)

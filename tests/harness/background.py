"""The background worker of `serve` with its timetable, without web workers and recorder."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from channels_app.simulator.process import PROJECT
from tests.harness.gateway import DIE_WITH_US, Gateway, clean_environment, kill
from tests.harness.process_tree import children, command_line
from tests.harness.waiting import wait_for


class Background:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def worker(self) -> int | None:
        found = [pid for pid in children(self.process.pid) if "celery" in command_line(pid)]
        return found[0] if found else None

    def pair(self) -> tuple[int, int] | None:
        """The worker, and its child with the timetable."""
        worker = self.worker()
        beats = children(worker) if worker else []
        return (worker, beats[0]) if worker and beats else None


@contextmanager
def running_background(gateway: Gateway) -> Iterator[Background]:
    """In the folder of an installation, while the block lasts."""
    command = [*DIE_WITH_US, sys.executable, str(PROJECT / "manage.py"), "serve"]
    with (gateway.folder / "background.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--only", "worker"],
            env={**clean_environment(gateway.folder), "SQL_DSN": gateway.store.dsn},
            cwd=gateway.folder,
            stdout=log,
            stderr=log,
        )
    background = Background(process)
    try:
        wait_for(background.pair, "no background worker came")
        yield background
    finally:
        left = [process.pid, *(background.pair() or ())]
        for pid in left:
            kill(pid)
        process.wait()

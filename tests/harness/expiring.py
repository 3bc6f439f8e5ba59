"""Expires lots as the timetables of nodes do: `expiring THREADS`, all at once with the first line
of its standard input; `expiring 0` in children that are killed at one statement after the other.

Prints, as its last line, how many lots ended, or how many children were killed.
"""

import json
import os
import signal
import sys
import threading
from itertools import count
from typing import Any

import django
from django.db import connection, connections

FIRST, PLACES = 12, 24
"""Later than the first lot's statements, so that each child also ends a lot or two."""


def main() -> None:
    django.setup()
    # A pool has threads, and children have none of them.
    connection.settings_dict["OPTIONS"].pop("pool", None)
    threads = int(sys.argv[1])
    found = expire_at_once(threads) if threads else die_everywhere()
    sys.stdout.write("\n" + json.dumps(found) + "\n")


def expire_at_once(threads: int) -> int:
    ended: list[int] = []
    barrier = threading.Barrier(threads)

    def work() -> None:
        from billing.tasks import expire_due_lots  # noqa: PLC0415 -- needs Django's registry

        barrier.wait()
        try:
            ended.append(expire_due_lots())
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    sys.stdin.readline()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(ended)


def die_everywhere() -> int:
    killed = 0
    for place in range(FIRST, FIRST + PLACES):
        connections.close_all()
        pid = os.fork()
        if pid == 0:
            expire_until(place)
            os._exit(0)
        killed += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    return killed


def expire_until(place: int) -> None:
    from billing.tasks import expire_due_lots  # noqa: PLC0415 -- needs Django's registry

    numbers = count(1)

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 -- Django's signature
        if next(numbers) == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        expire_due_lots()


if __name__ == "__main__":
    main()

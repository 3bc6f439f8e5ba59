"""Twice as many calls as one worker can serve."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.processes import family, member_with_role, memory_of
from bench.workbench import LONG, TAKE_IN_SECONDS, Bench

LEAST_LATE_MILLISECONDS = 8
"""What a worker may be late; more on a machine that takes long for a single call."""


def run_overload(bench: Bench) -> None:
    """What the worker serves is found first, then twice as much is sent."""
    bench.add_channel("much", bench.provider, "o1")
    time.sleep(TAKE_IN_SECONDS)
    alone = bench.send("much", 5, 4, LONG).ms(0.5, 200)
    late_ms = max(LEAST_LATE_MILLISECONDS, round(0.7 * alone))
    bench.manage("constance", "set", "OverloadMilliseconds", str(late_ms))
    time.sleep(TAKE_IN_SECONDS)
    web = member_with_role(bench.gateway.pid, "web")
    with own_core(web):
        capacity = find_capacity(bench)
        calm = bench.send("much", capacity * 0.8, 10, LONG).ms(0.99, 200)
        before = memory_of(web)
        answers = bench.send("much", capacity * 2, 20, LONG).after(5)
        grown = memory_of(web) / before - 1
        late = bench.send("much", capacity * 0.5, 10, LONG).after(5).statuses()
    statuses = answers.statuses()
    served, refused = answers.ms(0.99, 200), answers.ms(0.99, 503)

    def note(what: str, found: object, wanted: str, *, is_met: bool) -> None:
        bench.note("overload", what, found, wanted, is_met=is_met)

    note("a worker may be late", f"{late_ms} ms", "-", is_met=True)
    note("calls per second served", f"{capacity:.0f}", "-", is_met=True)
    note("answers", statuses, "200 and 503", is_met=set(statuses) == {200, 503})
    limit = f"<= 2 x {calm:.0f} ms"
    note("p99 of those let in", f"{served:.0f} ms", limit, is_met=served <= 2 * calm)
    note("p99 of those refused", f"{refused:.0f} ms", "<= 100 ms", is_met=refused <= 100)
    note("memory grown by", f"{grown:.0%}", "<= 20 %", is_met=grown <= 0.2)
    note("answers 5 s later", late, "200", is_met=set(late) == {200})


@contextmanager
def own_core(pid: int) -> Iterator[None]:
    """One process has the first core; all that we started have the others."""
    cores = os.sched_getaffinity(0)
    first = {min(cores)}
    members = family(os.getpid())
    try:
        for one in members:
            move_to_cores(one, first if one == pid else cores - first or first)
        yield
    finally:
        for one in members:
            move_to_cores(one, cores)


def move_to_cores(pid: int, cores: set[int]) -> None:
    """With all threads; those that begin later have their maker's cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)


def find_capacity(bench: Bench) -> float:
    """Calls per second that are answered when more and more are sent."""
    rate = 50.0
    while rate < 20_000:
        answers = bench.send("much", rate, 4, LONG)
        missing = len(answers.found) - answers.statuses().get(200, 0)
        if answers.ms(0.95, 200) > 100 or missing > 0.02 * len(answers.found):
            return rate / 1.2
        rate *= 1.2
    return rate

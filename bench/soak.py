"""Half of what a worker serves, for a long time, with a fault each minute: nothing may grow."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import uvloop

from bench.open_loop import Answers, OpenLoop
from bench.processes import family, member_with_role, memory_of
from bench.targets import free_port
from bench.workbench import CHAT, TAKE_IN_SECONDS, Bench

MINUTES = float(os.environ.get("SOAK_MINUTES", "20"))
SETTLED = 0.25
"""So much of the time everything may still grow: five minutes of twenty."""
FAULT_EVERY, FAULT_LASTS = 60.0, 15.0
SAMPLE_SECONDS = 5.0
FIRST = "--priority=9"
STREAM = {**CHAT[1], "stream": True}
CLAUDE = {**STREAM, "max_tokens": 20}
BAD_CHANNELS: Mapping[str, tuple[str, ...]] = {
    "sim-key-status:code=500": (),
    "sim-key-status:code=429:retry_after=2": (),
    "sim-key-hang": ("--first-byte-seconds=1", "--total-seconds=1"),
    "sim-key-cut": (),
    "sim-key-reset": (),
    "sim-key-malformed": (),
}
"""What a preferred channel does for a while, by its key, and how long calls wait for it."""
KILLED = ("recorder", "worker")


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes hold; `at` in minutes, `memory` in MB and of the web worker alone."""

    at: float
    memory: float
    files: int
    databases: int


def run_soak(bench: Bench) -> None:
    for key in ("s1", "s2"):
        bench.add_channel("soak", bench.provider, key)
    bench.add_channel("soak-slow", bench.provider, "sim-key-tokens:n=100:rate=50")
    faults = list(prepare_faults(bench))
    time.sleep(TAKE_IN_SECONDS)
    rate = find_capacity(bench) / 2
    samples, answers = uvloop.run(soak(bench, rate, faults))
    settled = [one for one in samples if one.at >= MINUTES * SETTLED]
    slope = statistics.linear_regression(
        [one.at for one in settled], [one.memory for one in settled]
    ).slope
    statuses = answers.statuses()

    def note(what: str, found: object, wanted: str, *, is_met: bool) -> None:
        bench.note("soak", what, found, wanted, is_met=is_met)

    failed = len(answers.found) - statuses.get(200, 0)
    note("calls", f"{len(answers.found)} at {rate:.0f}/s", "-", is_met=True)
    note("answers but 200", f"{failed / len(answers.found):.2%}", "-", is_met=True)
    note("p50, p99 of answers", f"{answers.ms(0.5, 200):.1f}, {answers.ms(0.99, 200):.0f} ms", "-",
         is_met=True)  # fmt: skip
    memory = f"{settled[0].memory:.0f} to {settled[-1].memory:.0f} MB"
    note("memory of the web worker", memory, "-", is_met=True)
    note("memory per minute", f"{slope:+.2f} MB", "<= 1 MB", is_met=slope <= 1)
    for what in ("files", "databases"):
        early, late = thirds(settled, what)
        note(f"{what} open", f"{early} to {late}", "no more", is_met=late <= early + 2)


def thirds(samples: list[Sample], what: str) -> tuple[int, int]:
    """The median of the first and of the last third."""
    values = [int(getattr(one, what)) for one in samples]
    part = max(len(values) // 3, 1)
    return int(statistics.median(values[:part])), int(statistics.median(values[-part:]))


async def soak(bench: Bench, rate: float, faults: list[str]) -> tuple[list[Sample], Answers]:
    """The calls of whole answers, of streams, of another dialect and of clients that leave."""
    samples: list[Sample] = []
    watching = asyncio.create_task(watch(bench, samples))
    breaking = asyncio.create_task(break_things(bench, faults))
    seconds = MINUTES * 60
    kinds: list[tuple[float, str, dict[str, Any]]] = [
        (0.6, CHAT[0], {"model": "soak", **CHAT[1]}),
        (0.25, CHAT[0], {"model": "soak", **STREAM}),
        (0.1, "/v1/messages", {"model": "soak", **CLAUDE}),
    ]
    loops = [OpenLoop(bench.gateway, path, body).run(rate * share, seconds)
             for share, path, body in kinds]  # fmt: skip
    leaving = OpenLoop(bench.gateway, CHAT[0], {"model": "soak-slow", **STREAM}, patience=0.3)
    *found, _ = await asyncio.gather(*loops, leaving.run(rate * 0.05, seconds))
    breaking.cancel()
    watching.cancel()
    answers = Answers([one for answers in found for one in answers.found])
    bench.gateway.calls += answers.statuses().get(200, 0)
    return samples, answers


async def watch(bench: Bench, samples: list[Sample]) -> None:
    began = time.monotonic()
    while True:
        memory = memory_of(member_with_role(bench.gateway.pid, "web")) / 1024**2
        files = [name for pid in family(bench.gateway.pid) for name in open_files(pid)]
        databases = sum(name.endswith("chatapi.db") for name in files)
        at = (time.monotonic() - began) / 60
        samples.append(Sample(at, memory, sum(map(is_kept, files)), databases))
        await asyncio.sleep(SAMPLE_SECONDS)


def open_files(pid: int) -> Iterator[str]:
    try:
        for path in Path(f"/proc/{pid}/fd").iterdir():
            yield str(path.readlink())
    except (FileNotFoundError, ProcessLookupError):
        return


def is_kept(name: str) -> bool:
    """Connections come and go with the calls."""
    return not name.startswith("socket:")


async def break_things(bench: Bench, faults: list[str]) -> None:
    """One fault a minute: a bad channel is preferred for a while, or a process is killed."""
    for fault in cycle([*faults, *KILLED]):
        await asyncio.sleep(FAULT_EVERY - FAULT_LASTS)
        if fault in KILLED:
            os.kill(member_with_role(bench.gateway.pid, fault), signal.SIGKILL)
            await asyncio.sleep(FAULT_LASTS)
            continue
        await asyncio.to_thread(bench.manage, "channel", "enable", fault)
        await asyncio.sleep(FAULT_LASTS)
        await asyncio.to_thread(bench.manage, "channel", "disable", fault)


def prepare_faults(bench: Bench) -> Iterator[str]:
    """The names of channels that are disabled until their minute comes."""
    nobody = f"http://127.0.0.1:{free_port()}"
    places = [(key, bench.provider, more) for key, more in BAD_CHANNELS.items()]
    for key, url, more in [*places, ("refusing", nobody, ())]:
        bench.add_channel("soak", url, key, FIRST, *more)
        name = f"soak-{key}"
        bench.manage("channel", "disable", name)
        yield name


def find_capacity(bench: Bench) -> float:
    """Plain calls per second that are answered within 50 ms."""
    rate = 100.0
    while rate < 5_000:
        answers = bench.send("soak", rate, 4)
        missing = len(answers.found) - answers.statuses().get(200, 0)
        if answers.ms(0.95, 200) > 50 or missing > 0.02 * len(answers.found):
            return rate / 1.25
        rate *= 1.25
    return rate

"""Runs what goes wrong with channels, and prints what clients saw of it.

dead      one channel of three is gone: nobody notices
all dead  every channel is gone: 503 at once, with Retry-After
slow      one channel of three answers ten times as late, beyond its deadline
recovery  a channel that was gone comes back
overload  twice as many calls as one worker can serve
soak      half of that for SOAK_MINUTES (20), with a fault each minute: only when it is named

`python -m bench.reliability` runs all but that, or those that are named.
"""

import argparse
import asyncio
import json
import math
import os
import sqlite3
import sys
import time
from collections.abc import Callable

import uvloop

from bench.gateway import audit
from bench.measures import describe_machine
from bench.open_loop import OpenLoop
from bench.overload import run_overload
from bench.soak import run_soak
from bench.targets import TargetFailed, free_port
from bench.workbench import CHAT, TAKE_IN_SECONDS, Bench, open_bench
from channels_app.simulator.process import running_simulator

PER_SECOND = 40.0


def run_dead(bench: Bench) -> None:
    """One of three channels refuses connections."""
    for key, url in (("d1", nowhere()), ("d2", bench.provider), ("d3", bench.provider)):
        bench.add_channel("dead", url, key)
    time.sleep(TAKE_IN_SECONDS)
    answers = bench.send("dead", PER_SECOND, 15)
    errors = len(answers.found) - answers.statuses().get(200, 0)
    bench.note("dead", "errors that clients saw", errors, "0", is_met=errors == 0)
    failed = failed_attempts(bench, "dead")
    share = failed / len(answers.found)
    bench.note("dead", "extra attempts", f"{share:.1%}", "<= 20 %", is_met=share <= 0.2)


def run_all_dead(bench: Bench) -> None:
    for key in ("a1", "a2", "a3"):
        bench.add_channel("all-dead", nowhere(), key)
    time.sleep(TAKE_IN_SECONDS)
    answers = bench.send("all-dead", PER_SECOND, 10)
    refused = answers.after(2)
    slowest = refused.ms(1)
    statuses = refused.statuses()
    bench.note("all dead", "answers", statuses, "503", is_met=set(statuses) == {503})
    bench.note("all dead", "slowest", f"{slowest:.0f} ms", "< 1 s", is_met=slowest < 1000)
    told = all(one.retry_after for one in refused.found)
    bench.note("all dead", "Retry-After told", told, "True", is_met=told)
    differences = audit(bench.installation)
    bench.note("all dead", "audit", differences, "[]", is_met=not differences)


def run_slow(bench: Bench) -> None:
    """A healthy answer takes 200 ms, the slow channel's two seconds; its deadline is one."""
    bench.add_channel("healthy", bench.provider, "sim-key-slow:seconds=0.2")
    for key in (
        "sim-key-slow:seconds=2",
        "sim-key-slow:seconds=0.2:s2",
        "sim-key-slow:seconds=0.2:s3",
    ):
        bench.add_channel("slow", bench.provider, key, "--total-seconds=1")
    time.sleep(TAKE_IN_SECONDS)
    healthy = bench.send("healthy", PER_SECOND / 2, 8).ms(0.99, 200)
    answers = bench.send("slow", PER_SECOND / 2, 50)
    late = answers.after(30)
    slow = late.ms(0.99, 200)
    errors = len(answers.found) - answers.statuses().get(200, 0)
    bench.note("slow", "errors that clients saw", errors, "0", is_met=errors == 0)
    bench.note("slow", "p99 after 30 s", f"{slow:.0f} ms", f"<= 2 x {healthy:.0f} ms",
               is_met=slow <= 2 * healthy)  # fmt: skip


def run_recovery(bench: Bench) -> None:
    """The preferred channel is gone for 25 s, and comes back."""
    port = free_port()
    bench.add_channel("back", f"http://127.0.0.1:{port}", "b1", "--priority=5")
    bench.add_channel("back", bench.provider, "b2")
    time.sleep(TAKE_IN_SECONDS)
    bench.send("back", PER_SECOND, 20)
    with running_simulator(port) as address:
        watched = Bench(bench.installation, bench.gateway, address, bench.findings)
        returned, first_second = uvloop.run(watch_return(watched))
    found = "never" if returned is None else f"{returned:.1f} s"
    bench.note(
        "recovery",
        "traffic is back after",
        found,
        "<= 60 s",
        is_met=returned is not None and returned <= 60,
    )
    bench.note(
        "recovery", "calls in its first second", first_second, "<= 3", is_met=first_second <= 3
    )


async def watch_return(bench: Bench) -> tuple[float, int]:
    """(seconds until the channel carries the calls again, calls within a second of its first)."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    sending = asyncio.create_task(
        OpenLoop(bench.gateway, CHAT[0], {"model": "back", **CHAT[1]}).run(PER_SECOND, 60)
    )
    first: float | None = None
    in_first_second, carried = 0, math.inf
    while not sending.done():
        await asyncio.sleep(0.1)
        calls = await asyncio.to_thread(bench.calls_of, "b1")
        now = loop.time()
        if calls and first is None:
            first = now
        if first is not None and now - first <= 1.0:
            in_first_second = calls
        if carried == math.inf and calls >= PER_SECOND:
            carried = now - began
    answers = await sending
    bench.gateway.calls += answers.statuses().get(200, 0)
    return carried, in_first_second


def failed_attempts(bench: Bench, model: str) -> int:
    """By the usage rows: attempts that failed before another channel answered."""
    bench.gateway.settle(bench.gateway)
    with sqlite3.connect(bench.installation.data_dir / "chatapi.db") as books:
        rows = books.execute("SELECT attempts FROM billing_usage WHERE model = ?", (model,))
        found = [json.loads(text or "[]") for (text,) in rows]
    return sum(
        bool(attempt.get("error")) and not attempt["error"].startswith("skipped:")
        for attempts in found
        for attempt in attempts
    )


def nowhere() -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


RUNS: dict[str, Callable[[Bench], None]] = {
    "dead": run_dead,
    "all-dead": run_all_dead,
    "slow": run_slow,
    "recovery": run_recovery,
    "overload": run_overload,
    "soak": run_soak,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.reliability", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("runs", nargs="*", metavar="run", help=", ".join(RUNS))
    names = parser.parse_args().runs or [name for name in RUNS if name != "soak"]
    print(describe_machine(), f"load {os.getloadavg()[0]:.1f}")
    try:
        with open_bench() as bench:
            for name in names:
                print(f"running {name} ...", file=sys.stderr, flush=True)
                RUNS[name](bench)
            differences = audit(bench.installation)
            bench.note("all", "audit", differences, "[]", is_met=not differences)
    except TargetFailed as error:
        print(f"reliability: {error}", file=sys.stderr)
        return 2
    for one in bench.findings:
        mark = "ok    " if one.is_met else "MISSED"
        print(f"{mark} {one.run:9} {one.what:28} {one.found:>24}   wanted {one.wanted}")
    return 0 if all(one.is_met for one in bench.findings) else 1


if __name__ == "__main__":
    sys.exit(main())

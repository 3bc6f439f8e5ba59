"""What share of new calls this worker lets in. It is told by its own timers: they come late when
everything waits.

Refusing at once is better than answering everybody late: who is let in is served as usual, and a
client that gets 503 asks again or elsewhere. The share shrinks by a factor and grows by steps, so
that it settles where the timers are just not late.
"""

import asyncio
from collections.abc import Callable

TICK_SECONDS = 0.05
PATIENCE_SECONDS = 0.5
"""So long the timers must be late: a pause of the garbage collector, or of the machine, is none."""
SHRINK = 0.05
"""For each tick by which a timer passes the limit: the later it is, the more waits already. Who is
hardly beyond it refuses hardly more: a single long call makes a timer late, and is no overload.
"""
GROW = 0.01
LEAST = 0.01
"""Some are always let in."""


class Overload:
    """`watch` runs as long as the worker; each call asks `lets_in` once."""

    def __init__(self) -> None:
        self.lag_seconds = 0.0
        """How late the last timer came."""
        self.share = 1.0
        self._late_since: float | None = None
        self._saved = 0.0

    def lets_in(self) -> bool:
        """True for `share` of those who ask, evenly spread."""
        if self.share >= 1:
            return True
        self._saved += self.share
        if self._saved < 1:
            return False
        self._saved -= 1
        return True

    async def watch(self, limit_seconds: Callable[[], float]) -> None:
        """A limit of 0 refuses nobody."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self.note(loop.time(), loop.time() - due, limit_seconds())

    def note(self, now: float, lag_seconds: float, limit_seconds: float) -> None:
        self.lag_seconds = max(lag_seconds, 0.0)
        if not limit_seconds or lag_seconds < limit_seconds:
            self._late_since = None
            self.share = min(self.share + GROW, 1.0) if limit_seconds else 1.0
            return
        if self._late_since is None:
            self._late_since = now
        # Who refuses already knows from one late timer that there are still too many.
        if self.share < 1 or now - self._late_since >= PATIENCE_SECONDS:
            missed = (lag_seconds - limit_seconds) / TICK_SECONDS
            self.share = max(self.share * SHRINK**missed, LEAST)

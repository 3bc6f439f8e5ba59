"""The memory side of leases: what one worker may spend now, and what it has set aside.

One event loop owns all of it, so every step between two awaits is atomic.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from billing.bank import Grant, NotGivenBack

EMPTY_SECONDS = 0.2
WANTED_SECONDS = 2.0
POLL_SECONDS = 0.1


class NotEnoughCredit(Exception):
    """A budget can't cover the call. `available` is what it could; `budget_id` says which one is
    short.
    """

    def __init__(self, budget_id: int, available: int) -> None:
        super().__init__(budget_id, available)
        self.budget_id = budget_id
        self.available = available


@dataclass(slots=True)
class Purse:
    """This worker's part of one budget: `free` to spend, `held` by calls that run."""

    budget_id: int
    free: int = 0
    held: int = 0
    elsewhere: int = 0
    empty_until: float = 0.0
    wanted_until: float = 0.0
    touched_at: float = 0.0
    extending: "asyncio.Future[None] | None" = None
    waiters: "list[asyncio.Future[None]]" = field(default_factory=list)


class Hold(msgspec.Struct, eq=False):
    """Units set aside on every purse the call draws from. Ends in exactly one `release`."""

    purses: tuple[Purse, ...]
    units: int
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Want:
    """`units` at best; `enough` not to wait for more (then at most half of what is free is taken,
    so that
    parallel calls of a small balance share it); `least` to start at all after waiting."""

    units: int
    enough: int
    least: int
    wait_seconds: float = 0.0


class Purses:
    """All purses of one worker. `extend` and `give_back` reach the bank; they raise on database
    errors.
    """

    def __init__(
        self,
        extend: Callable[[int, int], Awaitable[Grant]],
        give_back: Callable[[int, int], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._extend = extend
        self._give_back = give_back
        self._purses: dict[int, Purse] = {}
        self._wanted_until = 0.0
        self.extensions = 0

    def try_place(self, budgets: tuple[int, ...], units: int) -> Hold | None:
        """Set aside `units` on all budgets from memory, or None when the leases here don't cover
        it.
        """
        purses = []
        for budget_id in budgets:
            purse = self._purses.get(budget_id)
            if purse is None or purse.free < units:
                return None
            purses.append(purse)
        for purse in purses:
            purse.free -= units
            purse.held += units
        return Hold(tuple(purses), units)

    async def place(self, budgets: tuple[int, ...], want: "Want") -> Hold:
        """Set aside what is wanted on all budgets; while other calls hold the missing credit, wait
        for them.

        Raises NotEnoughCredit.
        """
        deadline = self._clock() + want.wait_seconds
        units = want.units
        while True:
            hold = self.try_place(budgets, units)
            if hold is not None:
                return hold
            purse = self._shortest(budgets)
            if await self._ask_bank(purse, units - purse.free):
                continue
            available = min(self.purse(budget_id).free for budget_id in budgets)
            if want.enough <= available:
                units = min(units, max(want.enough, available // 2))
            elif self._may_come_back(purse) and self._clock() < deadline:
                await self._wait_for_release(purse)
            elif available >= max(want.least, 1):
                units = min(units, available)
            else:
                raise NotEnoughCredit(purse.budget_id, available)

    async def grow(self, hold: Hold, units: int, least: int | None = None) -> bool:
        """Set aside `units` more for a hold, or at `least` so many if there are no more: all of
        them by default. False when a budget can't, and then nothing changed.
        """
        budgets = tuple(purse.budget_id for purse in hold.purses)
        try:
            more = await self.place(budgets, Want(units, units, least or units))
        except NotEnoughCredit:
            return False
        if not hold.is_open:
            # The call was settled while the bank was asked.
            self.release(more, 0)
            return False
        hold.units += more.units
        return True

    def release(self, hold: Hold, spent: int) -> None:
        """End a hold: `spent` (never above its units) is charged, the rest is free again."""
        if not hold.is_open or not 0 <= spent <= hold.units:
            msg = "a hold is released once, for at most what it set aside"
            raise AssertionError(msg)
        hold.is_open = False
        now = self._clock()
        for purse in hold.purses:
            purse.held -= hold.units
            purse.free += hold.units - spent
            purse.touched_at = now
            self._wake(purse)

    def purse(self, budget_id: int) -> Purse:
        purse = self._purses.get(budget_id)
        if purse is None:
            purse = self._purses[budget_id] = Purse(budget_id)
        return purse

    def take_late(self, budget_id: int, units: int) -> None:
        """The bank lent them after nobody waited for them any more."""
        purse = self.purse(budget_id)
        purse.free += units
        purse.touched_at = self._clock()
        self._wake(purse)

    def refresh(self, budget_id: int) -> None:
        """Credit came in or went: ask the bank again instead of remembering that it was empty."""
        purse = self._purses.get(budget_id)
        if purse is not None:
            purse.empty_until = 0.0
            self._wake(purse)

    def idle(self, now: float, idle_seconds: float) -> list[tuple[int, int]]:
        """(budget, units) that can be given back: idle for long, or wanted by another worker."""
        found = []
        for purse in self._purses.values():
            is_idle = now - purse.touched_at > idle_seconds and not purse.held
            if purse.free and (is_idle or purse.wanted_until > now):
                found.append((purse.budget_id, purse.free))
        return found

    def has_wanted(self, now: float) -> bool:
        """Whether another worker asked for credit that is free here."""
        if self._wanted_until < now:
            return False
        return any(purse.free and purse.wanted_until > now for purse in self._purses.values())

    def want(self, budget_id: int) -> bool:
        """Another worker needs this budget; True if there is something to give back now."""
        purse = self._purses.get(budget_id)
        if purse is None:
            return False
        purse.wanted_until = self._wanted_until = self._clock() + WANTED_SECONDS
        return purse.free > 0

    async def return_units(self, budget_id: int) -> None:
        """Give all free units of a budget back to the bank."""
        purse = self.purse(budget_id)
        units, purse.free = purse.free, 0
        if not units:
            return
        try:
            await self._give_back(budget_id, units)
        except NotGivenBack:
            # The purse may have been dropped meanwhile, being empty.
            self.purse(budget_id).free += units
            raise
        # After another error the units are not free here any more, but still leased: never spent
        # twice.

    def drop_empty(self, now: float) -> None:
        """Forget purses that hold nothing, so that memory does not grow with the number of
        users.
        """
        for budget_id, purse in list(self._purses.items()):
            if (
                not (purse.free or purse.held or purse.waiters or purse.extending)
                and purse.empty_until < now
            ):
                del self._purses[budget_id]

    def _shortest(self, budgets: tuple[int, ...]) -> Purse:
        return min((self.purse(budget_id) for budget_id in budgets), key=lambda purse: purse.free)

    def _may_come_back(self, purse: Purse) -> bool:
        return purse.held > 0 or purse.elsewhere > 0

    async def _ask_bank(self, purse: Purse, need: int) -> bool:
        """Lease more; True when something came. Concurrent needs of one budget share one
        extension.
        """
        if purse.extending is not None:
            before = purse.free
            await asyncio.shield(purse.extending)
            # Who came first may have taken all that came: unless the bank is empty, ask again.
            return purse.free > before or purse.empty_until <= self._clock()
        now = self._clock()
        if purse.empty_until > now:
            return False
        extending = purse.extending = asyncio.get_running_loop().create_future()
        try:
            grant = await self._extend(purse.budget_id, need)
        except Exception as error:
            extending.set_exception(error)
            extending.exception()  # Heard, also when nobody else waits.
            raise
        finally:
            purse.extending = None
            if not extending.done():
                extending.set_result(None)
        self.extensions += 1
        purse.free += grant.units
        purse.elsewhere = grant.elsewhere
        purse.touched_at = self._clock()
        if grant.units < need:
            purse.empty_until = purse.touched_at + EMPTY_SECONDS
        return grant.units > 0

    async def _wait_for_release(self, purse: Purse) -> None:
        waiter = asyncio.get_running_loop().create_future()
        purse.waiters.append(waiter)
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await waiter
        except TimeoutError:
            purse.empty_until = 0.0 if purse.elsewhere else purse.empty_until
        finally:
            if waiter in purse.waiters:
                purse.waiters.remove(waiter)

    def _wake(self, purse: Purse) -> None:
        waiters, purse.waiters = purse.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

"""What a worker may spend: any interleaving of calls and bank answers conserves every unit."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.bank import Grant, NotGivenBack
from billing.purses import Hold, NotEnoughCredit, Purses, Want

WALLET, LIMIT = 1, 2
BUDGETS = (WALLET, LIMIT)


class BankAway(Exception):
    """The database did not answer."""


@dataclass
class Request:
    """A transaction on its way to the bank."""

    is_extension: bool
    budget: int
    units: int
    answer: "asyncio.Future[Grant]"


@dataclass
class FakeBank:
    """Budgets and one worker's leases; each request waits until a test decides how it ends."""

    remaining: dict[int, int]
    leased: dict[int, int] = field(default_factory=lambda: dict.fromkeys(BUDGETS, 0))
    requests: list[Request] = field(default_factory=list)
    spare: int = 0

    async def extend(self, budget: int, need: int) -> Grant:
        return await self._ask(is_extension=True, budget=budget, units=need)

    async def give_back(self, budget: int, units: int) -> None:
        await self._ask(is_extension=False, budget=budget, units=units)

    async def _ask(self, *, is_extension: bool, budget: int, units: int) -> Grant:
        request = Request(is_extension, budget, units, asyncio.get_running_loop().create_future())
        self.requests.append(request)
        return await request.answer

    def grant(self, request: Request) -> None:
        """Do what was asked for; an extension brings `spare` units more than needed, if there."""
        self.requests.remove(request)
        change = -request.units
        if request.is_extension:
            change = min(request.units + self.spare, self.remaining[request.budget])
        self.remaining[request.budget] -= change
        self.leased[request.budget] += change
        request.answer.set_result(Grant(change, 0))

    def units_coming_back(self, budget: int) -> int:
        return sum(r.units for r in self.requests if r.budget == budget and not r.is_extension)

    def refuse(self, request: Request, error: Exception) -> None:
        self.requests.remove(request)
        request.answer.set_exception(error)


class Loop(asyncio.SelectorEventLoop):
    """Its time stands until somebody moves it: a busy machine changes nothing."""

    now = 1000.0

    def time(self) -> float:
        return self.now


class PursesMachine(RuleBasedStateMachine):
    """Calls, streams and housekeeping of one worker in any order; the bank fails now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.holds: list[Hold] = []
        self.growing: list[Hold] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.spent = dict.fromkeys(BUDGETS, 0)
        self.stranded = dict.fromkeys(BUDGETS, 0)

    @initialize(wallet=st.integers(0, 300), limit=st.integers(0, 300), spare=st.integers(0, 50))
    def open(self, wallet: int, limit: int, spare: int) -> None:
        self.bank = FakeBank({WALLET: wallet, LIMIT: limit}, spare=spare)
        self.credit = {WALLET: wallet, LIMIT: limit}
        self.purses = Purses(self.bank.extend, self.bank.give_back, self.loop.time)

    def teardown(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.run()
        self.loop.close()

    def run(self) -> None:
        """Let everything go on that can."""

        async def steps() -> None:
            for _ in range(10):
                await asyncio.sleep(0)

        self.loop.run_until_complete(steps())
        ended, self.tasks = self.tasks, [task for task in self.tasks if not task.done()]
        for task in ended:
            if task.done() and not task.cancelled():
                assert isinstance(
                    task.exception(), BankAway | NotGivenBack | NotEnoughCredit | None
                )

    @rule(
        both=st.booleans(),
        units=st.integers(1, 120),
        enough=st.integers(1, 120),
        least=st.integers(1, 60),
    )
    def place(self, *, both: bool, units: int, enough: int, least: int) -> None:
        want = Want(units, min(enough, units), min(least, enough, units))

        async def call() -> None:
            hold = await self.purses.place(BUDGETS if both else (WALLET,), want)
            assert want.least <= hold.units <= want.units
            self.holds.append(hold)

        self.tasks.append(self.loop.create_task(call()))
        self.run()

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), units=st.integers(1, 60), least=st.none() | st.integers(1, 60))
    def grow(self, data: st.DataObject, units: int, least: int | None) -> None:
        least = min(least or units, units)
        hold = data.draw(st.sampled_from(self.holds))
        self.holds.remove(hold)
        self.growing.append(hold)

        async def stream() -> None:
            before = hold.units
            try:
                grew = await self.purses.grow(hold, units, least)
                more = hold.units - before
                assert least <= more <= units if grew else more == 0
            finally:
                self.growing.remove(hold)
                self.holds.append(hold)

        self.tasks.append(self.loop.create_task(stream()))
        self.run()

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        hold = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        spent = data.draw(st.integers(0, hold.units))
        self.purses.release(hold, spent)
        for purse in hold.purses:
            # The recorder takes it out of the lease.
            self.spent[purse.budget_id] += spent
            self.bank.leased[purse.budget_id] -= spent
        with pytest.raises(AssertionError):
            self.purses.release(hold, 0)
        self.run()

    @rule(budget=st.sampled_from(BUDGETS))
    def return_idle(self, budget: int) -> None:
        self.tasks.append(self.loop.create_task(self.purses.return_units(budget)))
        self.run()

    @rule(budget=st.sampled_from(BUDGETS), units=st.integers(1, 200))
    def top_up(self, budget: int, units: int) -> None:
        self.credit[budget] += units
        self.bank.remaining[budget] += units
        self.purses.refresh(budget)
        self.run()

    @rule()
    def tidy_up(self) -> None:
        self.purses.drop_empty(self.loop.now + 60)

    @rule(seconds=st.sampled_from([0.05, 0.15, 0.3, 3.0]))
    def wait(self, seconds: float) -> None:
        self.loop.now += seconds
        self.run()

    @precondition(lambda self: self.bank.requests)
    @rule(data=st.data(), how=st.sampled_from(["works", "fails", "unknown"]))
    def bank_answers(self, data: st.DataObject, *, how: str) -> None:
        request = data.draw(st.sampled_from(self.bank.requests))
        if how == "works":
            self.bank.grant(request)
        elif how == "fails" and not request.is_extension:
            self.bank.refuse(request, NotGivenBack())
        else:
            self.bank.refuse(request, BankAway())
            if not request.is_extension:
                self.stranded[request.budget] += request.units
        self.run()

    @invariant()
    def no_unit_is_made_or_lost(self) -> None:
        for budget in BUDGETS:
            purse = self.purses.purse(budget)
            on_the_way = self.bank.units_coming_back(budget)
            assert purse.free >= 0
            holds = [hold for hold in self.holds + self.growing if purse in hold.purses]
            assert purse.held == sum(hold.units for hold in holds)
            here = purse.free + purse.held + on_the_way + self.stranded[budget]
            assert here == self.bank.leased[budget]
            assert self.bank.remaining[budget] >= 0
            books = self.bank.remaining[budget] + self.bank.leased[budget] + self.spent[budget]
            assert books == self.credit[budget]


TestPurses = PursesMachine.TestCase
TestPurses.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


async def both_of(first: Any, second: Any) -> list[Any]:
    return list(await asyncio.gather(first, second, return_exceptions=True))


async def test_two_calls_that_share_an_extension_are_both_served_while_the_bank_has_credit() -> (
    None
):
    taken = 0

    async def extend(budget: int, need: int) -> Grant:
        nonlocal taken
        await asyncio.sleep(0)
        taken += need
        return Grant(need, 0)

    async def give_back(budget: int, units: int) -> None: ...

    purses = Purses(extend, give_back)
    want = Want(100, 100, 100)

    found = await both_of(purses.place((WALLET,), want), purses.place((WALLET,), want))

    assert [hold.units for hold in found] == [100, 100]
    assert taken == 200


async def test_all_who_wait_for_an_extension_hear_that_the_bank_is_away() -> None:
    async def extend(budget: int, need: int) -> Grant:
        await asyncio.sleep(0)
        raise BankAway

    async def give_back(budget: int, units: int) -> None: ...

    purses = Purses(extend, give_back)
    want = Want(100, 100, 100)

    found = await both_of(purses.place((WALLET,), want), purses.place((WALLET,), want))

    assert [type(error) for error in found] == [BankAway, BankAway]


async def test_call_waits_for_credit_that_another_call_holds() -> None:
    async def extend(budget: int, need: int) -> Grant:
        return Grant(100 if not purses.purse(budget).touched_at else 0, 0)

    async def give_back(budget: int, units: int) -> None: ...

    purses = Purses(extend, give_back)
    first = await purses.place((WALLET,), Want(100, 100, 100))
    waiting = asyncio.create_task(
        purses.place((WALLET,), Want(80, 80, 80, wait_seconds=60)),
    )
    await asyncio.sleep(0.01)
    assert not waiting.done()

    purses.release(first, 10)

    assert (await waiting).units == 80
    assert (purses.purse(WALLET).free, purses.purse(WALLET).held) == (10, 80)

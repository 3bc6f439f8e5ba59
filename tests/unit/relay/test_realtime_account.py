"""The sum of a session: exact, rounded once, held before it is owed, settled once."""

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.bank import Grant
from billing.journal import Journal, read_records
from billing.price_book import PriceBook
from billing.pricing import Consumption, ModelPrice, Quote, Rates, compute_charge
from billing.purses import Purses
from billing.records import Closed, Progress
from chatapi.options.snapshot import default_options
from relay.call import Call
from relay.callers import Caller
from relay.errors import CallRefused
from relay.models_allowed import ModelList
from relay.realtime.account import Account, set_aside
from relay.request import CallRequest

WALLET = 7
LEGACY = Rates(Decimal("2.5"), Decimal(10), audio_input=Decimal(50), audio_output=Decimal(100))
USED = Consumption(
    prompt_tokens=300, completion_tokens=350, audio_input_tokens=200, audio_output_tokens=300
)
CALLER = Caller(
    token_id=1,
    token_name="t",
    token_status=1,
    user_id=1,
    username="alice",
    group="default",
    is_user_active=True,
    is_admin=False,
    must_change_password=False,
    wallet_id=WALLET,
    limit_id=None,
    models=ModelList(()),
    networks=(),
    networks_text="",
    expires_at=None,
    starts_on_first_call=False,
    is_billed_by_call=False,
    concurrency=None,
)
REQUEST = CallRequest("realtime", {}, "m", True, True, None, 1, 0)  # noqa: FBT003


class Bank:
    """Lends what it has."""

    def __init__(self, units: int) -> None:
        self.units = units

    async def lend(self, _budget: int, need: int) -> Grant:
        given = min(need, self.units)
        self.units -= given
        return Grant(given, 0)

    async def take_back(self, _budget: int, units: int) -> None:
        self.units += units


class Desk:
    """What an account needs of a gateway, with real purses and a real journal."""

    def __init__(self, folder: Path, units: int) -> None:
        self.bank = Bank(units)
        self.purses = Purses(self.bank.lend, self.bank.take_back)
        self.journal = Journal(folder / "journal", fsync="off")
        self.options = default_options()
        prices = {"known": ModelPrice("known", Rates(Decimal(1), Decimal(5)))}
        fallback = ModelPrice("", Rates(Decimal(15), Decimal(15)))
        book = PriceBook(prices, {}, self.options, fallback)
        self.snapshot = SimpleNamespace(prices=book)
        self.append = self.journal.append

    async def open(self, quote: Quote) -> tuple[Account, Call]:
        gateway: Any = self
        reservation = await set_aside(gateway, CALLER, quote)
        call = Call("r1", CALLER, "", REQUEST, quote, reservation)
        return Account(gateway, call), call

    def records(self) -> list[Any]:
        self.journal.flush()
        files = sorted(self.journal.folder.glob("*.log"))
        return [record for path in files for _, record in read_records(path.read_bytes())]

    @property
    def held(self) -> int:
        return self.purses.purse(WALLET).held


def legacy(**more: Any) -> Quote:
    return Quote(ModelPrice("m", LEGACY, **more), Decimal(1))


async def test_two_responses_cost_twice_as_much_and_are_settled_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 10**9)
    account, call = await desk.open(legacy())
    assert desk.held == call.reservation.hold.units > 0
    for number in (1, 2):
        account.add(USED)
        assert await account.cover()
        await account.note()
        assert account.charge().units == number * 40_750
    await account.settle("ok", 101, "")
    await account.settle("failed", 500, "")
    account.settle_now("failed", 500, "")
    noted = [record.amount for record in desk.records() if isinstance(record, Progress)]
    (closed,) = [record for record in desk.records() if isinstance(record, Closed)]
    assert noted == [40_750, 81_500]
    assert (closed.amount, closed.uncollected_units, closed.status) == (81_500, 0, "ok")
    assert (closed.prompt_tokens, closed.completion_tokens) == (600, 700)
    assert desk.held == 0
    assert desk.purses.purse(WALLET).free + desk.bank.units == 10**9 - 81_500
    desk.journal.close()


async def test_hold_grows_as_far_as_the_balance_and_what_is_beyond_is_not_collected(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, 50_000)
    account, call = await desk.open(legacy())
    account.add(USED)
    assert await account.cover()
    assert not await account.secure(output_tokens=256)
    assert await account.secure_most(output_tokens=256)
    account.add(USED)
    assert not await account.cover()
    await account.settle("stopped", 101, "insufficient_user_quota")
    (closed,) = [record for record in desk.records() if isinstance(record, Closed)]
    assert closed.amount == call.reservation.hold.units == 50_000
    assert closed.amount + closed.uncollected_units == 81_500
    assert desk.held == 0
    desk.journal.close()


async def test_without_credit_nothing_is_begun(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 100)
    with pytest.raises(CallRefused) as refused:
        await desk.open(legacy())
    assert (refused.value.status, refused.value.code) == (403, "insufficient_user_quota")
    assert desk.held == 0
    desk.journal.close()


async def test_by_call_is_one_call_whatever_happens(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 10**6)
    quote = Quote(ModelPrice("m", LEGACY, per_call=Decimal(500)), Decimal("1.5"), by_call=True)
    account, call = await desk.open(quote)
    assert call.reservation.hold.units == 750
    assert account.charge().units == 0
    for _ in range(3):
        account.add(USED)
        account.add_transcription("known", Consumption(prompt_tokens=10))
    assert account.charge(USED).units == 750
    assert await account.secure(output_tokens=10**6)
    assert account.affordable() is None
    await account.settle("ok", 101, "")
    assert desk.held == 0
    desk.journal.close()


async def test_transcription_has_its_own_price_or_is_input(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 10**6)
    account, _ = await desk.open(legacy())
    used = Consumption(prompt_tokens=100, completion_tokens=20, audio_input_tokens=80)
    account.add_transcription("known", used)
    assert account.charge().units == 100 * 1 + 20 * 5
    account.add_transcription("nobody", used)
    assert account.charge().units == 200 + 80 * 50 + 40 * 2.5
    account.add_transcription("nobody", Consumption(seconds=30))
    assert account.charge().units == 200 + 80 * 50 + 40 * 2.5
    account.settle_now("ok", 101, "")
    desk.journal.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    used=st.lists(
        st.builds(
            Consumption,
            prompt_tokens=st.integers(0, 10**6),
            completion_tokens=st.integers(0, 10**5),
            audio_input_tokens=st.integers(0, 10**5),
            audio_output_tokens=st.integers(0, 10**5),
            cached_tokens=st.integers(0, 10**5),
        ),
        max_size=8,
    ),
    ratio=st.decimals("0.01", 3, places=6),
    tier=st.none() | st.integers(0, 10**6),
)
async def test_sum_is_that_of_all_responses_each_at_its_own_rates(
    tmp_path_factory: pytest.TempPathFactory,
    used: list[Consumption],
    ratio: Decimal,
    tier: int | None,
) -> None:
    desk = Desk(tmp_path_factory.mktemp("account"), 10**15)
    dear = Rates(Decimal(7), Decimal("0.333"), cached_input=Decimal("0.0001"))
    price = ModelPrice("m", LEGACY, tier_above_tokens=tier, tier_rates=dear)
    quote = Quote(price, ratio)
    account, _ = await desk.open(quote)
    for one in used:
        account.add(one)
    charge = account.charge()
    exact = sum((i.amount for one in used for i in compute_charge(quote, one).items), Decimal(0))
    assert sum((item.amount for item in charge.items), Decimal(0)) == exact
    assert all(item.quantity * item.unit_price == item.amount for item in charge.items)
    assert abs(charge.units - exact * ratio) <= Decimal("0.5") or charge.units == 1
    account.settle_now("ok", 101, "")
    assert desk.held == 0
    desk.journal.close()

"""What a session owes: one call with one hold, which grows with each response; written down before
the client hears of a response, settled once at the end.
"""

import asyncio
from decimal import Decimal

import msgspec
import structlog

from billing.price_book import UnpricedModel
from billing.pricing import (
    MAX_TOKENS,
    Charge,
    Consumption,
    LineItem,
    Quote,
    Unit,
    affordable_output_tokens,
    ceiling_units,
    compute_charge,
)
from billing.purses import Hold, Want
from billing.records import Progress, UsageState
from chatapi.lib.money import EXACT, round_units
from relay import settlement
from relay.call import Call, Outcome, Reservation, encode_items
from relay.callers import Caller
from relay.errors import CallRefused
from relay.gateway import Gateway
from relay.realtime.words import Words
from relay.reservation import LEAST_OUTPUT, place_hold

log = structlog.get_logger("realtime")

USUAL_PROMPT, USUAL_OUTPUT = 1000, 1024
"""Tokens of a usual response; 1024 are more than a minute of speech."""
LEAST_PROMPT = 100
SLICE_TOKENS = 256
"""By so much more output the hold grows while a response is spoken."""


async def set_aside(gateway: Gateway, caller: Caller, quote: Quote) -> Reservation:
    """The ceiling of a usual response, less where others need the rest. Raises CallRefused."""
    if quote.is_free:
        return Reservation(Hold((), 0), 0, None)
    usual = ceiling_units(quote, USUAL_PROMPT, _usual_output(quote))
    least = ceiling_units(quote, LEAST_PROMPT, LEAST_OUTPUT)
    want = Want(usual, least, least, gateway.options.credit_wait_seconds)
    return Reservation(await place_hold(gateway, caller, want), USUAL_PROMPT, None)


def _usual_output(quote: Quote) -> int:
    return min(quote.price.max_output_tokens or USUAL_OUTPUT, USUAL_OUTPUT)


class Account:
    """The running sum of a session. All counts are exact; rounded is the sum, once."""

    def __init__(self, gateway: Gateway, call: Call) -> None:
        self._gateway = gateway
        self._call = call
        self._quantities: dict[tuple[str, Decimal], int] = {}
        self._sums = [0] * len(Consumption.__struct_fields__)
        self.is_estimated = False
        self.words = Words() if gateway.options.keeps_texts else None

    @property
    def quote(self) -> Quote:
        return self._call.quote

    # --- What was used ---

    def add(self, used: Consumption, *, is_estimated: bool = False) -> None:
        """A response: each is priced by itself, as its own call would be. Raises ValueError for
        absurd counts.
        """
        if self.quote.by_call:
            # Charged once for the session, with its first response.
            self._add_items(() if self._quantities else compute_charge(self.quote, used).items)
        else:
            self._add_items(compute_charge(self.quote, used).items)
        self._sum_up(used)
        self.is_estimated |= is_estimated

    def add_transcription(self, model: str, used: Consumption) -> None:
        """At the price of the model that listened, else as input of the session's own."""
        if self.quote.by_call:
            return
        other = self._find_quote(model, "second" if used.seconds else "token")
        if other is not None:
            self._add_items(compute_charge(other, used).items)
        elif used.seconds:
            return
        else:
            used = msgspec.structs.replace(
                used,
                prompt_tokens=used.prompt_tokens + used.completion_tokens,
                completion_tokens=0,
            )
            self._add_items(compute_charge(self.quote, used).items)
        self._sum_up(used)

    def _find_quote(self, model: str, unit: Unit) -> Quote | None:
        """None where nobody knows a price."""
        prices, group = self._gateway.snapshot.prices, self._call.caller.group
        try:
            quote = prices.quote(model, group, wants_by_call=False, unit=unit)
        except UnpricedModel:
            return None
        return None if quote.by_call or quote.price is prices.fallback else quote

    def _add_items(self, items: tuple[LineItem, ...]) -> None:
        for item in items:
            key = (item.name, item.unit_price)
            self._quantities[key] = self._quantities.get(key, 0) + item.quantity

    def _sum_up(self, used: Consumption) -> None:
        counts = msgspec.structs.astuple(used)
        self._sums = [sum(pair) for pair in zip(self._sums, counts, strict=True)]

    def charge(self, *more: Consumption) -> Charge:
        """All so far, and `more` that is under way."""
        quantities = dict(self._quantities)
        if not self.quote.by_call:
            for used in more:
                for item in compute_charge(self.quote, used).items:
                    key = (item.name, item.unit_price)
                    quantities[key] = quantities.get(key, 0) + item.quantity
        items = tuple(
            LineItem(name, quantity, price, EXACT.multiply(price, quantity))
            for (name, price), quantity in quantities.items()
        )
        total = Decimal(0)
        for item in items:
            total = EXACT.add(total, item.amount)
        total = EXACT.multiply(total, self.quote.group_ratio)
        units = round_units(total)
        return Charge(max(units, 1) if total else units, items, self.quote.group_ratio)

    def used(self, *more: Consumption) -> Consumption:
        sums = [min(count, MAX_TOKENS) for count in self._sums]
        for used in more:
            pairs = zip(sums, msgspec.structs.astuple(used), strict=True)
            sums = [sum(pair) for pair in pairs]
        return Consumption(*sums)

    # --- What is set aside ---

    async def secure(self, *more: Consumption, output_tokens: int) -> bool:
        """Hold enough for all so far, for `more`, and to write so much besides; False when the
        balance does not cover that. Raises CallRefused when nobody can tell.
        """
        hold = self._call.reservation.hold
        if not hold.purses or self.quote.by_call:
            return True
        ceiling = self.charge(*more).units + ceiling_units(self.quote, 0, output_tokens)
        missing = ceiling - hold.units
        return missing <= 0 or await self._gateway.purses.grow(hold, missing)

    async def secure_most(self, *more: Consumption, output_tokens: int) -> bool:
        """As `secure`, or what the balance still has, down to the least that is worth going on."""
        while output_tokens > LEAST_OUTPUT:
            if await self.secure(*more, output_tokens=output_tokens):
                return True
            output_tokens //= 4
        return await self.secure(*more, output_tokens=LEAST_OUTPUT)

    @property
    def usual_output(self) -> int:
        return _usual_output(self.quote)

    def affordable(self, *more: Consumption) -> int | None:
        """How many tokens of output the hold pays for besides `more`; None: any."""
        hold = self._call.reservation.hold
        if not hold.purses or self.quote.by_call:
            return None
        left = hold.units - self.charge(*more).units
        return max(affordable_output_tokens(self.quote, 0, max(left, 1)), 0)

    async def cover(self) -> bool:
        """Hold as much as is owed; False when the balance is used up."""
        return await self.secure(output_tokens=0)

    async def _cover_what_is_there(self) -> None:
        hold = self._call.reservation.hold
        missing = self.charge().units - hold.units
        if hold.purses and missing > 0:
            await self._gateway.purses.grow(hold, missing, least=1)

    # --- What is written ---

    async def note(self, *more: Consumption) -> None:
        """What is charged if this process dies now; on the disk when that is asked for."""
        call, charge, used = self._call, self.charge(*more), self.used(*more)
        channel = call.channel
        record = Progress(
            call.request_id,
            channel.id if channel else None,
            channel.name if channel else "",
            call.upstream_model,
            used.prompt_tokens,
            used.completion_tokens,
            min(charge.units, call.reservation.hold.units),
            encode_items(charge),
        )
        try:
            self._gateway.append(record)
        except CallRefused:
            # The settlement is kept until the disk takes it; nothing is sold until then.
            log.error("progress_not_noted", request_id=call.request_id)
            return
        if self._gateway.journal.always:
            await asyncio.to_thread(self._gateway.journal.sync)

    async def settle(self, status: UsageState, http_status: int, code: str) -> None:
        """Once, with the exact sum. Runs to its end also when the caller is cancelled."""
        if self._call.is_settled:
            return
        await asyncio.shield(asyncio.ensure_future(self._grow_and_close(status, http_status, code)))
        if self._gateway.journal.always:
            await asyncio.to_thread(self._gateway.journal.sync)

    async def _grow_and_close(self, status: UsageState, http_status: int, code: str) -> None:
        try:
            await self._cover_what_is_there()
        except CallRefused:
            log.warning("hold_not_extended", request_id=self._call.request_id)
        self.settle_now(status, http_status, code)

    def settle_now(self, status: UsageState, http_status: int, code: str) -> None:
        """Without any wait: what is not held is not collected."""
        if self._call.is_settled:
            return
        said = None if self.words is None else self.words.said
        outcome = Outcome(status, http_status, code, self.used(), self.is_estimated, said)
        settlement.close(self._gateway, self._call, outcome, self.charge())

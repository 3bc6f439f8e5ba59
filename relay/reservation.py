"""Sets the money of a call aside before anything is sent: how much, and what to do when it is not
there.
"""

from billing.pricing import MAX_TOKENS, Quote, affordable_output_tokens, ceiling_units
from billing.purses import Hold, NotEnoughCredit, Want
from channels_app.tokens import count_tokens_aside, guess_tokens
from relay import errors
from relay.call import Reservation
from relay.callers import Caller
from relay.counting import prompt_text
from relay.errors import CallRefused
from relay.gateway import Gateway
from relay.media.consumption import most_units
from relay.request import CallRequest

LEAST_OUTPUT = 16
UNKNOWN_OUTPUT = 16_384
"""Most output assumed of a model whose limit is not known."""


async def reserve(
    gateway: Gateway, caller: Caller, request: CallRequest, quote: Quote
) -> Reservation:
    """Raises CallRefused: 403 when the credit is not enough, 401 when a token's limit is used
    up.
    """
    prompt = guess_tokens(request.body_bytes)
    if quote.is_free:
        return Reservation(Hold((), 0), prompt, None)
    if request.media is not None:
        return await _reserve_units(gateway, caller, most_units(request.media, quote))
    try:
        return await _place(gateway, caller, request, quote, prompt)
    except NotEnoughCredit as short:
        counted = None if quote.by_call else await _count_prompt(request)
        if counted is None or counted >= prompt:
            raise _refusal(caller, short) from short
    try:
        return await _place(gateway, caller, request, quote, counted, wait_seconds=0)
    except NotEnoughCredit as short:
        raise _refusal(caller, short) from short


async def _reserve_units(gateway: Gateway, caller: Caller, units: int) -> Reservation:
    """All or nothing: less of a picture or a sound can't be asked for."""
    hold = gateway.purses.try_place(caller.budgets, units)
    if hold is None:
        want = Want(units, units, units, gateway.options.credit_wait_seconds)
        hold = await place_hold(gateway, caller, want)
    return Reservation(hold, 0, None)


async def place_hold(gateway: Gateway, caller: Caller, want: Want) -> Hold:
    """Raises CallRefused that says whose credit is not enough."""
    try:
        return await gateway.purses.place(caller.budgets, want)
    except NotEnoughCredit as short:
        raise _refusal(caller, short) from short


async def _place(
    gateway: Gateway,
    caller: Caller,
    request: CallRequest,
    quote: Quote,
    prompt: int,
    wait_seconds: float | None = None,
) -> Reservation:
    most = most_output(request, quote)
    units = ceiling_units(quote, prompt, most)
    hold = gateway.purses.try_place(caller.budgets, units)
    if hold is None:
        wait = gateway.options.credit_wait_seconds if wait_seconds is None else wait_seconds
        want = _want(gateway, request, quote, prompt, wait)
        hold = await gateway.purses.place(caller.budgets, want)
    if quote.by_call or not request.has_output:
        return Reservation(hold, prompt, None)
    if hold.units >= units:
        return Reservation(hold, prompt, most)
    paid = affordable_output_tokens(quote, prompt, hold.units) // request.choices
    return Reservation(hold, prompt, max(paid, 1) * request.choices, is_clamped=True)


def _want(
    gateway: Gateway, request: CallRequest, quote: Quote, prompt: int, wait_seconds: float
) -> Want:
    most = most_output(request, quote)
    units = ceiling_units(quote, prompt, most)
    if quote.by_call or not request.has_output:
        return Want(units, units, units, wait_seconds)
    least = ceiling_units(quote, prompt, min(most, LEAST_OUTPUT * request.choices))
    if request.max_tokens is not None:
        return Want(units, units, least, wait_seconds)
    usual = min(most, gateway.options.hold_output_tokens * request.choices)
    return Want(units, ceiling_units(quote, prompt, usual), least, wait_seconds)


def most_output(request: CallRequest, quote: Quote) -> int:
    """Most output tokens that the call can produce, over all its choices."""
    if not request.has_output:
        return 0
    limit = quote.price.max_output_tokens or UNKNOWN_OUTPUT
    if request.max_tokens is not None:
        limit = (
            request.max_tokens
            if quote.price.max_output_tokens is None
            else min(request.max_tokens, limit)
        )
    return min(limit * request.choices, MAX_TOKENS)


async def _count_prompt(request: CallRequest) -> int | None:
    """The real number of prompt tokens, when the guess decides: None where media make it
    unknowable.
    """
    text = prompt_text(request)
    if text is None:
        return None
    return await count_tokens_aside(request.model, text) + 3 * (text.count("\n") + 1)


def _refusal(caller: Caller, short: NotEnoughCredit) -> CallRefused:
    if short.budget_id == caller.wallet_id:
        return errors.not_enough_user_credit()
    return errors.token_exhausted() if short.available <= 0 else errors.not_enough_token_credit()

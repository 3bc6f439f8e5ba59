"""Units and dollars: exact, rounded once, never not-a-number."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapi.lib.money import (
    MAX_UNITS,
    InvalidAmount,
    format_usd,
    parse_decimal,
    round_units,
    show_usd,
    units_from_usd,
    usd_from_units,
)

amounts = st.decimals(min_value=0, max_value=10**30, allow_nan=False, allow_infinity=False)
units = st.integers(-MAX_UNITS, MAX_UNITS)

NO_BALANCES = ("NaN", "sNaN", "Infinity", "18014398510", str(2**63))


@given(amounts)
def test_rounding_is_half_up_and_stays_below_the_largest_amount(value: Decimal) -> None:
    rounded = round_units(value)

    assert 0 <= rounded <= MAX_UNITS
    if value < MAX_UNITS - 1:
        assert abs(rounded - value) <= Decimal("0.5")
        assert rounded == value.to_integral_value(ROUND_HALF_UP)


@given(amounts, amounts)
def test_rounding_never_turns_the_order_round(one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))

    assert round_units(low) <= round_units(high)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "-1", "-0.0001"])
def test_amounts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        round_units(Decimal(text))


@pytest.mark.parametrize("text", [*NO_BALANCES, "1e999999"])
def test_dollars_that_are_no_balance_are_refused(text: str) -> None:
    for sign in ("", "-"):
        with pytest.raises(InvalidAmount):
            units_from_usd(Decimal(sign + text), 500_000)


@pytest.mark.parametrize("text", ["", "NaN", "sNaN1", "inf", "five", "1,5", "0x10"])
def test_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_decimal(text)


@given(st.integers(-(2**52), 2**52), st.integers(1, 10**7))
def test_units_survive_the_way_to_dollars_and_back(amount: int, per_usd: int) -> None:
    assert units_from_usd(usd_from_units(amount, per_usd), per_usd) == amount


@given(st.integers(1, 2**52), st.integers(1, 10**9), st.sampled_from([2, 6, 9]))
def test_no_amount_is_shown_as_nothing_or_without_its_sign(
    amount: int, per_usd: int, digits: int
) -> None:
    usd = usd_from_units(amount, per_usd)

    for text in (format_usd(amount, per_usd), show_usd(usd, digits)):
        assert text.strip("$0.,")
    assert show_usd(-usd, digits) == f"-{show_usd(usd, digits)}"
    assert format_usd(-amount, per_usd) == f"-{format_usd(amount, per_usd)}"


@pytest.mark.parametrize(
    ("usd", "most", "least", "text"),
    [
        ("0", 2, 2, "$0.00"),
        ("1234567.891", 2, 2, "$1,234,567.89"),
        ("-0.1", 6, 2, "-$0.10"),
        ("0.0000012", 2, 2, "$0.0000012"),
        ("-0.0000012", 6, 6, "-$0.000001"),
        ("0.00000012", 6, 6, "$0.00000012"),
        ("0.005", 2, 2, "$0.01"),
        ("0.00123", 6, 6, "$0.001230"),
    ],
)
def test_dollars_for_people(usd: str, most: int, least: int, text: str) -> None:
    assert show_usd(Decimal(usd), most, least) == text


@given(units)
def test_shown_dollars_are_plain_text_and_right_to_six_places(amount: int) -> None:
    text = format_usd(amount, 500_000)

    assert "e" not in text.lower()
    assert abs(Decimal(text) * 500_000 - amount) <= Decimal("0.25")

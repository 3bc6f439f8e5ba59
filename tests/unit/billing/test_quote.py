"""Prices of recharges: the worked examples, the limits, and what must always hold."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billing.payments.gateways.stripe_checkout import StripeCheckout
from billing.payments.orders import price_at
from billing.payments.quote import CENT, NotForSale, PriceList, quote, round_money
from chatapi.options.tables import InvalidTable, check_days, check_quantities, read_table

RATES = {30: Decimal("7.3"), 365: Decimal("6.5"), None: Decimal(8)}
factors = st.decimals("0.00000001", "1000000", places=8)


def prices(**more: object) -> PriceList:
    return PriceList(**{"rates": RATES, **more})  # type: ignore[arg-type]


def test_examples() -> None:
    vip = prices(factors={"vip": Decimal("0.9")}, discounts={10: Decimal("0.95")})
    ten = quote(vip, 10, 30, "vip")
    # 62.415: a half is rounded up.
    assert (ten.money, ten.units) == (Decimal("62.42"), 5_000_000)

    bulk = prices(discounts={100: Decimal("0.8")})
    assert quote(bulk, 100, 365, "default").money == Decimal("520.00")
    assert quote(prices(), 10, 30, "default").money == Decimal("73.00")


def test_price_in_another_currency_is_rounded_once() -> None:
    table = prices(factors={"vip": Decimal("0.9")}, discounts={1: Decimal("0.95")})
    gateway = StripeCheckout("sk_test_1", "whsec_123456", "USD", Decimal("0.137"), "")
    # 6.2415 CNY, which are 0.8550855 USD; 6.24 CNY would be 0.85488.
    assert price_at(gateway, quote(table, 1, 30, "vip")) == Decimal("0.86")


def test_missing_or_zero_factor_of_a_group_is_one() -> None:
    table = prices(factors={"vip": Decimal(0)})
    assert quote(table, 1, 30, "vip").money == quote(table, 1, 30, "other").money


@pytest.mark.parametrize("days", [3650, 0, -1, 29])
def test_only_the_operators_validities_are_sold(days: int) -> None:
    with pytest.raises(NotForSale) as refusal:
        quote(prices(), 10, days, "default")
    assert refusal.value.reason == "validity"


@pytest.mark.parametrize("usd", [0, -5, 10_001, 10**30])
def test_amounts_out_of_bounds_are_not_sold(usd: int) -> None:
    with pytest.raises(NotForSale):
        quote(prices(), usd, 30, "default")


def test_with_discounts_only_their_quantities_are_sold() -> None:
    with pytest.raises(NotForSale):
        quote(prices(discounts={10: Decimal(1)}), 11, 30, "default")


def test_more_credit_than_an_account_holds_is_not_sold() -> None:
    with pytest.raises(NotForSale) as refusal:
        quote(prices(units_per_usd=10**15), 10_000, 30, "default")
    assert refusal.value.reason == "units"


@given(usd=st.integers(1, 10_000), rate=factors, factor=factors)
def test_price_is_never_below_a_cent_and_grows_with_the_amount(
    usd: int, rate: Decimal, factor: Decimal
) -> None:
    table = PriceList({30: rate}, {"g": factor}, most_usd=10_001)
    try:
        one, more = quote(table, usd, 30, "g"), quote(table, usd + 1, 30, "g")
    except NotForSale:
        assume(False)  # noqa: FBT003 -- hypothesis' own signature
    assert CENT <= one.money <= more.money
    assert abs(one.money - max(usd * rate * factor, CENT)) <= CENT / 2


@given(rate=factors, other=factors, discount=factors)
def test_price_is_monotonic_in_rate_and_discount(
    rate: Decimal, other: Decimal, discount: Decimal
) -> None:
    low, high = sorted([rate, other])
    money = []
    for each in (low, high):
        table = PriceList({30: each}, discounts={10: min(discount, Decimal(100))})
        money.append(quote(table, 10, 30, "g").money)
    assert money == sorted(money)


def test_currency_without_cents_is_charged_whole() -> None:
    assert round_money(Decimal("149.5"), 0) == 150
    assert round_money(Decimal("0.1"), 0) == 1


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "0", "-1", "1e12"])
def test_nonsense_is_no_price(amount: str) -> None:
    with pytest.raises(NotForSale):
        round_money(Decimal(amount))


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "{", '"x"', '{"a": NaN}', '{"a": 1e999}', '{"a": -1}', '{"a": true}'),
        *('{"a": null}', '{"a": 0.123456789}', '{"a": {"b": 1}}', "[" * 100_000),
    ],
)
def test_nonsense_is_no_table(text: str) -> None:
    with pytest.raises(InvalidTable):
        read_table(text)


def test_tables_are_exact_and_their_names_checked() -> None:
    assert read_table('{"30": 7.3, "-1": "8.05"}') == {"30": Decimal("7.3"), "-1": Decimal("8.05")}
    for name in ("", "0", "-2", "3.5", "٣", "99999", "030"):
        with pytest.raises(InvalidTable):
            check_days({name: Decimal(1)})
        with pytest.raises(InvalidTable):
            check_quantities({name or "x": Decimal(1)} if name != "99999" else {"0": Decimal(1)})
    with pytest.raises(InvalidTable):
        check_days({"30": Decimal(0)})

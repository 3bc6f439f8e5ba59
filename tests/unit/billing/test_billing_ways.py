"""Whether a call is billed per call or by quantity: two options, the token, and the prices."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Price
from billing.price_book import PriceBook, UnpricedModel, build_price_book
from billing.pricing import Consumption, compute_charge
from chatapi.options.registry import OPTIONS
from chatapi.options.snapshot import build_options

GROUPS = {"default": Decimal(1), "cheap": Decimal("0.8")}
USED = Consumption(1000, 500)
BY_QUANTITY, BY_CALL, UNPRICED, USUAL = 3750, 50_000, 22_500, 10_000
USUAL_USD = Decimal("0.02")


def book(**changes: Any) -> PriceBook:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    prices = [
        Price(model="both", input="2.5", output="10", per_call="0.1", updated_at=at),
        Price(model="quantity", input="2.5", output="10", updated_at=at),
        Price(model="call", per_call="0.1", updated_at=at),
    ]
    for price in prices:
        price.clean_fields()
    values = {name: entry[0] for name, entry in OPTIONS.items()} | changes
    return build_price_book(prices, GROUPS, build_options(values))


def units(model: str, found: PriceBook, *, token: bool, group: str = "default") -> int:
    return compute_charge(found.quote(model, group, wants_by_call=token), USED).units


@pytest.mark.parametrize(
    ("by_call", "by_quantity", "token", "both", "quantity", "unpriced"),
    [
        (False, True, False, BY_QUANTITY, BY_QUANTITY, UNPRICED),
        (False, True, True, BY_QUANTITY, BY_QUANTITY, UNPRICED),
        (False, False, True, BY_QUANTITY, BY_QUANTITY, UNPRICED),
        (True, False, False, BY_CALL, USUAL, USUAL),
        (True, False, True, BY_CALL, USUAL, USUAL),
        (True, True, False, BY_QUANTITY, BY_QUANTITY, UNPRICED),
        (True, True, True, BY_CALL, USUAL, USUAL),
    ],
)
def test_options_and_token_decide(
    by_call: bool,  # noqa: FBT001 -- a table's row
    by_quantity: bool,  # noqa: FBT001 -- a table's row
    token: bool,  # noqa: FBT001 -- a table's row
    both: int,
    quantity: int,
    unpriced: int,
) -> None:
    switches = {"BillingByRequestEnabled": by_call, "ModelRatioEnabled": by_quantity}
    usual = book(**switches, UnpricedCallUsd=USUAL_USD)
    found = [units(model, usual, token=token) for model in ("both", "quantity", "unknown")]
    assert found == [both, quantity, unpriced]
    # Without it those have no price per call, and are billed by quantity.
    plain = book(**switches)
    found = [units(model, plain, token=token) for model in ("both", "quantity", "unknown")]
    assert found == [both, BY_QUANTITY, UNPRICED]


def test_the_groups_factor_counts_for_the_usual_price_too() -> None:
    usual = book(UnpricedCallUsd=USUAL_USD)
    assert units("quantity", usual, token=True, group="cheap") == 8000
    # Twice: what is kept must be the same.
    assert units("quantity", usual, token=True, group="cheap") == 8000
    assert units("quantity", usual, token=False, group="cheap") == 3000


def test_a_model_with_a_price_per_call_alone_keeps_it() -> None:
    usual = book(UnpricedCallUsd=USUAL_USD)
    assert {units("call", usual, token=token) for token in (True, False)} == {BY_CALL}


def test_what_is_refused_without_a_price_stays_refused() -> None:
    strict = book(UnpricedCallUsd=USUAL_USD, UnpricedModelPolicy="refuse")
    with pytest.raises(UnpricedModel):
        strict.quote("unknown", "default", wants_by_call=True)

"""The price list as the options have it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import structlog

from billing.payments.quote import PriceList
from chatapi.options.snapshot import read_values
from chatapi.options.tables import (
    NEVER,
    InvalidTable,
    Table,
    check_days,
    check_quantities,
    read_table,
)

PRICE_CURRENCY = "CNY"
"""Of the rates in the option TopupRatio."""

log = structlog.get_logger("payments")


def read_price_list(values: Mapping[str, Any] | None = None) -> PriceList:
    """One query without `values`. A table that is no table sells nothing."""
    values = read_values() if values is None else values
    rates = _read(values, "TopupRatio", check_days)
    discounts: Table = {}
    if values["TopupAmountEnabled"]:
        discounts = _read(values, "TopupAmount", check_quantities)
    return PriceList(
        rates={read_days(name): rate for name, rate in rates.items()},
        factors=_read(values, "TopupGroupRatio"),
        discounts={int(name): factor for name, factor in sorted_by_number(discounts)},
        least_usd=values["TopupMinimum"],
        most_usd=values["TopupMaximum"],
        units_per_usd=values["QuotaPerUnit"],
    )


def read_days(text: str) -> int | None:
    """Days of validity; None never ends. Raises ValueError."""
    return None if text == NEVER else int(text)


def sorted_by_number(table: Table) -> list[tuple[str, Decimal]]:
    return sorted(table.items(), key=lambda row: int(row[0]))


def _read(values: Mapping[str, Any], name: str, check: Any = None) -> Table:
    try:
        table = read_table(str(values[name]))
        if check is not None:
            check(table)
    except InvalidTable:
        log.error("option_unreadable", option=name)
        return {}
    return table

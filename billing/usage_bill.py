"""Explains what one call cost: its line items, which add up to the charge."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from billing.models import Usage
from chatapi.console.fields import plain_decimal, short_usd
from chatapi.console.money import show_units, units_per_usd
from chatapi.lib.money import usd_from_units

MILLION = 1_000_000
MOST_DIGITS = 9

ITEM_NAMES = {
    "input": _("input tokens"),
    "output": _("output tokens"),
    "cached_input": _("cached input tokens"),
    "cache_write_5m": _("cache writes, 5 minutes"),
    "cache_write_1h": _("cache writes, 1 hour"),
    "audio_input": _("audio input tokens"),
    "audio_output": _("audio output tokens"),
    "image_input": _("image input tokens"),
    "image_output": _("image output tokens"),
    "call": _("per call"),
    "image": _("images"),
    "second": _("seconds of sound"),
    "character": _("characters"),
    "query": _("queries"),
    "web_search": _("web searches"),
}
PIECES = frozenset({"call", "image", "second", "query", "web_search"})
"""What is priced by the piece; all else is priced by the million."""


@dataclass(frozen=True, slots=True)
class BillLine:
    """quantity x price = amount. Amounts in exact dollars, and in units for the tooltip."""

    name: Any
    quantity: str
    price: str
    amount: str
    units: str


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines, their sum, the group's ratio, and what became of the product."""

    lines: tuple[BillLine, ...]
    subtotal: str
    subtotal_units: str
    group_ratio: str
    exact: str
    exact_units: str
    charged_units: int
    uncollected_units: int

    @property
    def charged(self) -> SafeString | str:
        return show_units(self.charged_units)

    @property
    def uncollected(self) -> SafeString | str:
        return show_units(self.uncollected_units)


def read_bill(usage: Usage) -> Bill | None:
    """What the row says the charge is made of; None for a call that cost nothing."""
    rows = _read_json(usage.line_items)
    items = [row for row in rows if len(row) == 4]
    if not items:
        return None
    ratio = next((Decimal(row[1]) for row in rows if row[0] == "group"), Decimal(1))
    return make_bill(items, ratio, usage.amount, usage.uncollected_units)


def make_bill(
    items: Sequence[Sequence[Any]], ratio: Decimal, charged: int, uncollected: int = 0
) -> Bill:
    """Of rows of name, quantity, price of one, and amount; both in units."""
    subtotal = sum((Decimal(row[3]) for row in items), Decimal(0))
    return Bill(
        lines=tuple(_line(row) for row in items),
        subtotal=exact_usd(subtotal),
        subtotal_units=plain_decimal(subtotal),
        group_ratio=plain_decimal(ratio),
        exact=exact_usd(subtotal * ratio),
        exact_units=plain_decimal(subtotal * ratio),
        charged_units=charged,
        uncollected_units=uncollected,
    )


def exact_usd(units: Decimal) -> str:
    """Dollars of a part of a bill, which may be less than a unit."""
    return short_usd(units / units_per_usd(), MOST_DIGITS)


def _line(row: Sequence[Any]) -> BillLine:
    name, quantity, unit_price, amount = row[0], int(row[1]), Decimal(row[2]), Decimal(row[3])
    is_piece = name in PIECES
    price = usd_from_units(1, units_per_usd()) * unit_price * (1 if is_piece else MILLION)
    return BillLine(
        name=ITEM_NAMES.get(name, name),
        quantity=f"{quantity:,}",
        price=short_usd(price, MOST_DIGITS) + ("" if is_piece else " / 1M"),
        amount=exact_usd(amount),
        units=plain_decimal(amount),
    )


def _read_json(text: str) -> list[Any]:
    if not text:
        return []
    found: list[Any] = json.loads(text)
    return found

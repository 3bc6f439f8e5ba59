"""Options that are small tables: a JSON object of names and exact numbers."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

HIGHEST = Decimal(1_000_000)
MOST_DIGITS = 8
MOST_ROWS = 200
NEVER = "-1"
"""As a number of days: the credit does not expire."""
MOST_DAYS = 36_500
MOST_USD = 1_000_000

Table = dict[str, Decimal]


class InvalidTable(ValueError):
    """Not an object of names and numbers that may be."""


def read_table(text: str) -> Table:
    """`{"30": 7.3, "-1": "8"}` with exact numbers; an empty text is an empty table.

    Raises InvalidTable, with a message for the person who typed it.
    """
    try:
        found = json.loads(text or "{}", parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise InvalidTable(_("This is not JSON.")) from error
    if not isinstance(found, dict) or len(found) > MOST_ROWS:
        raise InvalidTable(_("This must be one JSON object of names and numbers."))
    return {name.strip(): _read_number(name, value) for name, value in found.items()}


def read_names(text: str) -> dict[str, str]:
    """`{"gpt-4o": "gpt-4o-2024-08-06"}`; an empty text is an empty table. Raises InvalidTable."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidTable(_("This is not JSON.")) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InvalidTable(_("This must be one JSON object of names and texts."))
    return {name.strip(): value.strip() for name, value in found.items()}


def _read_number(name: str, value: Any) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except ArithmeticError:
        number = Decimal("NaN")
    is_known = number.is_finite() and 0 <= number <= HIGHEST
    if not is_known or int(number.as_tuple().exponent) < -MOST_DIGITS:
        text = _("“%(name)s” needs a number from 0 to 1000000 with at most 8 decimals.")
        raise InvalidTable(text % {"name": name[:40]})
    return number


def check_days(table: Table) -> None:
    """Each name is a number of days, or -1."""
    for name, number in table.items():
        is_days = name.isascii() and name.isdecimal() and 0 < int(name[:9]) <= MOST_DAYS
        if not (is_days or name == NEVER) or len(name) > 5 or name.startswith("0"):
            text = _("“%(name)s” is no validity: a number of days, or -1 for never.")
            raise InvalidTable(text % {"name": name[:40]})
        if not number:
            raise InvalidTable(_("A price must not be 0."))


def check_quantities(table: Table) -> None:
    """Each name is a whole number of dollars."""
    for name, number in table.items():
        is_usd = name.isascii() and name.isdecimal() and 0 < int(name[:9]) <= MOST_USD
        if not is_usd or len(name) > 7 or name.startswith("0"):
            text = _("“%(name)s” is no quantity: a whole number of dollars.")
            raise InvalidTable(text % {"name": name[:40]})
        if not number:
            raise InvalidTable(_("A price must not be 0."))


class TableField(forms.CharField):
    """Refuses a table that could not be sold by."""

    widget = forms.Textarea
    check: Callable[[Table], None] | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=10_000, required=False, **kwargs)
        self.widget.attrs |= {"rows": 4, "spellcheck": "false"}

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        try:
            self.read(text)
        except InvalidTable as error:
            raise ValidationError(str(error)) from error
        return text

    def read(self, text: str) -> None:
        """Raises InvalidTable."""
        table = read_table(text)
        if self.check is not None:
            type(self).check(table)  # type: ignore[misc]


class NamesField(TableField):
    """Texts by any name."""

    def read(self, text: str) -> None:
        read_names(text)


class FactorsField(TableField):
    """Factors by any name."""


class DaysField(TableField):
    check = staticmethod(check_days)


class QuantitiesField(TableField):
    check = staticmethod(check_quantities)

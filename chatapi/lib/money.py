"""Exact money: integer quota units and Decimal dollars, rounded in one place."""

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext

MAX_UNITS = 2**53
"""Largest amount: JavaScript still reads it exactly."""

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_ONE = Decimal(1)


class InvalidAmount(ValueError):
    """Not a finite number, negative where it may not be, or out of range."""


def round_units(value: Decimal) -> int:
    """Half-up to whole units, saturating at MAX_UNITS; raises InvalidAmount for NaN, infinity or
    below zero.
    """
    if not value.is_finite() or value < 0:
        msg = "an amount must be a finite number, not below zero"
        raise InvalidAmount(msg)
    if value >= MAX_UNITS:
        return MAX_UNITS
    return int(value.quantize(_ONE, rounding=ROUND_HALF_UP, context=EXACT))


def units_from_usd(usd: Decimal, units_per_usd: int) -> int:
    """Whole units of a dollar amount, which may be negative; raises InvalidAmount."""
    if not usd.is_finite() or usd.adjusted() > 20 or abs(usd) * units_per_usd > MAX_UNITS:
        msg = "the amount is out of range"
        raise InvalidAmount(msg)
    units = round_units(abs(usd) * units_per_usd)
    return -units if usd < 0 else units


def usd_from_units(units: int, units_per_usd: int) -> Decimal:
    with localcontext(EXACT):
        return Decimal(units) / units_per_usd


def digits_of_unit(units_per_usd: int) -> int:
    """Digits after the point with which one unit does not look like nothing; at least six."""
    return max(6, len(str(units_per_usd - 1)))


def format_usd(units: int, units_per_usd: int) -> str:
    """Plain decimal text with two digits after the point, or as many as a unit needs, for example
    `4.985`.
    """
    value = _round(usd_from_units(units, units_per_usd), digits_of_unit(units_per_usd))
    whole, _, part = f"{value:f}".partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"


def show_usd(usd: Decimal, most: int, least: int = 2) -> str:
    """For people, like `-$1,234.50`: with `least` to `most` digits after the point, and with more
    where an amount would look like nothing.
    """
    if usd and not _round(usd, most):
        most = 1 - usd.adjusted()
    whole, _, part = f"{abs(_round(usd, most)):,f}".partition(".")
    return f"{'-' if usd < 0 else ''}${whole}.{part.rstrip('0').ljust(least, '0')}"


def _round(value: Decimal, digits: int) -> Decimal:
    return value.quantize(_ONE.scaleb(-digits), context=EXACT)


def parse_decimal(text: str) -> Decimal:
    """A finite Decimal of a person's or a file's text; raises InvalidAmount."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation as error:
        msg = f"not a number: {text[:40]!r}"
        raise InvalidAmount(msg) from error
    if not value.is_finite():
        msg = f"not a finite number: {text[:40]!r}"
        raise InvalidAmount(msg)
    return value

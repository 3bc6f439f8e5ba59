"""Units as dollars, the way every page of the console shows them."""

from contextvars import ContextVar

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from chatapi.lib.money import digits_of_unit, show_usd, usd_from_units

_rate: ContextVar[int | None] = ContextVar("units_per_usd", default=None)


def forget_rate() -> None:
    """Each page reads the option anew, once, and only if it shows money."""
    _rate.set(None)


def remember_rate(rate: int) -> None:
    """For a page that has read all options already."""
    _rate.set(rate)


def units_per_usd() -> int:
    rate = _rate.get()
    if rate is None:
        from constance.utils import get_values_for_keys  # noqa: PLC0415 -- needs the app registry

        rate = int(get_values_for_keys(["QuotaPerUnit"])["QuotaPerUnit"])
        _rate.set(rate)
    return rate


def usd_text(units: int) -> str:
    """`$1,234.50`, with as many digits as the units need."""
    return show_usd(usd_from_units(units, units_per_usd()), digits_of_unit(units_per_usd()))


def micros_text(units: int) -> str:
    """`$0.001230`: with six digits, so that charges stand below each other."""
    return show_usd(usd_from_units(units, units_per_usd()), 6, 6)


def show_cents(units: int) -> SafeString:
    """For sums where nobody looks for fractions of a cent; less than a cent is told exactly."""
    text = show_usd(usd_from_units(units, units_per_usd()), 2)
    return format_html('<span class="money" title="{}">{}</span>', units_text(units), text)


def units_text(units: int) -> str:
    return _("%(units)s units") % {"units": f"{units:,}"}


def show_units(units: int | None) -> SafeString | str:
    """Dollars, with the exact units in a tooltip."""
    if units is None:
        return "–"
    return format_html(
        '<span class="money" title="{}">{}</span>',
        units_text(units),
        usd_text(units),
    )

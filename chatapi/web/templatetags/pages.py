"""Small pieces of the users' pages: icons, money, times, counts, statuses."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from billing.models import Usage, UsageStatus
from chatapi.accounts.models import TokenStatus
from chatapi.console.columns import badge as show_badge
from chatapi.console.columns import when as show_time
from chatapi.console.fields import plain_decimal
from chatapi.console.money import micros_text, show_cents, show_units, units_text, usd_text
from chatapi.web.icons import ICONS

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """`{% icon "key" %}`: a drawing beside a text, which screen readers pass over."""
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>', ICONS[name]
    )


@register.filter
def money(units: int | None) -> SafeString | str:
    """Units as dollars, exactly, with the units in a tooltip."""
    return show_units(units)


@register.filter
def cents(units: int | None) -> SafeString | str:
    """Units as dollars with two digits, with the units in a tooltip."""
    return "–" if units is None else show_cents(units)


@register.filter
def dollars(units: int | None) -> str:
    """Units as dollars without a tooltip, for a text."""
    return "–" if units is None else usd_text(units)


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """A time in the server's zone; console.js shows it in the viewer's."""
    return show_time(moment)


@register.filter
def factor(ratio: Decimal) -> str:
    """A ratio without zeros at its end and without an exponent."""
    return plain_decimal(ratio)


@register.filter
def count(number: int | None) -> str:
    """A whole number with commas."""
    return "–" if number is None else f"{number:,}"


@register.filter
def short(number: float | None) -> SafeString | str:
    """A number as 1.2K, 3.4M; exactly in a tooltip."""
    if number is None:
        return "–"
    for limit, letter in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if number >= limit:
            text = f"{number / limit:.1f}".removesuffix(".0")
            return format_html('<span title="{}">{}{}</span>', f"{number:,}", text, letter)
    return f"{number:,}"


@register.filter
def concat(text: Any, more: Any) -> str:
    """`{{ "model-"|concat:7 }}`: one text, for an id."""
    return f"{text}{more}"


@register.simple_tag
def badge(text: Any, tone: str = "plain") -> SafeString:
    """A status in a coloured pill; tones: good, warn, bad, accent, plain."""
    return show_badge(text, tone)


@register.filter
def micros(units: int | None) -> SafeString | str:
    """Units as dollars with six digits, as a list of calls shows them, with the units in a
    tooltip.
    """
    if units is None:
        return "–"
    return format_html(
        '<span class="money" title="{}">{}</span>', units_text(units), micros_text(units)
    )


@register.filter
def seconds(milliseconds: int | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


STATUS_TONES = {
    UsageStatus.OK: "good",
    UsageStatus.LEFT: "plain",
    UsageStatus.CUT: "warn",
    UsageStatus.STOPPED: "warn",
    UsageStatus.FAILED: "bad",
    UsageStatus.INTERRUPTED: "bad",
}


@register.simple_tag
def call_status(call: Usage) -> SafeString:
    """How a call ended; with the error's code in a tooltip."""
    status = UsageStatus(call.status)
    return format_html(
        '<span class="badge badge-{}" title="{}">{}</span>',
        STATUS_TONES[status],
        call.error_code,
        status.label,
    )


TOKEN_TONES = {
    TokenStatus.ENABLED: "good",
    TokenStatus.DISABLED: "plain",
    TokenStatus.EXPIRED: "warn",
    TokenStatus.EXHAUSTED: "warn",
}


@register.simple_tag
def token_status(token: Any) -> SafeString:
    """What a call with the token would meet; needs `status_now`."""
    return show_badge(token.status_now.label, TOKEN_TONES[token.status_now])


@register.filter
def duration(total: int | None) -> str:
    """Seconds as `30 days`, `12 hours` or `90 minutes`."""
    if total is None:
        return "–"
    if total % 86400 == 0:
        days = total // 86400
        return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
    if total % 3600 == 0:
        hours = total // 3600
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    minutes = -(-total // 60)
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}

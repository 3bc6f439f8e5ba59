"""What the list of channels and the editor say of a channel: its last test, what rests, what it
earned of late, its balance.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db.models import QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from channels_app.models import Channel, ChannelStatus
from channels_app.reasons import tell_reason
from channels_app.resting import Resting, read_resting
from channels_app.testing import tell_test
from chatapi.console.columns import badge
from chatapi.console.fields import plain_decimal
from chatapi.console.money import show_cents

SIGNS = {"USD": "$", "CNY": "¥", "EUR": "€"}
HOURLY = "billing.HourlyTotal"
USAGE_PAGE = "admin:billing_usage_changelist"
DAY = timedelta(hours=24)
MOST_RESTING = 5


def read_day(channels: Iterable[int]) -> dict[int, Mapping[str, int]]:
    """Calls, errors and units of the last 24 hours, by channel. Upstream knows no money: the sums
    come from the registry of models, and where there are none, nothing is told.
    """
    if not apps.is_installed("billing"):
        return {}
    rows: QuerySet[Any] = QuerySet(apps.get_model(HOURLY)).filter(
        dimension="channel",
        key__in=[str(number) for number in channels],
        hour_at__gt=timezone.now() - DAY,
    )
    sums = (
        rows.order_by()
        .values("key")
        .annotate(all_calls=Sum("calls"), all_errors=Sum("errors"), all_units=Sum("units"))
    )
    return {
        int(row["key"]): {
            "calls": row["all_calls"],
            "errors": row["all_errors"],
            "units": row["all_units"],
        }
        for row in sums
    }


def show_day(channel: Channel, day: Mapping[str, int] | None) -> SafeString | str:
    """Links to the calls, and to those that failed."""
    if not day or not day["calls"]:
        return "–"
    calls = f"{reverse(USAGE_PAGE)}?channel={channel.pk}"
    shown = format_html(
        '<a class="num" href="{}">{}</a> · {}', calls, f"{day['calls']:,}", show_cents(day["units"])
    )
    if not day["errors"]:
        return shown
    percent = 100 * day["errors"] / day["calls"]
    text = _("%(percent)s %% failed") % {"percent": f"{percent:.1f}"}
    return format_html('{}<a class="reason" href="{}&amp;status=failed">{}</a>', shown, calls, text)


def read_rests_panel() -> Mapping[str, Any]:
    """For the first page: channels of which something rests, those with most first."""
    rests = read_resting()
    channels = [(row, rests[row.pk]) for row in Channel.objects.filter(pk__in=rests)]
    channels.sort(key=lambda pair: (-len(pair[1]), pair[0].pk))
    return {"resting": channels[:MOST_RESTING], "more": len(channels) - MOST_RESTING}


def show_rests(rests: Sequence[Resting]) -> SafeString:
    """How many models rest, or keys for a model; which ones in a tooltip."""
    if not rests:
        return SafeString("")
    text = _("%(count)d resting") % {"count": len(rests)}
    lines = format_html_join(
        "\n", "{}: {}, {} s", ((one.model, one.text, one.seconds) for one in rests[:20])
    )
    return format_html('<div><span title="{}">{}</span></div>', lines, badge(text, "warn"))


def test_badge(channel: Channel) -> SafeString:
    """Whether the last test passed, and how fast."""
    found = tell_test(channel)
    if found["ok"] is None:
        return badge(_("not yet"))
    if found["ok"]:
        tone = "warn" if found["warnings"] else "good"
        shown, why = badge(f"{found['milliseconds']:,} ms", tone), "\n".join(found["warnings"])
    else:
        shown, why = badge(_("failed"), "bad"), found["message"]
    return format_html('<span title="{}">{}</span>', f"{found['model']}\n{why}".strip(), shown)


def test_button(channel: Channel, list_query: str | None) -> SafeString:
    """Within the list's form; the page comes back with this query. None: nobody may test."""
    if list_query is None:
        return SafeString("")
    return format_html(
        '<button class="row-test" formaction="{}" name="back" value="{}" title="{}">{}</button>',
        reverse("admin:channels_app_channel_test", args=[channel.pk]),
        list_query,
        _("Test %(channel)s") % {"channel": channel},
        _("Test"),
    )


def show_reason(channel: Channel) -> SafeString:
    if channel.status == ChannelStatus.ENABLED or not channel.disabled_reason:
        return SafeString("")
    reason = tell_reason(channel.disabled_reason)
    return format_html('<div class="reason" title="{0}">{0}</div>', reason)


def show_balance(channel: Channel) -> SafeString | str:
    """With the currency's sign; what the last refresh failed with in a tooltip."""
    if channel.balance is None:
        return badge(_("unknown"), "warn") if channel.balance_message else "–"
    sign = SIGNS.get(channel.balance_currency, f"{channel.balance_currency} ")
    minus = "-" if channel.balance < 0 else ""
    text = f"{minus}{sign}{abs(channel.balance):,.2f}"
    exact = f"{plain_decimal(channel.balance)} {channel.balance_currency}"
    tone = "bad" if channel.balance <= 0 else "warn" if channel.balance_message else "plain"
    title = f"{exact}\n{channel.balance_message}".strip()
    return format_html('<span class="funds funds-{}" title="{}">{}</span>', tone, title, text)

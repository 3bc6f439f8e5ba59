"""The console's pages of calls: the list, newest first, and why a call cost what it cost."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from billing.admin.channels import read_channels
from billing.admin.usage_attempts import read_way
from billing.admin.usage_list import FILTERS, HEAD, export_pages
from billing.admin.usage_sums import CallSums, read_sums
from billing.models import Usage, UsageStatus
from billing.usage_bill import read_bill
from chatapi.accounts.roles import may_export
from chatapi.accounts.step_up import ask_for_password
from chatapi.console.audit import record_act
from chatapi.console.base import ReadOnlyAdmin
from chatapi.console.columns import badge, link, money_column, mono, time_column
from chatapi.console.exports import stream_csv
from chatapi.console.filters import FieldFilter
from chatapi.console.paging import KeyPagedChangeList
from chatapi.console.zones import viewer_zone

STATUS_TONES = {
    UsageStatus.OK: "good",
    UsageStatus.LEFT: "plain",
    UsageStatus.CUT: "warn",
    UsageStatus.STOPPED: "warn",
    UsageStatus.FAILED: "bad",
    UsageStatus.INTERRUPTED: "bad",
}


class UsageList(KeyPagedChangeList):
    """With what all calls that its filters find come to; read by the page that shows it."""

    def sums(self) -> CallSums | None:
        if self.query:
            return None
        specs = [spec for spec in self.filter_specs if isinstance(spec, FieldFilter) and spec.value]
        return read_sums(self.root_queryset, {spec.parameter: spec for spec in specs})


LIST = "billing_usage_changelist"
"""Who and what in the list lead to the other calls of the same."""


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdmin[Usage]):
    when_empty = _("The first call makes the first row: make a token, and call with it.")
    owner_path = "user_id"
    change_form_template = "admin/billing/usage/change_form.html"
    change_list_template = "admin/billing/usage/change_list.html"
    page_field = "created_at"
    list_display = (
        "time",
        "state",
        "caller",
        "asked",
        "channel",
        "tokens",
        "charge",
        "duration",
    )
    list_filter = FILTERS
    # Not iexact, which no index answers.
    search_fields = ("request_id__exact",)
    search_help_text = _("Request id")
    sortable_by = ()

    time = time_column("created_at", _("time"))
    charge = money_column("amount", _("charge"))

    @admin.display(description=_("status"))
    def state(self, usage: Usage) -> SafeString:
        if not usage.error_code or usage.status == UsageStatus.LEFT:
            return status_badge(usage)
        return format_html(
            '{} <span class="under mono">{}</span>', status_badge(usage), usage.error_code
        )

    @admin.display(description=_("user and token"))
    def caller(self, usage: Usage) -> SafeString:
        token = usage.token_name or "–"
        if usage.token_id:
            token = link(LIST, text=token, token=usage.token_id)
        user = link(LIST, text=usage.username, user=usage.user_id)
        return format_html('{} <span class="under">{}</span>', user, token)

    @admin.display(description=_("model"))
    def asked(self, usage: Usage) -> SafeString | str:
        return link(LIST, text=usage.model, model=usage.model) if usage.model else "–"

    @admin.display(description=_("channel"))
    def channel(self, usage: Usage) -> SafeString | str:
        if usage.channel_id is None:
            return usage.channel_name or "–"
        return link(LIST, text=usage.channel_name or "–", channel=usage.channel_id)

    @admin.display(description=_("tokens in + out"))
    def tokens(self, usage: Usage) -> SafeString:
        text = '<span class="num">{} + {}</span>{}'
        mark = format_html(' <abbr class="mark" title="{}">≈</abbr>', _("counted by us"))
        return format_html(
            text,
            f"{usage.prompt_tokens:,}",
            f"{usage.completion_tokens:,}",
            mark if usage.is_estimated else "",
        )

    @admin.display(description=_("first byte / total"))
    def duration(self, usage: Usage) -> SafeString:
        first = "–" if usage.first_byte_ms is None else seconds(usage.first_byte_ms)
        return format_html('<span class="num">{} / {}</span>', first, seconds(usage.total_ms))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[UsageList]:
        return UsageList

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export_view)
        return [path("export/", export, name="billing_usage_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """All calls that the filters in the URL find, as CSV."""
        if not may_export(request.user):
            raise PermissionDenied
        if asked := ask_for_password(request):
            return asked
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:billing_usage_changelist"))
        record_act("usage.export", request=request, note=request.GET.urlencode()[:500])
        zone = viewer_zone(request)
        name = f"calls-{timezone.now().astimezone(zone):%Y%m%d-%H%M}.csv"
        return stream_csv(request, name, HEAD, lambda: export_pages(rows, zone))

    def page_context(self, request: HttpRequest, obj: Usage | None) -> dict[str, Any]:
        return describe_usage(obj) if obj else {}


def status_badge(usage: Usage) -> SafeString:
    status = UsageStatus(usage.status)
    return badge(status.label, STATUS_TONES[status])


def describe_usage(usage: Usage) -> dict[str, Any]:
    """What the page of one call shows."""
    known = read_channels()
    bill = read_bill(usage)
    return {
        "title": _("Call"),
        "subtitle": None,
        "usage": usage,
        "status_badge": status_badge(usage),
        "who": list(tell_who(usage)),
        "what": list(tell_what(usage)),
        "times": list(tell_times(usage)),
        "counts": list(tell_counts(usage)),
        "first_byte_percent": first_byte_percent(usage),
        "bill": bill,
        "ledger": list(ledger_links(usage)),
        "way": read_way(usage, known),
    }


def tell_who(usage: Usage) -> Iterator[tuple[Any, Any]]:
    yield _("user"), link("accounts_user_change", usage.user_id, text=usage.username)
    yield _("token"), link("accounts_token_change", usage.token_id, text=usage.token_name or "–")
    yield _("group"), usage.group
    yield _("address"), mono(usage.address)


def tell_what(usage: Usage) -> Iterator[tuple[Any, Any]]:
    yield _("model"), mono(usage.model)
    yield _("provider's model"), mono(usage.upstream_model)
    yield _("channel"), channel_link(usage)
    yield _("endpoint"), mono(usage.endpoint)
    yield _("answer"), _("stream") if usage.is_stream else _("whole answer")
    yield _("HTTP status"), usage.http_status or "–"
    yield _("error"), mono(usage.error_code)


def tell_times(usage: Usage) -> Iterator[tuple[Any, Any]]:
    first = usage.first_byte_ms
    yield _("first byte"), "–" if first is None else seconds(first)
    yield _("total"), seconds(usage.total_ms)
    writing = usage.total_ms - (first or 0)
    if usage.is_stream and first is not None and writing > 0 and usage.completion_tokens:
        yield _("tokens per second"), f"{1000 * usage.completion_tokens / writing:,.1f}"


def tell_counts(usage: Usage) -> Iterator[tuple[Any, Any]]:
    yield _("prompt tokens"), f"{usage.prompt_tokens:,}"
    yield _("of them cached"), f"{usage.cached_tokens:,}"
    yield _("completion tokens"), f"{usage.completion_tokens:,}"
    yield _("of them reasoning"), f"{usage.reasoning_tokens:,}"


def first_byte_percent(usage: Usage) -> float:
    """Where in the drawing of the whole time the first byte came."""
    return round(100 * min((usage.first_byte_ms or 0) / max(usage.total_ms, 1), 1), 2)


def ledger_links(usage: Usage) -> Iterator[SafeString]:
    """The budgets that paid, and what else moved them."""
    yield link("billing_budget_change", usage.wallet_id, text=_("The wallet that paid"))
    if usage.limit_id is not None:
        yield link("billing_budget_change", usage.limit_id, text=_("The token's limit"))
    yield link("billing_ledgerentry_changelist", text=_("Ledger"), budget=usage.wallet_id)


def channel_link(usage: Usage) -> SafeString | str:
    if usage.channel_id is None:
        return "–"
    return link("channels_app_channel_change", usage.channel_id, text=usage.channel_name)


def seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.2f} s"

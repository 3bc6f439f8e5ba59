"""The console's pages of payment notices: what gateways told us, and what became of it."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.admin.acts import ActingAdmin
from billing.models import PaymentNotice, Verdict
from billing.payments.gateways.registry import LABELS
from billing.payments.operating import settle_orphan
from billing.payments.words import read_reason, read_source
from chatapi.console.columns import badge, link, mono, time_column, when
from chatapi.console.filters import choice_filter, text_filter, time_filter

NOTICE_TONES = {
    Verdict.CREDITED: "good",
    Verdict.REPEATED: "plain",
    Verdict.NOTED: "plain",
    Verdict.CLOSED: "plain",
    Verdict.TAKEN_BACK: "warn",
    Verdict.REFUSED: "bad",
    Verdict.ORPHAN: "bad",
}


class SettleForm(forms.Form):
    reason = forms.CharField(label=_("what was done"), max_length=500, min_length=3)


@admin.register(PaymentNotice)
class NoticeAdmin(ActingAdmin):
    about = _("What payment gateways sent here, and what became of it.")
    when_empty = _(
        "The first payment brings the first one. The orders have a test of the addresses that "
        "gateways call."
    )
    owner_path = ""
    list_select_related = ("order",)
    list_display = (
        "time",
        "shown_gateway",
        "shown_verdict",
        "why",
        "of_order",
        "told_by",
        "is_open",
    )
    list_filter: ClassVar[Any] = (
        time_filter("from", _("from"), "created_at__gte"),
        choice_filter("verdict", _("result"), lambda: Verdict.choices, indexed=True),
        choice_filter("gateway", _("gateway"), LABELS.items),
        text_filter("order", _("order number"), "order__number", indexed=True),
    )
    change_form_template = "admin/billing/paymentnotice/change_form.html"
    fields = (
        "time",
        "shown_gateway",
        "shown_verdict",
        "why",
        "of_order",
        "told_by",
        "actor",
        "address",
        "content",
        "settled",
    )
    readonly_fields = fields

    time = time_column("created_at", _("time"))

    @admin.display(description=_("gateway"))
    def shown_gateway(self, notice: PaymentNotice) -> str:
        return LABELS.get(notice.gateway, notice.gateway)

    @admin.display(description=_("result"))
    def shown_verdict(self, notice: PaymentNotice) -> SafeString:
        verdict = Verdict(notice.verdict)
        return badge(verdict.label, NOTICE_TONES[verdict])

    @admin.display(description=_("reason"))
    def why(self, notice: PaymentNotice) -> str:
        return read_reason(notice.reason)

    @admin.display(description=_("source"))
    def told_by(self, notice: PaymentNotice) -> str:
        return read_source(notice.source)

    @admin.display(description=_("order"))
    def of_order(self, notice: PaymentNotice) -> SafeString | str:
        if notice.order is None:
            return mono(notice.data.get("number"))
        return link("billing_order_change", notice.order_id, text=notice.order.number)

    @admin.display(description=_("open"))
    def is_open(self, notice: PaymentNotice) -> SafeString | str:
        is_waiting = notice.verdict == Verdict.ORPHAN and notice.settled_at is None
        return badge(_("to be settled"), "warn") if is_waiting else "–"

    @admin.display(description=_("settled"))
    def settled(self, notice: PaymentNotice) -> SafeString | str:
        return when(notice.settled_at)

    @admin.display(description=_("content"))
    def content(self, notice: PaymentNotice) -> SafeString | str:
        rows = format_html_join(
            "", "<div><dt>{}</dt><dd>{}</dd></div>", sorted(notice.data.items())
        )
        return format_html('<dl class="facts">{}</dl>', rows) if rows else "–"

    def get_urls(self) -> list[URLPattern]:
        return [self.act_url("settle", self.settle_view), *super().get_urls()]

    def page_context(self, request: HttpRequest, obj: PaymentNotice | None) -> dict[str, Any]:
        may_settle = (
            obj is not None
            and obj.verdict == Verdict.ORPHAN
            and obj.settled_at is None
            and self.may_act(request)
        )
        return {"may_settle": may_settle, "settle_form": SettleForm()}

    def settle_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Somebody has looked after an orphaned payment."""
        notice = self.find_target(request, pk)
        form = SettleForm(request.POST)
        if request.method == "POST" and form.is_valid():
            if settle_orphan(notice.pk, request, reason=form.cleaned_data["reason"]):
                messages.success(request, gettext("Marked as settled."))
            else:
                text = gettext("Somebody has settled this already; there is nothing left to do.")
                messages.warning(request, text)
        elif request.method == "POST":
            messages.error(request, gettext("Please say what was done."))
            return self.show_again(request, pk, settle_form=form)
        return self.back_to(pk)

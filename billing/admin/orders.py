"""The console's pages of recharge orders: the list, and one order with all that was told of it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from billing.admin.acts import ActingAdmin
from billing.admin.notices import NOTICE_TONES
from billing.models import Order, OrderState, Verdict
from billing.payments.asking import ask_order
from billing.payments.gateways.registry import LABELS
from billing.payments.notice import GatewayFailed, NotConfigured
from billing.payments.operating import REFUNDABLE, NotPossible, complete_order, refund_order
from billing.payments.prices import price_text
from billing.payments.probe import probe_url
from billing.payments.receiving import PAYABLE, Sender
from billing.payments.words import read_reason, read_source
from chatapi.accounts.step_up import require_fresh_password_in
from chatapi.console.columns import badge, link, money_column, mono, time_column, when
from chatapi.console.fields import PlainDecimalField
from chatapi.console.filters import choice_filter, text_filter, time_filter
from chatapi.console.money import show_units
from chatapi.lib.request_address import request_address
from chatapi.options.snapshot import read_values

TONES = {
    OrderState.PENDING: "warn",
    OrderState.PAID: "good",
    OrderState.CLOSED: "plain",
    OrderState.REFUNDED: "plain",
    OrderState.CHARGED_BACK: "bad",
}
CALLBACKS = (("GET", "/api/user/epay/notify"), ("POST", "/api/stripe/webhook"))


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("reason"), max_length=500, min_length=3)


class CompleteForm(ReasonForm):
    trade = forms.CharField(
        label=_("the gateway's number of the payment"), max_length=120, required=False
    )


class RefundForm(ReasonForm):
    money = PlainDecimalField(label=_("returned in all"), max_digits=16, decimal_places=2)


@admin.register(Order)
class OrderAdmin(ActingAdmin):
    when_empty = _(
        "Set up a payment gateway in the options, under Payment; the first recharge is the "
        "first row."
    )
    owner_path = "user"
    list_select_related = ("user",)
    list_display = (
        "time",
        "shown_number",
        "owner",
        "credit",
        "price",
        "days",
        "way",
        "shown_state",
    )
    list_display_links = ("shown_number",)
    list_filter: ClassVar[Any] = (
        time_filter("from", _("from"), "created_at__gte"),
        time_filter("to", _("to"), "created_at__lt"),
        text_filter("user", _("user"), "user__username", indexed=True),
        choice_filter("state", _("state"), lambda: OrderState.choices, indexed=True),
        choice_filter("gateway", _("gateway"), LABELS.items),
    )
    search_fields = ("number__exact", "session__exact", "trade_key__endswith")
    search_help_text = _("Order number, or the gateway's number")
    change_list_template = "admin/billing/order/change_list.html"
    change_form_template = "admin/billing/order/change_form.html"
    fields = ()

    time = time_column("created_at", _("ordered"))
    credit = money_column("units", _("credit"))

    def page_title(self, obj: Order) -> str:
        return obj.number

    @admin.display(description=_("order number"))
    def shown_number(self, order: Order) -> SafeString | str:
        return mono(order.number)

    @admin.display(description=_("user"))
    def owner(self, order: Order) -> SafeString:
        return link("accounts_user_change", order.user_id, text=order.user.username)

    @admin.display(description=_("price"))
    def price(self, order: Order) -> str:
        return price_text(order.money, order.currency)

    @admin.display(description=_("validity"))
    def days(self, order: Order) -> str:
        return validity_text(order.valid_days)

    @admin.display(description=_("paid with"))
    def way(self, order: Order) -> str:
        return f"{LABELS.get(order.gateway, order.gateway)} {order.method}"

    @admin.display(description=_("state"))
    def shown_state(self, order: Order) -> SafeString:
        state = OrderState(order.state)
        return badge(state.label, TONES[state])

    def get_urls(self) -> list[URLPattern]:
        probe = self.admin_site.admin_view(self.probe_view)
        return [
            path("probe/", probe, name="billing_order_probe"),
            self.act_url("check", self.check_view),
            self.act_url("complete", self.complete_view),
            self.act_url("refund", self.refund_view),
            *super().get_urls(),
        ]

    def page_context(self, request: HttpRequest, obj: Order | None) -> dict[str, Any]:
        return {} if obj is None else self._context(request, obj)

    def _context(self, request: HttpRequest, order: Order) -> dict[str, Any]:
        may_act = self.may_act(request)
        notices = [
            (
                notice,
                badge(notice.get_verdict_display(), NOTICE_TONES[Verdict(notice.verdict)]),
                read_source(notice.source),
                read_reason(notice.reason),
            )
            for notice in order.notices.order_by("id")[:200]
        ]
        return {
            "order": order,
            "state_badge": self.shown_state(order),
            "price": self.price(order),
            "facts": list(self._facts(order)),
            "notices": notices,
            "may_check": may_act and order.state in PAYABLE,
            "may_complete": may_act and order.state in PAYABLE,
            "may_refund": may_act
            and order.state in REFUNDABLE
            and order.refunded_money < order.money,
            "complete_form": CompleteForm(auto_id="complete_%s"),
            "refund_form": RefundForm(initial={"money": order.money}, auto_id="refund_%s"),
        }

    def _facts(self, order: Order) -> Iterator[tuple[Any, Any]]:
        parts = order.price_parts
        yield _("user"), self.owner(order)
        yield _("credit"), show_units(order.units)
        yield _("validity"), self.days(order)
        yield _("price"), self.price(order)
        if parts:
            product = [parts.get("rate"), parts.get("factor"), parts.get("discount")]
            yield _("made of"), " × ".join(map(str, [order.usd, *product]))
        yield _("paid with"), self.way(order)
        yield _("merchant"), mono(order.merchant)
        yield _("payment"), mono(order.trade_key)
        yield _("ordered"), when(order.created_at)
        yield _("paid"), when(order.paid_at)
        if order.closed_at:
            yield _("closed"), when(order.closed_at)
        if order.ask_at and order.state == OrderState.PENDING:
            yield _("asked after next"), when(order.ask_at)
        if order.refunded_money:
            yield _("refunded"), price_text(order.refunded_money, order.currency)
            yield _("taken back"), show_units(order.reclaimed_units)
            yield _("not collectable"), show_units(order.uncollectable_units)

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the gateway now."""
        order = self.find_target(request, pk)
        if request.method == "POST":
            sender = Sender("operator", request_address(request), request.user.get_username())
            try:
                verdict = ask_order(order, sender)
            except NotConfigured:
                text = gettext(
                    "This gateway is not set up any more: enter its keys in the options, under "
                    "Payment."
                )
                messages.error(request, text)
            except GatewayFailed as error:
                text = gettext(
                    "The gateway can't be asked: %(error)s. Try again in a minute, or look at its "
                    "address in the options, under Payment."
                )
                messages.error(request, text % {"error": error})
            else:
                tell_verdict(request, verdict)
        return self.back_to(pk)

    @require_fresh_password_in
    def complete_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Credit an order whose payment the operator has seen."""
        order = self.find_target(request, pk)
        if request.method != "POST":
            return self.back_to(pk)
        form = CompleteForm(request.POST, auto_id="complete_%s")
        if check_form(request, form):
            data = form.cleaned_data
            try:
                complete_order(order.pk, request, reason=data["reason"], trade=data["trade"])
            except NotPossible:
                text = gettext(
                    "Not possible: the order is paid, or that payment paid another. Look at the "
                    "payment's number, and at the order as it stands now."
                )
                messages.error(request, text)
            else:
                messages.success(request, gettext("The order was completed and credited."))
                return self.back_to(pk)
        return self.show_again(request, pk, complete_form=form)

    @require_fresh_password_in
    def refund_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take credit back; the money was returned at the gateway."""
        order = self.find_target(request, pk)
        if request.method != "POST":
            return self.back_to(pk)
        form = RefundForm(request.POST, auto_id="refund_%s")
        if check_form(request, form):
            data = form.cleaned_data
            try:
                refund_order(order.pk, request, money=Decimal(data["money"]), reason=data["reason"])
            except NotPossible:
                text = gettext(
                    "Not possible: the amount must be more than was returned so far, and at most "
                    "the price."
                )
                messages.error(request, text)
            else:
                messages.success(request, gettext("The refund was noted and credit taken back."))
                return self.back_to(pk)
        return self.show_again(request, pk, refund_form=form)

    def probe_view(self, request: HttpRequest) -> HttpResponse:
        """Test whether our callback addresses are reached from outside."""
        if not self.may_act(request):
            raise PermissionDenied
        if request.method == "POST":
            site = read_values()["ServerAddress"].rstrip("/")
            if not site:
                site = request.build_absolute_uri("/").rstrip("/")
                text = gettext("Set the option ServerAddress: gateways need a fixed address.")
                messages.warning(request, text)
            for method, place in CALLBACKS:
                found = probe_url(f"{site}{place}", method=method)
                values = {"url": found.url, "problem": found.problem}
                if found.problem:
                    text = gettext(
                        "%(url)s is not reached: %(problem)s. Look at the site's name, its "
                        "certificate and the proxy in front of it."
                    )
                    messages.error(request, text % values)
                else:
                    messages.success(request, gettext("%(url)s is reached.") % values)
        return HttpResponseRedirect(reverse("admin:billing_order_changelist"))


def check_form(request: HttpRequest, form: forms.Form) -> bool:
    """Tells what is missing."""
    if form.is_valid():
        return True
    for name, errors in form.errors.items():
        label = form.fields[name].label if name in form.fields else ""
        messages.error(request, f"{label}: {errors[0]}")
    return False


def tell_verdict(request: HttpRequest, verdict: Verdict | None) -> None:
    if verdict in {Verdict.CREDITED, Verdict.REPEATED}:
        messages.success(request, gettext("The gateway says it is paid; the order is credited."))
    elif verdict == Verdict.REFUSED:
        messages.error(
            request,
            gettext(
                "The gateway's answer does not fit the order, see below. Compare both at the "
                "gateway, then complete the order by hand or leave it."
            ),
        )
    elif verdict == Verdict.CLOSED:
        messages.info(request, gettext("The gateway says it was never paid; the order is closed."))
    elif verdict == Verdict.ORPHAN:
        text = gettext("The gateway tells of another payment than the order's: settle its notice.")
        messages.warning(request, text)
    else:
        messages.info(request, gettext("The gateway knows of no payment."))


def validity_text(days: int | None) -> str:
    if days is None:
        return gettext("never expires")
    return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}

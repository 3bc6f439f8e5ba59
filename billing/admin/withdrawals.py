"""The console's pages of withdrawals: approve, reject, pay out."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.admin.acts import ActingAdmin
from billing.commissions import read_earnings
from billing.models import Withdrawal, WithdrawalState
from billing.withdrawals import FROM, WrongState, move_withdrawal
from chatapi.accounts.step_up import require_fresh_password_in
from chatapi.console.columns import badge, link, money_column, mono, time_column, when
from chatapi.console.filters import choice_filter, text_filter, time_filter
from chatapi.console.money import show_units

TONES = {
    WithdrawalState.PENDING: "warn",
    WithdrawalState.APPROVED: "warn",
    WithdrawalState.REJECTED: "bad",
    WithdrawalState.PROCESSED: "good",
}
BUTTONS = (
    (WithdrawalState.APPROVED, _("Approve"), True, ""),
    (WithdrawalState.PROCESSED, _("It was paid out"), True, _("Was it paid out?")),
    (
        WithdrawalState.REJECTED,
        _("Reject, and return the amount"),
        False,
        _("Reject this withdrawal?"),
    ),
)
"""State to go to, text, whether it is the main way, and what is asked before what stays so."""


class DecisionForm(forms.Form):
    to = forms.TypedChoiceField(choices=WithdrawalState.choices, coerce=int)
    comment = forms.CharField(
        label=_("remark"),
        help_text=_("The user sees it."),
        max_length=1000,
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )


@admin.register(Withdrawal)
class WithdrawalAdmin(ActingAdmin):
    about = _("Commission that users ask to have paid out.")
    when_empty = _(
        "Users ask for one on their page of invitations. The options say from which amount on."
    )
    owner_path = "user"
    list_select_related = ("user",)
    list_display = ("time", "shown_number", "owner", "amount", "account", "comment", "shown_state")
    list_display_links = ("shown_number",)
    list_filter: ClassVar[Any] = (
        time_filter("from", _("from"), "created_at__gte"),
        time_filter("to", _("to"), "created_at__lt"),
        text_filter("user", _("user"), "user__username", indexed=True),
        choice_filter("state", _("state"), lambda: WithdrawalState.choices, indexed=True),
    )
    search_fields = ("number__exact",)
    search_help_text = _("Number")
    change_form_template = "admin/billing/withdrawal/change_form.html"
    fields = ()

    time = time_column("created_at", _("requested"))
    amount = money_column("units", _("amount"))

    def page_title(self, obj: Withdrawal) -> str:
        return obj.number

    @admin.display(description=_("number"))
    def shown_number(self, row: Withdrawal) -> SafeString | str:
        return mono(row.number)

    @admin.display(description=_("user"))
    def owner(self, row: Withdrawal) -> SafeString:
        return link("accounts_user_change", row.user_id, text=row.user.username)

    @admin.display(description=_("state"))
    def shown_state(self, row: Withdrawal) -> SafeString:
        state = WithdrawalState(row.state)
        return badge(state.label, TONES[state])

    def get_urls(self) -> list[URLPattern]:
        return [self.act_url("decide", self.decide_view), *super().get_urls()]

    def page_context(self, request: HttpRequest, obj: Withdrawal | None) -> dict[str, Any]:
        if obj is None:
            return {}
        may_act = self.may_act(request)
        return {
            "state_badge": self.shown_state(obj),
            "amount": show_units(obj.units),
            "facts": list(self._facts(obj)),
            "buttons": [
                (int(to), text, is_main, question)
                for to, text, is_main, question in BUTTONS
                if may_act and obj.state in FROM[to]
            ],
            "form": DecisionForm(),
        }

    def _facts(self, row: Withdrawal) -> Iterator[tuple[Any, Any]]:
        earnings = read_earnings(row.user)
        yield _("user"), self.owner(row)
        yield _("amount"), show_units(row.units)
        yield _("account"), row.account
        yield _("requested"), when(row.created_at)
        yield _("remark"), row.comment or "–"
        yield _("decided"), when(row.decided_at)
        yield _("decided by"), row.decided_by or "–"
        yield _("paid out"), when(row.processed_at)
        yield _("paid out by"), row.processed_by or "–"
        yield _("commission left"), show_units(earnings.available)
        yield _("commission earned in all"), show_units(earnings.earned)

    @require_fresh_password_in
    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.find_target(request, pk)
        form = DecisionForm(request.POST)
        if request.method == "POST" and form.is_valid():
            to = WithdrawalState(form.cleaned_data["to"])
            try:
                move_withdrawal(row.pk, to, request, comment=form.cleaned_data["comment"])
            except WrongState:
                text = gettext(
                    "Not possible: somebody has decided otherwise meanwhile. Below is how it "
                    "stands now."
                )
                messages.error(request, text)
                return self.show_again(request, pk, form=form)
            messages.success(request, gettext("Done. The user is told."))
        elif request.method == "POST":
            messages.error(request, gettext("Please choose what to do."))
            return self.show_again(request, pk, form=form)
        return self.back_to(pk)

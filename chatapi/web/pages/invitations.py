"""Inviting others: the link, what it has earned, and what one does with that."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.commissions import BelowMinimum, read_earnings, transfer_commission
from billing.ledger import AlreadyPosted, NotEnoughRemaining
from billing.models import Withdrawal, WithdrawalState
from billing.withdrawals import WithdrawalsClosed, request_withdrawal
from chatapi.accounts.invitations import invitation_code_of
from chatapi.accounts.models import User
from chatapi.accounts.step_up import require_fresh_password
from chatapi.console.fields import plain_decimal
from chatapi.console.money import usd_text
from chatapi.lib.money import InvalidAmount
from chatapi.web.address import site_url
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.paging import read_page

TONES = {
    WithdrawalState.PENDING: "warn",
    WithdrawalState.APPROVED: "accent",
    WithdrawalState.REJECTED: "bad",
    WithdrawalState.PROCESSED: "good",
}


class AmountForm(forms.Form):
    """`reference` is made with the page: sending the form twice moves once."""

    usd = forms.DecimalField(
        label=gettext_lazy("Amount in US dollars"),
        max_digits=16,
        decimal_places=6,
        widget=forms.TextInput({"inputmode": "decimal", "autocomplete": "off"}),
    )
    reference = forms.UUIDField(widget=forms.HiddenInput)


class WithdrawalForm(AmountForm):
    account = forms.CharField(
        label=gettext_lazy("Alipay or other account, and the name on it"), max_length=200
    )

    def clean_account(self) -> str:
        text = str(self.cleaned_data["account"])
        if len(text) < 3 or not text.isprintable():
            raise ValidationError(_("Please enter the account on one line."))
        return text


@require_safe
@login_required
def show_invitations(request: HttpRequest) -> HttpResponse:
    return render(request, "user/invitations.html", make_context(request))


def make_context(request: HttpRequest, **forms_shown: Any) -> dict[str, Any]:
    user: Any = request.user
    values = read_frame(request).values
    fresh = {"reference": uuid.uuid4()}
    code = urlencode({"aff": invitation_code_of(user)})
    page = read_page(request, User.objects.filter(inviter=user))
    for invitee in page.rows:
        invitee.masked = mask(invitee.username)
    return {
        "page_url": reverse("invitations"),
        "link": f"{site_url(request)}{reverse('register')}?{code}",
        "earnings": read_earnings(user),
        "percent": plain_decimal(values["ProporTions"]),
        "may_withdraw": bool(values["ProporTions"]),
        "reward_units": values["QuotaForInviter"],
        "least_usd": plain_decimal(values["MiniQuota"]),
        "page": page,
        "transfer_form": AmountForm(initial=fresh, auto_id="transfer_%s"),
        "withdrawal_form": WithdrawalForm(initial=fresh, auto_id="withdrawal_%s"),
        **forms_shown,
    }


def mask(name: str) -> str:
    """`al***e`: enough to know somebody again, not enough to know who it is."""
    if len(name) < 3:
        return f"{name[:1]}***"
    return f"{name[:2]}***{name[-1:]}"


@require_POST
@login_required
def transfer(request: HttpRequest) -> HttpResponse:
    """Commission into the wallet."""
    user: Any = request.user
    form = AmountForm(request.POST, auto_id="transfer_%s")
    if form.is_valid():
        data = form.cleaned_data
        try:
            units = transfer_commission(user, data["usd"], str(data["reference"]))
        except (BelowMinimum, NotEnoughRemaining, InvalidAmount, AlreadyPosted) as error:
            refuse(form, error)
        else:
            text = _("%(amount)s was moved to your balance.") % {"amount": usd_text(units)}
            messages.success(request, text)
            return HttpResponseRedirect(reverse("invitations"))
    return render(request, "user/invitations.html", make_context(request, transfer_form=form))


@login_required
@require_fresh_password
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest) -> HttpResponse:
    """A request that operators pay by hand. Commission becomes money: the password is asked for."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("invitations"))
    user: Any = request.user
    form = WithdrawalForm(request.POST, auto_id="withdrawal_%s")
    if form.is_valid():
        data = form.cleaned_data
        try:
            request_withdrawal(user, data["usd"], data["account"], str(data["reference"]))
        except (
            WithdrawalsClosed,
            BelowMinimum,
            NotEnoughRemaining,
            InvalidAmount,
            AlreadyPosted,
        ) as error:
            refuse(form, error)
        else:
            messages.success(request, _("Your withdrawal was requested. We pay it by hand."))
            return HttpResponseRedirect(reverse("withdrawals"))
    return render(request, "user/invitations.html", make_context(request, withdrawal_form=form))


@require_safe
@login_required
def show_withdrawals(request: HttpRequest) -> HttpResponse:
    page = read_page(request, Withdrawal.objects.filter(user_id=request.user.pk or 0))
    for row in page.rows:
        row.tone = TONES[WithdrawalState(row.state)]
    return render(request, "user/withdrawals.html", {"page": page})


def refuse(form: AmountForm, error: Exception) -> None:
    """A reference that was used belongs to what was done; what is sent next is something new."""
    form.add_error("usd", explain(error))
    if isinstance(error, AlreadyPosted):
        form.data = {**form.data.dict(), "reference": uuid.uuid4()}  # type: ignore[attr-defined]


def explain(error: Exception) -> str:
    if isinstance(error, BelowMinimum):
        return _("The least amount is %(amount)s.") % {"amount": usd_text(error.least_units)}
    if isinstance(error, NotEnoughRemaining):
        return _("That is more than your commission. Please enter a lower amount.")
    if isinstance(error, AlreadyPosted):
        return _("This was done already; nothing was done twice.")
    if isinstance(error, WithdrawalsClosed):
        return _("Withdrawals are not open at the moment.")
    return _("The amount must be above zero, and not more than you have.")

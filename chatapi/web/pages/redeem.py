"""Redeeming a code, from the page where credit is bought."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing.redemptions import NotRedeemable, redeem
from chatapi.accounts.form_throttle import count_attempt, forget_attempts
from chatapi.accounts.throttle import Throttled, address_of
from chatapi.console.money import usd_text
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.topup import topup_context


@require_POST
@login_required
def redeem_code(request: HttpRequest) -> HttpResponse:
    """Wrong codes are counted, so that nobody can try many."""
    user: Any = request.user
    # The rate for the message below, too.
    values = read_frame(request).values
    try:
        attempt = count_attempt("redeem", address=address_of(request), subject=str(user.pk))
    except Throttled as error:
        text = _("Too many wrong codes. Please try again in %(minutes)d minutes.")
        return refuse(request, values, text % {"minutes": -(-error.retry_after // 60)})
    try:
        entry = redeem(user, request.POST.get("code", ""))
    except NotRedeemable as error:
        return refuse(request, values, explain(error.reason))
    forget_attempts(attempt)
    text = _("%(amount)s was added to your balance.")
    messages.success(request, text % {"amount": usd_text(entry.amount)})
    return HttpResponseRedirect(reverse("topup"))


def refuse(request: HttpRequest, values: Mapping[str, Any], text: str) -> HttpResponse:
    """The page again, with what was typed and what is wrong with it."""
    context = topup_context(request, values)
    context |= {"code": request.POST.get("code", "")[:64], "code_error": text}
    return render(request, "user/topup.html", context)


def explain(reason: str) -> str:
    return {
        "unknown": _("There is no such code. Please check what you typed."),
        "disabled": _("This code has been disabled."),
        "expired": _("This code can't be redeemed any more: its time is over."),
        "used": _("This code has been used already."),
        "used_by_you": _("You have redeemed this code already: it was added to your balance."),
    }[reason]

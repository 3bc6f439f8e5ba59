"""What a key may spend and has spent, without an account: for who was given a key by somebody.

The key travels in the body of a form, never in an address; looking up is counted by address.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from billing.balances import with_limits
from billing.models import Usage
from chatapi.accounts.models import Token, TokenStatus
from chatapi.accounts.throttle import address_of
from chatapi.accounts.tokens import find_shown
from chatapi.console.exports import stream_csv
from chatapi.console.money import units_per_usd
from chatapi.lib.money import format_usd
from chatapi.lib.request_address import request_address
from chatapi.web.api.token_shapes import status_now, units_left
from chatapi.web.pages.call_log import HEAD, read_parts
from chatapi.web.pages.frame import read_frame
from chatapi.web.throttling import WINDOW_SECONDS, count

MOST_LOOKUPS = 30
"""In three minutes, of one address: 285 random bits need no more protection than that."""
RECENT = 50


class KeyForm(forms.Form):
    key = forms.CharField(
        label=_("Key"),
        max_length=256,
        widget=forms.PasswordInput(
            {"autocomplete": "off", "placeholder": "sk-…", "spellcheck": "false"}, render_value=True
        ),
    )


@require_http_methods(["GET", "POST"])
def look_up(request: HttpRequest) -> HttpResponseBase:
    read_frame(request)
    if request.method != "POST":
        return render(request, "user/key.html", {"form": KeyForm()})
    form = KeyForm(request.POST)
    if count(f"key:address:{address_of(request)}") > MOST_LOOKUPS:
        refusal = render(request, "429.html", {"seconds": WINDOW_SECONDS}, status=429)
        refusal["Retry-After"] = str(WINDOW_SECONDS)
        return refusal
    token = find_token(request, form.cleaned_data["key"]) if form.is_valid() else None
    if token is None:
        if form.is_valid():
            form.add_error("key", _("There is no such key."))
        return render(request, "user/key.html", {"form": form})
    calls = Usage.objects.filter(token_id=token.pk)
    if request.POST.get("as") == "csv":
        return export(request, calls)
    return show(request, form, token, calls)


def find_token(request: HttpRequest, text: str) -> Any:
    return find_shown(with_limits(Token.objects.all()), text, request_address(request))


def show(request: HttpRequest, form: KeyForm, token: Any, calls: Any) -> HttpResponse:
    token.status_now = TokenStatus(status_now(token))
    token.units_left = None if token.is_unlimited else units_left(token)
    recent = calls.order_by("-created_at", "-pk").defer("line_items", "attempts")[:RECENT]
    context = {"form": form, "token": token, "calls": list(recent)}
    answer = render(request, "user/key.html", context)
    add_never_cache_headers(answer)
    return answer


def export(request: HttpRequest, calls: Any) -> HttpResponseBase:
    rate = units_per_usd()
    name = f"calls-{timezone.localtime():%Y%m%d-%H%M}.csv"
    return stream_csv(
        request,
        name,
        HEAD,
        lambda: (
            [(row[0].isoformat(), *row[1:], format_usd(row[-1], rate)) for row in part]
            for part in read_parts(calls)
        ),
    )

"""The pages of foreign accounts: going there, coming back, binding and unbinding."""

from typing import Any

import structlog
from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from chatapi.accounts.models import User
from chatapi.accounts.step_up import require_fresh_password
from chatapi.accounts.throttle import address_of
from chatapi.console.audit import record_act
from chatapi.options.snapshot import read_values
from chatapi.web.address import site_url
from chatapi.web.foreign import entering
from chatapi.web.foreign.handshake import Handshake, Purpose, begin_handshake, end_handshake
from chatapi.web.foreign.identity import ForeignRefusal, Identity
from chatapi.web.foreign.providers import Provider, find_provider
from chatapi.web.foreign.telegram import telegram_identity, unpack
from chatapi.web.foreign.ways import address_there, redeem_code, return_address
from chatapi.web.foreign.wechat import wechat_identity
from chatapi.web.next_page import first_page, wanted_page
from chatapi.web.pages.sign_in import answer_form
from chatapi.web.pages.sign_up import INVITATION, NEXT, welcome_in
from chatapi.web.pages.sign_up_form import ThrottledForm

log = structlog.get_logger("foreign")


def get_provider(slug: str) -> Provider:
    provider = find_provider(slug)
    if provider is None:
        raise Http404
    return provider


@never_cache
@require_POST
def start_sign_in(request: HttpRequest, slug: str) -> HttpResponse:
    if isinstance(request.user, User):
        return redirect(first_page(request.user))
    return go_there(request, get_provider(slug), "sign_in", wanted_page(request))


@never_cache
@login_required
@require_fresh_password
@require_POST
def start_binding(request: HttpRequest, slug: str) -> HttpResponse:
    return go_there(request, get_provider(slug), "bind", "")


def go_there(
    request: HttpRequest, provider: Provider, purpose: Purpose, next_page: str
) -> HttpResponse:
    """A page that leads on by itself. A redirect would not do: our policy lets forms lead nowhere
    but to ourselves, and browsers apply it to redirects too.
    """
    state, handshake = begin_handshake(request, provider.slug, purpose, next_page)
    if provider.kind == "wechat":
        return redirect(f"{reverse('wechat')}?state={state}")
    try:
        there = address_there(provider, handshake, state, site_url(request))
    except ForeignRefusal as refusal:
        return tell_refusal(request, refusal, provider, purpose)
    return render(request, "auth/leaving.html", {"there": there, "label": provider.label})


def back_address(request: HttpRequest, provider: Provider) -> str:
    return return_address(site_url(request), provider)


@never_cache
@require_http_methods(["GET", "POST"])
def come_back(request: HttpRequest, slug: str) -> HttpResponse:
    """Where other sites send the browser. Telegram's answer stands behind the # of the address,
    which only a script can read: a page of ours sends it on.
    """
    provider = get_provider(slug)
    if provider.kind == "wechat":
        raise Http404
    if provider.kind == "telegram" and request.method == "GET":
        state = request.GET.get("state", "")[:200]
        return render(request, "auth/telegram.html", {"state": state, "slug": slug})
    sent = request.POST if provider.kind == "telegram" else request.GET
    try:
        handshake = end_handshake(request, slug, sent.get("state", "")[:200])
    except ForeignRefusal as refusal:
        purpose: Purpose = "bind" if request.user.is_authenticated else "sign_in"
        return tell_refusal(request, refusal, provider, purpose)
    try:
        identity = read_identity(request, provider, handshake)
        return finish(request, provider, handshake, identity)
    except ForeignRefusal as refusal:
        return tell_refusal(request, refusal, provider, handshake.purpose)


def read_identity(request: HttpRequest, provider: Provider, handshake: Handshake) -> Identity:
    """Raises ForeignRefusal."""
    if provider.kind == "telegram":
        packed = request.POST.get("result", "")
        return telegram_identity(provider, unpack(packed), address_of(request))
    code = request.GET.get("code", "")[:2000]
    if not code:
        raise ForeignRefusal(detail=f"no code: {request.GET.get('error', '')[:100]}")
    return redeem_code(provider, handshake, code, back_address(request, provider))


def finish(
    request: HttpRequest, provider: Provider, handshake: Handshake, identity: Identity
) -> HttpResponse:
    """Raises ForeignRefusal."""
    if handshake.purpose == "bind":
        return finish_binding(request, provider, identity)
    owner = entering.find_owner(provider, identity)
    if owner is None:
        code = request.session.get(INVITATION, "")
        opened = entering.open_foreign_account(provider, identity, code)
        if handshake.next:
            request.session[NEXT] = handshake.next
        return welcome_in(request, opened)
    login = Login(user=owner, redirect_url=handshake.next or None)
    response: HttpResponse = perform_login(request, login)
    return response


def finish_binding(request: HttpRequest, provider: Provider, identity: Identity) -> HttpResponse:
    user: Any = request.user
    bind(request, user, provider, identity)
    messages.success(
        request, _("%(provider)s was bound to your account.") % {"provider": provider.label}
    )
    return redirect("profile")


def bind(request: HttpRequest, user: User, provider: Provider, identity: Identity) -> None:
    """Raises ForeignRefusal."""
    with transaction.atomic():
        entering.bind_account(user, provider, identity)
        record_act("binding.added", request=request, target=user, note=provider.slug)


def tell_refusal(
    request: HttpRequest, refusal: ForeignRefusal, provider: Provider, purpose: Purpose
) -> HttpResponse:
    log.info("foreign_refused", provider=provider.slug, why=str(refusal)[:300])
    messages.error(request, refusal.text)
    return redirect("profile" if purpose == "bind" else "login")


@login_required
@require_fresh_password
@require_POST
def unbind(request: HttpRequest, slug: str) -> HttpResponse:
    user: Any = request.user
    try:
        with transaction.atomic():
            entering.unbind_account(user, slug, has_passkey)
            record_act("binding.removed", request=request, target=user, note=slug[:40])
    except ForeignRefusal as refusal:
        messages.error(request, refusal.text)
    else:
        messages.success(request, _("It is no longer bound to your account."))
    return redirect("profile")


def has_passkey(user: User) -> bool:
    of_user = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return of_user.exists()


# --- WeChat: no other site, but a picture and a code ---


class WeChatForm(ThrottledForm):
    throttle = "wechat"

    code = forms.CharField(
        label=gettext_lazy("Code from WeChat"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )
    state = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput)

    def clean_code(self) -> str:
        self.count_use()
        return str(self.cleaned_data["code"]).strip()


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter_by_wechat(request: HttpRequest) -> HttpResponse:
    """The state says what the code is for; with each code that was tried it is renewed."""
    provider = get_provider("wechat")
    state = request.GET.get("state", "")[:200]
    form = WeChatForm(
        request, request.POST if request.method == "POST" else None, initial={"state": state}
    )
    if request.method == "POST" and form.is_valid():
        try:
            handshake = end_handshake(request, "wechat", form.cleaned_data["state"])
        except ForeignRefusal as refusal:
            purpose: Purpose = "bind" if request.user.is_authenticated else "sign_in"
            return tell_refusal(request, refusal, provider, purpose)
        try:
            identity = wechat_identity(provider, form.cleaned_data["code"])
            return finish(request, provider, handshake, identity)
        except ForeignRefusal as refusal:
            form.add_error(None, ValidationError(refusal.text))
            state, _handshake = begin_handshake(
                request, "wechat", handshake.purpose, handshake.next
            )
            form.data = {**request.POST.dict(), "state": state}
    context = {"form": form, "picture": picture_address()}
    return answer_form(request, "auth/wechat.html", context, form, **picture_source())


def picture_address() -> str:
    return str(read_values()["WeChatAccountQRCodeImageURL"])


def picture_source() -> dict[str, str]:
    """Where the picture may be loaded from: the site that the operator named, and no other."""
    scheme, sign, rest = picture_address().partition("://")
    return {"img_src": f"{scheme}://{rest.partition('/')[0]}"} if sign else {}

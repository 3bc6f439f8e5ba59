"""Second factors of one's own: an authenticator app, recovery codes, passkeys. Each change asks for
the password first.
"""

import base64
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import delete_dangling_recovery_codes
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import TOTP, clear_totp_secret
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.mfa.webauthn.internal import auth as webauthn
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from chatapi.accounts.models import User
from chatapi.accounts.step_up import require_fresh_password
from chatapi.console.audit import record_act

MALFORMED = (AttributeError, KeyError, TypeError, ValueError)
"""What the library raises for a credential that no browser made."""
MOST_PASSKEYS = 20


class AppForm(ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = gettext_lazy("Code that the app shows")
        self.fields["code"].widget = forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        )


@never_cache
@login_required
@require_fresh_password
@require_http_methods(["GET", "HEAD", "POST"])
def add_app(request: HttpRequest) -> HttpResponse:
    """Shows the secret as a picture and as text, until a code proves that the app has it."""
    user: Any = request.user
    if Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
        return redirect("security")
    form = AppForm(data=request.POST if "code" in request.POST else None, user=user)
    if form.is_bound and form.is_valid():
        try:
            with transaction.atomic():
                TOTP.activate(user, form.secret)
                codes = make_codes(user)
                record_act("second_factor.added", request=request, target=user, note="totp")
        except IntegrityError:
            return redirect("security")
        clear_totp_secret(request)
        return show_codes(request, codes)
    link = get_adapter().build_totp_url(user, form.secret)
    picture = base64.b64encode(get_adapter().build_totp_svg(link).encode()).decode()
    context = {
        "form": form,
        "secret": form.secret,
        "picture": f"data:image/svg+xml;base64,{picture}",
    }
    return render(request, "user/second_factor_app.html", context)


@login_required
@require_fresh_password
@require_POST
def remove_app(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    with transaction.atomic():
        gone, _by = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
        if gone:
            delete_dangling_recovery_codes(user)
            record_act("second_factor.removed", request=request, target=user, note="totp")
    messages.success(request, _("The authenticator app is no longer asked for."))
    return redirect("security")


@never_cache
@login_required
@require_fresh_password
@require_POST
def renew_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes; the old ones are good for nothing."""
    user: Any = request.user
    if not Authenticator.objects.filter(user=user).exists():
        return redirect("security")
    with transaction.atomic():
        codes = make_codes(user, is_new=True)
        record_act("recovery_codes.renewed", request=request, target=user)
    return show_codes(request, codes)


def make_codes(user: User, *, is_new: bool = False) -> list[str]:
    """Recovery codes, of which those to a second factor that is there already are not shown
    again.
    """
    of_user = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES)
    if is_new:
        of_user.delete()
    elif of_user.exists():
        return []
    return list(RecoveryCodes.activate(user).generate_codes())


def show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """In the answer itself: nowhere else they could be read."""
    if not codes:
        return redirect("security")
    return render(request, "user/recovery_codes.html", {"codes": codes, "shown_once": True})


@never_cache
@login_required
@require_fresh_password
@require_http_methods(["GET", "HEAD", "POST"])
def add_passkey(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    if Authenticator.objects.filter(user=user).count() > MOST_PASSKEYS:
        messages.error(request, _("These are passkeys enough. Remove one first."))
        return redirect("security")
    if "credential" in request.POST:
        data = {"name": request.POST.get("name", "")[:64], "passwordless": "on"}
        form = AddWebAuthnForm(data={**data, "credential": request.POST["credential"]}, user=user)
        if is_sound(form):
            with transaction.atomic():
                webauthn.WebAuthn.add(
                    user, form.cleaned_data["name"], form.cleaned_data["credential"]
                )
                codes = make_codes(user)
                record_act("second_factor.added", request=request, target=user, note="passkey")
            messages.success(request, _("The passkey was added."))
            return show_codes(request, codes)
        messages.error(request, _("That did not work. Please try again."))
    context = {"options": webauthn.begin_registration(user, passwordless=True)}
    return render(request, "user/passkey.html", context)


def is_sound(form: forms.Form) -> bool:
    try:
        return form.is_valid()
    except MALFORMED:
        return False


@login_required
@require_fresh_password
@require_POST
def remove_passkey(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    row = get_object_or_404(Authenticator, pk=pk, user=user, type=Authenticator.Type.WEBAUTHN)
    with transaction.atomic():
        row.delete()
        delete_dangling_recovery_codes(user)
        record_act("second_factor.removed", request=request, target=user, note="passkey")
    messages.success(request, _("The passkey was removed."))
    return redirect("security")

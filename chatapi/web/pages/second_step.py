"""After the password: a code or a passkey. And signing in with a passkey alone."""

from typing import Any

from allauth.account.internal.decorators import login_stage_required
from allauth.account.models import Login
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm, LoginWebAuthnForm
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chatapi.accounts.form_throttle import forget_attempts
from chatapi.accounts.models import User
from chatapi.accounts.second_factor import check_code
from chatapi.web.next_page import wanted_page
from chatapi.web.pages.authenticators import is_sound
from chatapi.web.pages.sign_in import answer_form
from chatapi.web.pages.sign_up_form import ThrottledForm

KINDS_OF_CODES = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)


class SecondStepForm(ThrottledForm):
    throttle = "second_factor"

    code = forms.CharField(
        label=gettext_lazy("Code of the app, or a recovery code"),
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )
    credential = forms.CharField(
        max_length=20_000, required=False, widget=forms.HiddenInput, label=""
    )

    def __init__(self, request: HttpRequest, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.user = user

    def clean(self) -> Any:
        cleaned = super().clean() or self.cleaned_data
        attempt = self.count_use(subject=str(self.user.pk))
        if cleaned.get("credential"):
            passkey = AuthenticateWebAuthnForm(
                user=self.user, data={"credential": cleaned["credential"]}
            )
            is_right = is_sound(passkey)
            if is_right:
                passkey.cleaned_data["credential"].record_usage()
        else:
            is_right = check_code(self.user, cleaned.get("code", ""))
        if not is_right:
            raise ValidationError(_("This is not right. Please try again."), code="wrong")
        forget_attempts(attempt)
        return cleaned


@login_stage_required(stage=AuthenticateStage.key, redirect_urlname="login")  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
def ask_second_step(request: Any) -> HttpResponse:
    stage = request._login_stage  # noqa: SLF001 -- allauth's way to hand it over
    user = stage.login.user
    if user is None or not user.is_active:
        return redirect("login")
    form = SecondStepForm(request, user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        response: HttpResponse = stage.exit()
        return response
    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    has_passkey = Authenticator.Type.WEBAUTHN in kinds
    context = {
        "form": form,
        "has_codes": bool(kinds.intersection(KINDS_OF_CODES)),
        "options": webauthn.begin_authentication(user) if has_passkey else None,
    }
    return answer_form(request, "auth/second_step.html", context, form)


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_with_passkey(request: HttpRequest) -> HttpResponse:
    """GET: what the browser must sign. POST: signed. A passkey is both factors at once."""
    if request.user.is_authenticated:
        return redirect("home")
    if request.method == "GET":
        return JsonResponse(webauthn.begin_authentication(None))
    form = LoginWebAuthnForm(data={"credential": request.POST.get("credential", "")[:20_000]})
    if not is_sound(form):
        messages.error(request, _("No account here has this passkey."))
        return redirect("login")
    authenticator = form.cleaned_data["credential"]
    login = Login(user=authenticator.user, redirect_url=wanted_page(request) or None)
    response: HttpResponse = perform_passwordless_login(request, authenticator, login)
    return response

"""Signing in and out."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django import forms
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chatapi.accounts.backends import REFUSAL, SignInRefused
from chatapi.accounts.models import User
from chatapi.options.snapshot import read_values
from chatapi.web.foreign.providers import list_providers
from chatapi.web.next_page import first_page, wanted_page
from chatapi.web.turnstile import allow_turnstile, check_turnstile, turnstile_site_key

WRONG = _("There is no account with this name and password.")


class SignInForm(forms.Form):
    """Name or e-mail address, and password. `user` is who signed in."""

    login = forms.CharField(
        label=_("User name or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    user: User | None = None
    retry_after = 0

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean(self) -> Any:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        check_turnstile(self.request)
        found = authenticate(self.request, username=cleaned["login"], password=cleaned["password"])
        if isinstance(found, User):
            self.user = found
            return cleaned
        refusal = self.request.META.get(REFUSAL)
        if isinstance(refusal, SignInRefused):
            self.retry_after = refusal.retry_after
            raise ValidationError(refusal.text, code=refusal.code)
        raise ValidationError(WRONG, code="wrong")


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    wanted = wanted_page(request)
    if isinstance(request.user, User):
        return HttpResponseRedirect(wanted or first_page(request.user))
    values = read_values()
    may_use_password = values["PasswordLoginEnabled"]
    form = SignInForm(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and may_use_password and form.is_valid():
        login = Login(user=form.user, redirect_url=wanted or None)
        response: HttpResponse = perform_password_login(
            request, {"username": form.cleaned_data["login"]}, login
        )
        return response
    context = {
        "form": form,
        "next": wanted,
        "may_use_password": may_use_password,
        "may_sign_up": values["RegisterEnabled"],
        "turnstile": turnstile_site_key(),
        "foreign": list_providers(),
    }
    return answer_form(request, "auth/sign_in.html", context, form)


def answer_form(
    request: HttpRequest, template: str, context: dict[str, Any], form: Any, **sources: str
) -> HttpResponse:
    """A page with a form: 429 and when to come back, where a throttle refused it."""
    response = allow_turnstile(render(request, template, context), **sources)
    if form.retry_after:
        response.status_code = 429
        response["Retry-After"] = str(form.retry_after)
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Asks first when it comes by a link: no page of others can sign somebody out."""
    if request.method == "POST":
        get_adapter().logout(request)
        return HttpResponseRedirect("/")
    if not request.user.is_authenticated:
        return HttpResponseRedirect("/")
    return render(request, "auth/sign_out.html")

"""Signing in and out and up by JSON, through the forms and flows of the pages."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login as PendingLogin
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chatapi.accounts.names import hash_name
from chatapi.accounts.password_turns import hash_new_password
from chatapi.options.snapshot import read_values
from chatapi.web.api.confirming import need_our_pages
from chatapi.web.api.envelope import answer
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import Text
from chatapi.web.api.levels import PUBLIC
from chatapi.web.api.mail_proofs import check_code
from chatapi.web.api.strangers import (
    SignedIn,
    StrangersView,
    TurnstileQuery,
    page_of,
    tell_form,
    tell_signed_in,
    with_proof,
)
from chatapi.web.api.views import ApiView, describe
from chatapi.web.pages.sign_in import SignInForm
from chatapi.web.pages.sign_up_form import SignUpForm
from chatapi.web.pages.sign_up_mail import PURPOSE
from chatapi.web.signing_up import Application, open_account

TAG = "Signing in"


class LoginIn(serializers.Serializer[Any]):
    """User name or e-mail address."""

    username = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)


class RegisterIn(serializers.Serializer[Any]):
    """`email` and `verification_code`, which /api/verification mails, where addresses must be
    proven; they are not looked at elsewhere.
    """

    username = serializers.CharField(max_length=32)
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)
    email = Text(max_length=254)
    verification_code = Text(max_length=12)
    aff_code = Text(max_length=32)


class Registered(serializers.Serializer[Any]):
    """`key` is that of a first token, shown this once; empty where there is none."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    key = serializers.CharField()


class Login(StrangersView):
    """Begins a session; programs need none, they send an access token. Who has a second factor
    gives it on the page.
    """

    @describe("Sign in", TAG, SignedIn, body=LoginIn, query=TurnstileQuery)
    def post(self, request: Request) -> Response:
        values = self.read_body(LoginIn)
        if not read_values()["PasswordLoginEnabled"]:
            raise Refused(_("Signing in with a password is off."))
        page = with_proof(request, self.read_query(TurnstileQuery))
        sent = {"login": values["username"], "password": values["password"]}
        form = SignInForm(page, sent)
        if not form.is_valid():
            raise tell_form(form)
        user: Any = form.user
        pending = PendingLogin(user=user)
        perform_password_login(page, {"username": values["username"]}, pending)
        return tell_signed_in(page, user)


class Logout(ApiView):
    """POST is the way; the GET of the old product works from our own pages."""

    area = PUBLIC

    @describe("Sign out", TAG)
    def get(self, request: Request) -> Response:
        need_our_pages(request)
        return self._leave(request)

    @describe("Sign out", TAG)
    def post(self, request: Request) -> Response:
        return self._leave(request)

    def _leave(self, request: Request) -> Response:
        if request.auth is None and request.user.is_authenticated:
            get_adapter().logout(page_of(request))
        return answer()


class Register(StrangersView):
    @describe("Open an account", TAG, Registered, body=RegisterIn, query=TurnstileQuery)
    def post(self, request: Request) -> Response:
        values, options = self.read_body(RegisterIn), read_values()
        if not (options["RegisterEnabled"] and options["PasswordRegisterEnabled"]):
            raise Refused(_("Nobody can open an account here at the moment."))
        sent = {
            "username": values["username"],
            "email": values.get("email", ""),
            "password1": values["password"],
            "password2": values["password"],
            "invitation": values.get("aff_code", ""),
        }
        page = with_proof(request, self.read_query(TurnstileQuery))
        form = SignUpForm(page, sent, asks_email=options["EmailVerificationEnabled"])
        if not form.is_valid():
            raise tell_form(form)
        email = form.cleaned_data.get("email", "")
        if email:
            check_code(page, PURPOSE, hash_name(email), values.get("verification_code", ""))
        opened = open_account(
            Application(
                username=form.cleaned_data["username"],
                password_hash=hash_new_password(values["password"]),
                email=email,
                invitation_code=form.cleaned_data["invitation"],
            )
        )
        user = opened.user
        return answer({"id": user.pk, "username": user.username, "key": opened.key})

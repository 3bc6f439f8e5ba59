"""Codes and links by mail: for a new account, for another address, for a forgotten password."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chatapi.accounts.form_throttle import count_attempt
from chatapi.accounts.letters import LetterNotSent
from chatapi.accounts.mail_codes import make_mail_code, use_code_of
from chatapi.accounts.mailboxes import accept_mailbox
from chatapi.accounts.models import User
from chatapi.accounts.names import hash_name
from chatapi.accounts.password_reset import set_password_by_link
from chatapi.accounts.throttle import Throttled, address_of
from chatapi.options.snapshot import read_values
from chatapi.web.api.confirming import (
    need_our_pages,
    need_owner,
    need_scope,
)
from chatapi.web.api.envelope import answer
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import Text
from chatapi.web.api.levels import GETS
from chatapi.web.api.strangers import (
    StrangersView,
    TurnstileQuery,
    page_of,
    tell_form,
    with_proof,
)
from chatapi.web.api.views import ApiView, describe
from chatapi.web.pages.email_change import NEW, OLD, mail_both_codes, take_address
from chatapi.web.pages.reset_password import AskLinkForm
from chatapi.web.pages.sign_up_mail import PURPOSE, mail_code

TAG = "Signing in"


class AskCodeForm(AskLinkForm):
    def clean_email(self) -> str:
        return accept_mailbox(self.cleaned_data["email"])


class MailIn(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)


class MailQuery(MailIn, TurnstileQuery):
    """`turnstile` is the proof that Turnstile gave, where the operator asks for one."""


class MailView(StrangersView):
    """Answers the same whether the address belongs to somebody or not."""

    form_class: type[AskLinkForm]

    def ask(self, request: Request, email: str) -> Response:
        form = self.form_class(
            with_proof(request, self.read_query(TurnstileQuery)), {"email": email}
        )
        if not form.is_valid():
            raise tell_form(form)
        try:
            self.send(request, form)
        except LetterNotSent as error:
            raise Refused(error.text) from error
        return answer()

    def send(self, request: Request, form: Any) -> None:
        """Raises LetterNotSent or Refused."""
        # Each letter has a view of its own below.
        raise NotImplementedError


class Verification(MailView):
    """Mails six digits, good for ten minutes, which `/api/user/register` asks for. Who is signed
    in gets them for `/api/oauth/email/bind`, and others to the address of now. The same answer
    whether an address is free or not.
    """

    form_class = AskCodeForm

    @describe("Mail a code (deprecated form)", TAG, query=MailQuery)
    def get(self, request: Request) -> Response:
        need_our_pages(request)
        return self.ask(request, self.read_query(MailQuery)["email"])

    @describe("Mail a code", TAG, body=MailIn, query=TurnstileQuery)
    def post(self, request: Request) -> Response:
        return self.ask(request, self.read_body(MailIn)["email"])

    def send(self, request: Request, form: Any) -> None:
        email, user = form.cleaned_data["email"], request.user
        if isinstance(user, User):
            need_scope(request, "self:write")
            mail_both_codes(user, email, subject_of(user, email))
            return
        if not read_values()["RegisterEnabled"]:
            raise Refused(_("Nobody can open an account here at the moment."))
        row, digits = make_mail_code(PURPOSE, subject=hash_name(email))
        mail_code(email, row, digits)


class ResetLink(MailView):
    """The link leads to the page for a new password; its last part is what `/api/user/reset` asks
    for. The same answer whether there is such an account or not.
    """

    form_class = AskLinkForm

    @describe("Mail a link for a new password (deprecated form)", TAG, query=MailQuery)
    def get(self, request: Request) -> Response:
        need_our_pages(request)
        return self.ask(request, self.read_query(MailQuery)["email"])

    @describe("Mail a reset link", TAG, body=MailIn, query=TurnstileQuery)
    def post(self, request: Request) -> Response:
        return self.ask(request, self.read_body(MailIn)["email"])

    def send(self, _request: Request, form: Any) -> None:
        form.send_link()


class ResetIn(MailIn):
    """`token` is the link that was mailed, or its last part."""

    token = serializers.CharField(max_length=1000)


class NewPassword(StrangersView):
    """Answers a new password, shown this once. All sessions end."""

    @describe("A new password for a forgotten one", TAG, serializers.CharField, body=ResetIn)
    def post(self, request: Request) -> Response:
        values = self.read_body(ResetIn)
        count_code(request)
        password = set_password_by_link(values["email"], values["token"])
        if password is None:
            raise Refused(_("The link is wrong, or no longer good."))
        return answer(password)


class BindIn(MailIn):
    """`code` from the new address, and `old_code` from the old one, where there is one."""

    code = serializers.CharField(max_length=20)
    old_code = Text(max_length=20)


class BindEmail(ApiView):
    """After `/api/verification`. A right code is used up, also when the other one is wrong: then
    ask for new ones.
    """

    area = "self"
    changing_reads = GETS

    @describe("Take another e-mail address (deprecated form)", TAG, query=BindIn)
    def get(self, request: Request) -> Response:
        return self._bind(request, self.read_query(BindIn))

    @describe("Take another e-mail address", TAG, body=BindIn)
    def post(self, request: Request) -> Response:
        return self._bind(request, self.read_body(BindIn))

    def _bind(self, request: Request, values: dict[str, Any]) -> Response:
        need_owner(request)
        page, user = page_of(request), self.user
        email = read_address(values["email"])
        subject = subject_of(user, email)
        if user.email:
            check_code(page, OLD, subject, values.get("old_code", ""))
        check_code(page, NEW, subject, values["code"])
        take_address(page, user, email)
        return answer()


def check_code(page: HttpRequest, purpose: str, subject: str, code: str) -> None:
    """Raises DRF's Throttled, or Refused."""
    count_code(page)
    if not use_code_of(subject, purpose, "".join(code.split())):
        raise Refused(_("The code is wrong, or no longer good."))


def count_code(request: Any) -> None:
    try:
        count_attempt("code", address=address_of(request))
    except Throttled as error:
        raise exceptions.Throttled(error.retry_after) from error


def read_address(text: str) -> str:
    """Raises ValidationError."""
    return accept_mailbox(forms.EmailField(max_length=150).clean(text))


def subject_of(user: User, email: str) -> str:
    return hash_name(f"{user.pk}\n{email}")

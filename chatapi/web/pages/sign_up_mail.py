"""The step of opening an account that proves the e-mail address."""

from dataclasses import asdict
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatapi.accounts.letters import send_letter
from chatapi.accounts.mail_codes import make_mail_code, use_mail_code
from chatapi.accounts.models import MailCode, SignInName
from chatapi.web.address import letter_url
from chatapi.web.pages.sign_up_form import ThrottledForm
from chatapi.web.signing_up import Application

PENDING = "sign_up"
PURPOSE = "sign_up"


class CodeForm(ThrottledForm):
    throttle = "code"

    code = forms.CharField(
        label=gettext_lazy("Code from the mail"),
        max_length=12,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )

    def clean_code(self) -> str:
        self.count_use()
        digits: str = "".join(self.cleaned_data["code"].split())
        pending = self.request.session[PENDING]
        if not use_mail_code(pending["code"], PURPOSE, digits):
            raise ValidationError(_("The code is wrong, or no longer good."))
        return digits


def remember_application(request: HttpRequest, application: Application) -> None:
    """Keeps what was asked for until the code comes back, and mails the code.

    Whoever filled in the form can't see whether the address belongs to somebody: then no code is
    right. Raises LetterNotSent.
    """
    row, digits = make_mail_code(PURPOSE)
    address = letter_url()
    link = f"{address}{reverse('verify_email')}?code={digits}" if address else ""
    mail_code(application.email, row, digits, link)
    request.session[PENDING] = {"application": asdict(application), "code": row.pk or 0}


def mail_code(email: str, row: MailCode, digits: str, link: str = "", user: Any = None) -> None:
    """Where the address belongs to somebody but this user, that person is told so, and the code is
    taken back. Raises LetterNotSent.
    """
    owners = SignInName.objects.of(email)
    if (owners if user is None else owners.exclude(user=user)).exists():
        row.delete()
        context = known_links(letter_url())
        send_letter("known", email, _("You have an account already"), context)
    else:
        context = {"code": digits, "link": link}
        send_letter("code", email, _("Your code: %(code)s") % context, context)


def known_links(address: str) -> dict[str, str]:
    """Where somebody goes who has an account already; nowhere without the site's address."""
    if not address:
        return {}
    return {"link": address + reverse("login"), "reset": address + reverse("reset_password")}


def pending_application(request: HttpRequest) -> Application | None:
    pending: Any = request.session.get(PENDING)
    return None if not pending else Application(**pending["application"])

"""Another e-mail address: proven by a code to the new one, and by a code to the old one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing.gifts import claim_gifts
from chatapi.accounts.letters import LetterNotSent
from chatapi.accounts.mail_codes import make_mail_code, use_mail_code
from chatapi.accounts.mailboxes import accept_mailbox, mailbox_key
from chatapi.accounts.models import MailCode, User
from chatapi.accounts.step_up import require_fresh_password
from chatapi.console.audit import record_act
from chatapi.web.pages.sign_in import answer_form
from chatapi.web.pages.sign_up_form import ThrottledForm
from chatapi.web.pages.sign_up_mail import mail_code

PENDING = "email_change"
NEW, OLD = "new_address", "old_address"
DIGITS = {"autocomplete": "off", "inputmode": "numeric"}


class NewAddressForm(ThrottledForm):
    throttle = "mail"

    email = forms.EmailField(label=gettext_lazy("New e-mail address"), max_length=150)

    def clean_email(self) -> str:
        email = accept_mailbox(self.cleaned_data["email"])
        self.count_use(subject=mailbox_key(email))
        return email


class BothCodesForm(ThrottledForm):
    throttle = "code"

    new_code = forms.CharField(
        label=gettext_lazy("Code from the new address"),
        max_length=12,
        widget=forms.TextInput(attrs={**DIGITS, "autofocus": True}),
    )
    old_code = forms.CharField(
        label=gettext_lazy("Code from the old address"),
        max_length=12,
        widget=forms.TextInput(attrs=DIGITS),
    )

    def __init__(self, request: HttpRequest, pending: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.pending = pending
        if not pending["old"]:
            del self.fields["old_code"]

    def clean(self) -> Any:
        """The old address first: a code that is right there is not used up in vain."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        self.count_use()
        parts = [("new", NEW, cleaned["new_code"])]
        if self.pending["old"]:
            parts.insert(0, ("old", OLD, cleaned["old_code"]))
        for key, purpose, digits in parts:
            if key in self.pending["proven"]:
                continue
            if not use_mail_code(self.pending[key], purpose, "".join(digits.split())):
                self.add_error(f"{key}_code", _("The code is wrong, or no longer good."))
                return cleaned
            self.pending["proven"].append(key)
            self.request.session.modified = True
        return cleaned


@never_cache
@login_required
@require_fresh_password
@require_POST
def ask_new_address(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = NewAddressForm(request, request.POST)
    if not form.is_valid():
        return show_trouble(request, form)
    try:
        request.session[PENDING] = send_codes(user, form.cleaned_data["email"])
    except LetterNotSent as error:
        form.add_error(None, error.text)
        return show_trouble(request, form)
    return redirect("confirm_email")


def show_trouble(request: HttpRequest, form: NewAddressForm) -> HttpResponse:
    return answer_form(
        request, "user/email.html", {"form": form, "page_url": reverse("profile")}, form
    )


def send_codes(user: User, email: str) -> dict[str, Any]:
    """What the session keeps until both codes come back. Where the new address is somebody's, that
    person is told, and no code is right. Raises LetterNotSent.
    """
    old, row = mail_both_codes(user, email)
    return {
        "email": email,
        "new": row.pk or 0,
        "old": old.pk if old else 0,
        "proven": [],
        "user": user.pk,
    }


def mail_both_codes(user: User, email: str, subject: str = "") -> tuple[MailCode | None, MailCode]:
    """To the old address, if there is one, and to the new one. Raises LetterNotSent."""
    old = None
    if user.email:
        old, digits = make_mail_code(OLD, subject=subject)
        mail_code(user.email, old, digits, user=user)
    row, digits = make_mail_code(NEW, subject=subject)
    mail_code(email, row, digits, user=user)
    return old, row


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_email(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    pending = request.session.get(PENDING)
    if not pending or pending["user"] != user.pk:
        return redirect("profile")
    form = BothCodesForm(request, pending, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            take_address(request, user, pending["email"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            del request.session[PENDING]
            messages.success(request, _("Your e-mail address was changed."))
            return redirect("profile")
    context = {"form": form, "email": pending["email"], "old_email": user.email}
    return answer_form(request, "user/email_codes.html", context, form)


def take_address(request: HttpRequest, user: User, email: str) -> None:
    """Raises ValidationError if it became somebody's meanwhile."""
    before = {"email": user.email}
    try:
        with transaction.atomic():
            user.email = email
            user.save(update_fields=["email"])
            # Who has an account here opens no new one with it later.
            claim_gifts([mailbox_key(email)])
            record_act(
                "user.email_changed",
                request=request,
                target=user,
                before=before,
                after={"email": email},
            )
    except IntegrityError as error:
        user.email = before["email"]
        raise ValidationError(_("This address belongs to another account.")) from error

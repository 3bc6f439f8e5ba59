"""What somebody writes who wants an account."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from chatapi.accounts.form_throttle import count_attempt
from chatapi.accounts.mailboxes import accept_mailbox
from chatapi.accounts.models import FormAttempt, SignInName, User
from chatapi.accounts.throttle import Throttled, address_of
from chatapi.web.turnstile import check_turnstile

STRENGTH = _("very weak|weak|fair|good|strong")
"""Words for the scores that `auth.js` gives, between bars."""
NAME_RULE = _("A user name has letters, digits, dots, dashes and underscores only.")
PASSWORD_HELP = _("At least 8 characters, and none of the usual ones.")
TOO_OFTEN = _("That was too often. Please try again in {minutes} min.")


class ThrottledForm(forms.Form):
    """A form that strangers may send so often only. `throttle` names the limits."""

    throttle = ""
    retry_after = 0

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def count_use(self, subject: str = "", kind: str = "") -> FormAttempt:
        """Raises ValidationError."""
        try:
            return count_attempt(
                kind or self.throttle, address=address_of(self.request), subject=subject
            )
        except Throttled as error:
            self.retry_after = error.retry_after
            text = format_lazy(TOO_OFTEN, minutes=-(-error.retry_after // 60))
            raise ValidationError(text, code="throttled") from error


class SignUpForm(ThrottledForm):
    throttle = "sign_up"

    username = forms.CharField(
        label=_("User name"),
        min_length=3,
        max_length=32,
        validators=[UnicodeUsernameValidator(message=NAME_RULE)],
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
        help_text=_("3 to 32 letters, digits, dots, dashes or underscores."),
    )
    email = forms.EmailField(
        label=pgettext_lazy("field", "E-mail"),
        max_length=150,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text=_("We send a code there."),
    )
    password1 = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "new-password", "data-strength": STRENGTH}
        ),
        help_text=PASSWORD_HELP,
    )
    password2 = forms.CharField(
        label=_("Repeat the password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    invitation = forms.CharField(
        label=_("Invitation code"),
        max_length=32,
        required=False,
        help_text=_("If somebody invited you."),
    )

    def __init__(self, request: HttpRequest, *args: Any, asks_email: bool, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        if not asks_email:
            del self.fields["email"]

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if "@" in name or "+" in name:
            raise ValidationError(NAME_RULE)
        if SignInName.objects.of(name).exists():
            raise ValidationError(_("This name is taken."))
        return name

    def clean_email(self) -> str:
        return accept_mailbox(self.cleaned_data["email"])

    def clean(self) -> Any:
        cleaned = super().clean() or self.cleaned_data
        first, second = cleaned.get("password1"), cleaned.get("password2")
        if first and second and first != second:
            self.add_error("password2", _("The two passwords are not the same."))
        elif first:
            person = User(username=cleaned.get("username", ""), email=cleaned.get("email", ""))
            try:
                validate_password(first, person)
            except ValidationError as error:
                self.add_error("password1", error)
        if not self.errors:
            check_turnstile(self.request)
        # Also what was wrong counts: this form tells which names there are.
        self.count_use()
        return cleaned

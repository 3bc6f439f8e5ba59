"""The forms of signing in and of changing one's own password."""

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatapi.accounts.backends import REFUSAL, SignInRefused
from chatapi.accounts.models import User
from chatapi.accounts.roles import may_enter_console
from chatapi.console.site import PasswordChangedMeanwhile
from chatapi.options.feed import publish


class SignInForm(AdminAuthenticationForm):
    """Says why a sign-in was refused: wrong password, too many attempts, or no business here."""

    retry_after = 0

    def get_invalid_login_error(self) -> ValidationError:
        refusal = self.request.META.get(REFUSAL) if self.request else None
        if not isinstance(refusal, SignInRefused):
            return super().get_invalid_login_error()
        self.retry_after = refusal.retry_after
        return ValidationError(refusal.text, code=refusal.code)

    def confirm_login_allowed(self, user: Any) -> None:
        if not may_enter_console(user):
            raise ValidationError(_("This account has no access to the console."), code="no_access")


class NewPasswordForm(PasswordChangeForm):
    """One's own new password. Of two changes at once the first wins; the other session is over."""

    required_css_class = "required"

    def clean(self) -> Any:
        cleaned = super().clean()
        self._hash_seen = self.user.password
        return cleaned

    def save(self, commit: bool = True) -> User:  # noqa: ARG002, FBT001, FBT002 -- Django's signature
        self.user.set_password(self.cleaned_data["new_password1"])
        with transaction.atomic():
            unchanged = User.objects.filter(pk=self.user.pk, password=self._hash_seen)
            if not unchanged.update(password=self.user.password, must_change_password=False):
                raise PasswordChangedMeanwhile
            publish(User.feed_topic, self.user.pk)
        return self.user

"""Forgot the password: ask for a link by mail, and set a new password with it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chatapi.accounts.mailboxes import mailbox_key
from chatapi.accounts.models import User
from chatapi.accounts.password_reset import find_mailbox_owner
from chatapi.accounts.people import change_password
from chatapi.accounts.tasks import mail_link_later
from chatapi.web.address import letter_url
from chatapi.web.pages.sign_in import answer_form
from chatapi.web.pages.sign_up_form import ThrottledForm
from chatapi.web.turnstile import check_turnstile, turnstile_site_key


class AskLinkForm(ThrottledForm):
    throttle = "mail"

    email = forms.EmailField(
        label=pgettext_lazy("field", "E-mail"),
        max_length=150,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )

    def clean(self) -> Any:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            check_turnstile(self.request)
            self.count_use(subject=mailbox_key(cleaned["email"]))
        return cleaned

    def send_link(self) -> None:
        """By the same steps whether there is such an account or not."""
        user = find_mailbox_owner(self.cleaned_data["email"])
        mail_link_later(user, get_language() or "en", letter_url())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_reset_link(request: HttpRequest) -> HttpResponse:
    """Says the same whether there is such an account or not."""
    form = AskLinkForm(request, request.POST if request.method == "POST" else None)
    is_sent = request.method == "POST" and form.is_valid()
    if is_sent:
        form.send_link()
    context = {
        "form": form,
        "is_sent": is_sent,
        "turnstile": turnstile_site_key(),
    }
    return answer_form(request, "auth/reset.html", context, form)


class NewPasswordByLinkForm(SetPasswordForm):  # type: ignore[type-arg]  # no subscript at run time
    user: User

    def save(self, commit: bool = True) -> User:  # noqa: ARG002, FBT001, FBT002 -- Django's signature
        """Only the password is written; it ends all sessions."""
        change_password(self.user, self.cleaned_data["new_password1"])
        return self.user


class ResetByLinkView(PasswordResetConfirmView):
    """Django's: the token moves from the address into the session before anything is shown."""

    template_name = "auth/reset_by_link.html"
    form_class = NewPasswordByLinkForm
    success_url = reverse_lazy("login")

    def get_user(self, uidb64: str) -> Any:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("Your password was changed. Please sign in with it."))
        return super().form_valid(form)

"""Changing one's own password, on whatever page: guessing the old one is throttled and written
down.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from chatapi.accounts.sessions import end_sessions
from chatapi.accounts.sign_in import NewPasswordForm
from chatapi.accounts.throttle import Throttled, address_of, begin_step, forget_failures
from chatapi.console.audit import record_act


def change_by_form(request: HttpRequest, form: NewPasswordForm) -> bool:
    """Whether the form was right: then the password is changed, and all other sessions are over.

    Raises Throttled and PasswordChangedMeanwhile.
    """
    attempt = begin_step(form.user.pk, address_of(request))
    is_right = form.is_valid()
    if "old_password" in form.errors:
        record_act("password.refused", request=request, note=request.path[:200])
        return False
    forget_failures(attempt)
    if is_right:
        form.save()
        update_session_auth_hash(request, form.user)
        end_sessions(form.user, keep=request.session)
        record_act("password.changed", request=request, target=form.user)
    return is_right


def tell_throttled(request: HttpRequest, error: Throttled) -> None:
    text = _("Too many failed attempts. Please try again in {minutes} min.")
    messages.error(request, text.format(minutes=-(-error.retry_after // 60)))


class ConsolePasswordView(PasswordChangeView):
    """Django's page, with our way of changing."""

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        form: Any = self.get_form()
        try:
            is_changed = change_by_form(request, form)
        except Throttled as error:
            return self._refuse(request, error)
        if not is_changed:
            return self.form_invalid(form)
        return HttpResponseRedirect(self.get_success_url())

    def _refuse(self, request: HttpRequest, error: Throttled) -> HttpResponse:
        tell_throttled(request, error)
        user: Any = request.user
        form = self.get_form_class()(user)
        answer = self.render_to_response(self.get_context_data(form=form), status=429)
        answer["Retry-After"] = str(error.retry_after)
        return answer

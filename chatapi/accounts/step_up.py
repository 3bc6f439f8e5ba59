"""Asks for the password again before an act that a stranger at an open browser must not do.

The page that asks answers in the place of the view, at its own address: there is no second address
that one could call without it. What was sent travels along, sealed and bound to session, address
and time, so nothing has to be filled in twice.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapi.accounts.form_throttle import count_attempt, forget_attempts
from chatapi.accounts.models import User
from chatapi.accounts.second_factor import check_code, has_second_factor
from chatapi.accounts.throttle import Throttled, address_of, begin_step, forget_failures
from chatapi.console.audit import record_act
from chatapi.lib.secrets import Undecipherable

FRESH_SECONDS = 300
CARRIED_SECONDS = 900
"""So long what was sent waits for the password."""
MOST_CARRIED = 500_000
"""Characters; who sent more sends it again."""
CONFIRMED_AT = "confirmed_at"
CARRIED = "step_up_carried"

View = Callable[..., Any]


class ConfirmForm(forms.Form):
    """The password, and a code where the user has a second factor."""

    step_up_password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput({"autocomplete": "current-password", "autofocus": True}),
    )
    step_up_code = forms.CharField(
        label=_("Code of your authenticator app, or a recovery code"),
        max_length=64,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "text"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if not user.has_usable_password():
            del self.fields["step_up_password"]
        if not has_second_factor(user):
            del self.fields["step_up_code"]

    def is_right(self, address: str) -> bool:
        """An answer does not tell which was wrong."""
        given = self.cleaned_data
        if not self.fields:
            return False
        checks = []
        if "step_up_password" in self.fields:
            # Not the user's own method, which may renew the hash: that would end this session.
            checks.append(check_password(given["step_up_password"], self.user.password))
        if "step_up_code" in self.fields:
            checks.append(all(checks) and self._is_code_right(given["step_up_code"], address))
        return all(checks)

    def _is_code_right(self, code: str, address: str) -> bool:
        """Counted with those at sign-in, and only after the right password: one too many is wrong,
        since saying more would tell that the password was right.
        """
        try:
            attempt = count_attempt("second_factor", address=address, subject=str(self.user.pk))
        except Throttled:
            return False
        is_right = check_code(self.user, code)
        if is_right:
            forget_attempts(attempt)
        return is_right


@dataclass(frozen=True, slots=True)
class Carried:
    """What was sent before the password was asked for; without a body after a GET."""

    body: str | None
    sealed: str


def require_fresh_password(view: View) -> View:
    """For views of signed-in users. Stands outside of what checks the method: the page that asks
    sends its form to the same address.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return ask_for_password(request) or view(request, *args, **kwargs)

    return wrapped


def require_fresh_password_in(method: View) -> View:
    """The same for a method of a class."""

    @wraps(method)
    def wrapped(owner: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return ask_for_password(request) or method(owner, request, *args, **kwargs)

    return wrapped


def is_fresh(request: HttpRequest) -> bool:
    """Whether the password was given within the last five minutes, in this session."""
    return 0 <= time.time() - _confirmed_at(request) <= FRESH_SECONDS


def stale_since(request: HttpRequest) -> datetime:
    """When the last confirmation in this session ended; ages ago if there was none."""
    return datetime.fromtimestamp(_confirmed_at(request) + FRESH_SECONDS, UTC)


def _confirmed_at(request: HttpRequest) -> float:
    confirmed = request.session.get(CONFIRMED_AT)
    return confirmed if isinstance(confirmed, int | float) else 0.0


def ask_for_password(
    request: HttpRequest, is_needed: Callable[[], bool] = lambda: True
) -> HttpResponse | None:
    """The answer to give in the place of the view; None: go on, `request.POST` is what was sent.

    For acts that only sometimes need it: `is_needed` reads `request.POST` as it was sent at first.
    """
    user: Any = request.user
    if not user.is_authenticated:
        return HttpResponse(status=403)
    if request.method == "POST" and CARRIED in request.POST:
        answer = _hear(request, user)
        if answer is not None:
            return answer
    if is_fresh(request) or not is_needed():
        return None
    if _is_program(request):
        return _refuse_program()
    return _ask(request, ConfirmForm(user), _carry(request))


def confirm(request: HttpRequest) -> None:
    """The user has just shown who it is."""
    request.session[CONFIRMED_AT] = time.time()


@receiver(user_logged_in, dispatch_uid="step-up-confirmed")
def _confirm_at_sign_in(request: HttpRequest, **_more: Any) -> None:
    confirm(request)


def _hear(request: HttpRequest, user: User) -> HttpResponse | None:
    """The answer to the page; None when it is right and the view may go on."""
    carried = _open(request, request.POST[CARRIED])
    if carried is None:
        return HttpResponseRedirect(request.get_full_path())
    form = ConfirmForm(user, request.POST)
    try:
        is_right = _check(request, user, form)
    except Throttled as error:
        return _refuse(request, form, carried, error.retry_after)
    if not is_right:
        form.add_error(None, gettext("This is not right. Please try again."))
        return _ask(request, form, carried, status=200)
    confirm(request)
    if carried.body is None:
        return HttpResponseRedirect(request.get_full_path())
    request.POST = QueryDict(carried.body)
    return None


def _check(request: HttpRequest, user: User, form: ConfirmForm) -> bool:
    """Throttled and written down like a sign-in. Raises Throttled."""
    if not form.is_valid():
        return False
    attempt = begin_step(user.pk, address_of(request))
    is_right = form.is_right(address_of(request))
    note = request.path[:200]
    record_act(f"password.{'confirmed' if is_right else 'refused'}", request=request, note=note)
    if is_right:
        forget_failures(attempt)
    return is_right


def _place(request: HttpRequest) -> str:
    return f"step_up:{request.session.session_key}:{request.user.pk}:{request.get_full_path()}"


def _carry(request: HttpRequest) -> Carried:
    """Files do not travel, nor does what is very long: then the form is shown again."""
    body = None
    if request.method == "POST" and not request.FILES:
        text = request.POST.urlencode()
        body = text if len(text) <= MOST_CARRIED else None
    inner = json.dumps({"body": body, "at": time.time()})
    return Carried(body, settings.KEY_RING.seal(inner, _place(request)))


def _open(request: HttpRequest, sealed: str) -> Carried | None:
    try:
        inner = json.loads(settings.KEY_RING.unseal(sealed, _place(request)))
    except (Undecipherable, ValueError):
        return None
    if not 0 <= time.time() - inner["at"] <= CARRIED_SECONDS:
        return None
    return Carried(inner["body"], sealed)


def _is_program(request: HttpRequest) -> bool:
    """Scripts get an answer that they can read; a page in the place of a fragment would confuse."""
    wants = request.headers.get("Accept", "")
    return "HX-Request" in request.headers or (
        "application/json" in wants and "text/html" not in wants
    )


def _refuse_program() -> HttpResponse:
    text = gettext("Confirm your password first: sign in again, or open the page in the browser.")
    body = {"success": False, "code": "confirmation_required", "message": text}
    return JsonResponse(body, status=403)


def _refuse(
    request: HttpRequest, form: ConfirmForm, carried: Carried, retry_after: int
) -> HttpResponse:
    text = gettext("Too many failed attempts. Please try again in {minutes} min.")
    form.add_error(None, text.format(minutes=-(-retry_after // 60)))
    answer = _ask(request, form, carried, status=429)
    answer["Retry-After"] = str(retry_after)
    return answer


def _ask(
    request: HttpRequest, form: ConfirmForm, carried: Carried, *, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "sealed": carried.sealed,
        "can_confirm": bool(form.fields),
        "shown_once": request.method == "POST",
        "must_repeat": request.method == "POST" and carried.body is None,
    }
    answer = render(request, "accounts/confirm.html", context, status=status)
    add_never_cache_headers(answer)
    return answer

"""The page of security: password, second factors, passkeys, sessions."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from chatapi.accounts.models import User
from chatapi.accounts.own_password import change_by_form, tell_throttled
from chatapi.accounts.sessions import end_sessions
from chatapi.accounts.sign_in import NewPasswordForm
from chatapi.accounts.step_up import require_fresh_password
from chatapi.accounts.throttle import Throttled
from chatapi.console.site import PasswordChangedMeanwhile
from chatapi.web.browsers import describe_browser
from chatapi.web.pages.sign_up_form import PASSWORD_HELP

MOST_SESSIONS = 50


class OwnPasswordForm(NewPasswordForm):
    """One section of a page: it takes no focus, and one sentence tells the rules."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["new_password1"].help_text = PASSWORD_HELP
        self.fields["new_password2"].help_text = ""


@never_cache
@login_required
@require_safe
def show_security(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    return render_security(request, OwnPasswordForm(user))


def render_security(request: HttpRequest, form: OwnPasswordForm) -> HttpResponse:
    user: Any = request.user
    factors = list(Authenticator.objects.filter(user=user).order_by("pk"))
    by_type = {factor.type: factor for factor in factors}
    codes = by_type.get(Authenticator.Type.RECOVERY_CODES)
    context = {
        "page_url": reverse("security"),
        "form": form,
        "has_password": user.has_usable_password(),
        "totp": by_type.get(Authenticator.Type.TOTP),
        "codes": codes,
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "passkeys": [factor for factor in factors if factor.type == Authenticator.Type.WEBAUTHN],
        "sessions": list_sessions(request, user),
    }
    return render(request, "user/security.html", context)


def list_sessions(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    """Newest first; what Django has ended is not shown."""
    rows = list(UserSession.objects.filter(user=user).order_by("-last_seen_at")[:MOST_SESSIONS])
    kept = Session.objects.filter(session_key__in=[row.session_key for row in rows])
    kept_keys = set(kept.values_list("session_key", flat=True))
    return [
        {
            "pk": row.pk,
            "browser": describe_browser(row.user_agent),
            "agent": row.user_agent,
            "address": row.ip,
            "began_at": row.created_at,
            "seen_at": row.last_seen_at,
            "is_this": row.session_key == request.session.session_key,
        }
        for row in rows
        if row.session_key in kept_keys
    ]


@never_cache
@sensitive_post_parameters()
@login_required
@require_POST
def change_own_password(request: HttpRequest) -> HttpResponse:
    """The old password is asked for, and guessing it is throttled like signing in."""
    user: Any = request.user
    form = OwnPasswordForm(user, request.POST)
    try:
        is_changed = change_by_form(request, form)
    except Throttled as error:
        tell_throttled(request, error)
        response = render_security(request, OwnPasswordForm(user))
        response.status_code = 429
        response["Retry-After"] = str(error.retry_after)
        return response
    except PasswordChangedMeanwhile:
        logout(request)
        messages.error(request, _("The password was changed meanwhile. Please sign in again."))
        return redirect("login")
    if not is_changed:
        return render_security(request, form)
    messages.success(request, _("The password was changed; all other sessions are over."))
    return redirect("security")


@login_required
@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """One of one's own; ending this one signs out."""
    user: Any = request.user
    row = get_object_or_404(UserSession, pk=pk, user=user)
    if row.session_key == request.session.session_key:
        logout(request)
        return redirect("login")
    row.end()
    messages.success(request, _("The session is over."))
    return redirect("security")


@login_required
@require_fresh_password
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    end_sessions(user, keep=request.session)
    messages.success(request, _("All other sessions are over."))
    return redirect("security")

"""Opening an account: name and password, then perhaps a code by mail, then a first key."""

from typing import Any

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from chatapi.accounts.letters import LetterNotSent
from chatapi.accounts.mailboxes import mailbox_key
from chatapi.accounts.models import User
from chatapi.accounts.password_turns import hash_new_password
from chatapi.lib.secrets import Undecipherable
from chatapi.options.snapshot import read_values
from chatapi.web.address import site_url
from chatapi.web.foreign.providers import list_providers
from chatapi.web.next_page import first_page, is_own_path, wanted_page
from chatapi.web.pages.sign_in import answer_form
from chatapi.web.pages.sign_up_form import SignUpForm
from chatapi.web.pages.sign_up_mail import PENDING, remember_application
from chatapi.web.signing_up import Application, OpenedAccount, open_account
from chatapi.web.turnstile import turnstile_site_key

INVITATION = "invitation"
FIRST_KEY = "first_key"
NEXT = "sign_up_next"


@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User):
        return HttpResponseRedirect(first_page(request.user))
    values = read_values()
    remember_invitation(request)
    wanted = wanted_page(request)
    context: dict[str, Any] = {"next": wanted}
    is_open = values["RegisterEnabled"] and values["PasswordRegisterEnabled"]
    context |= {"is_open": is_open, "may_sign_up": values["RegisterEnabled"]}
    form = SignUpForm(
        request,
        request.POST if request.method == "POST" else None,
        asks_email=values["EmailVerificationEnabled"],
        initial={"invitation": request.session.get(INVITATION, "")},
    )
    if request.method == "POST" and is_open and form.is_valid():
        request.session[NEXT] = wanted
        response = finish_form(request, form)
        if response is not None:
            return response
    context |= {"form": form, "turnstile": turnstile_site_key(), "foreign": list_providers()}
    response = answer_form(request, "auth/sign_up.html", context, form)
    if request.method == "POST" and not is_open:
        response.status_code = 403
    return response


def finish_form(request: HttpRequest, form: SignUpForm) -> HttpResponse | None:
    """The answer to a valid form; None if something came in between that the form now tells."""
    data = form.cleaned_data
    try:
        application = Application(
            username=data["username"],
            password_hash=hash_new_password(data["password1"]),
            email=data.get("email", ""),
            invitation_code=data["invitation"],
        )
        if application.email:
            form.count_use(kind="mail", subject=mailbox_key(application.email))
            remember_application(request, application)
            return redirect("verify_email")
        opened = open_account(application)
    except LetterNotSent as error:
        form.add_error(None, error.text)
        return None
    except ValidationError as error:
        form.add_error(None, error.messages if hasattr(error, "error_dict") else error)
        return None
    return welcome_in(request, opened)


def welcome_in(request: HttpRequest, opened: OpenedAccount) -> HttpResponse:
    """Signs the new user in and shows the first key."""
    wanted = request.session.pop(NEXT, "")
    request.session.pop(PENDING, None)
    request.session.pop(INVITATION, None)
    login = Login(user=opened.user, redirect_url="/welcome", signup=True)
    response: HttpResponse = perform_login(request, login)
    if opened.key and request.user.is_authenticated:
        request.session[FIRST_KEY] = settings.KEY_RING.seal(opened.key, place_of(opened.user))
    if wanted:
        request.session[NEXT] = wanted
    return response


@never_cache
@login_required
@require_safe
def show_welcome(request: HttpRequest) -> HttpResponse:
    """The key of the first token, this once: a reload does not show it again."""
    user: Any = request.user
    sealed = request.session.pop(FIRST_KEY, "")
    try:
        key = settings.KEY_RING.unseal(sealed, place_of(user)) if sealed else ""
    except Undecipherable:
        key = ""
    wanted = request.session.pop(NEXT, "")
    context = {
        "key": key,
        "shown_once": bool(key),
        "base_url": f"{site_url(request)}/v1",
        "onward": wanted if is_own_path(wanted) else first_page(user),
        "title": _("Welcome, %(name)s") % {"name": user.get_username()},
    }
    return render(request, "auth/welcome.html", context)


def remember_invitation(request: HttpRequest) -> None:
    """`?aff=CODE` of an invitation link is kept through all ways of opening an account."""
    code = request.GET.get("aff", "")[:32]
    if code:
        request.session[INVITATION] = code


def place_of(user: User) -> str:
    return f"session:{FIRST_KEY}:{user.pk}"

"""The page for the code that was mailed to somebody who opens an account."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chatapi.accounts.letters import LetterNotSent
from chatapi.accounts.mailboxes import mailbox_key
from chatapi.accounts.models import User
from chatapi.options.snapshot import read_values
from chatapi.web.next_page import first_page
from chatapi.web.pages.sign_in import answer_form
from chatapi.web.pages.sign_up import welcome_in
from chatapi.web.pages.sign_up_mail import CodeForm, pending_application, remember_application
from chatapi.web.signing_up import open_account


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify_email(request: HttpRequest) -> HttpResponse:
    application = pending_application(request)
    if isinstance(request.user, User):
        return HttpResponseRedirect(first_page(request.user))
    if application is None or not read_values()["RegisterEnabled"]:
        return redirect("register")
    is_again = "again" in request.POST
    form = CodeForm(
        request,
        request.POST if request.method == "POST" else None,
        initial={"code": request.GET.get("code", "")[:12]},
    )
    is_resent = False
    try:
        if is_again:
            form = CodeForm(request, {})
            form.errors.clear()
            form.count_use(kind="mail", subject=mailbox_key(application.email))
            remember_application(request, application)
            is_resent = True
        elif request.method == "POST" and form.is_valid():
            return welcome_in(request, open_account(application))
    except LetterNotSent as error:
        form.add_error(None, error.text)
    except ValidationError as error:
        form.add_error(None, error.messages)
    context = {
        "form": form,
        "email": application.email,
        "is_resent": is_resent,
        "back": reverse("register"),
    }
    return answer_form(request, "auth/verify_email.html", context, form)

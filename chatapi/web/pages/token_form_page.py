"""Make tokens, and change one."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.ledger import lock_limit
from chatapi.accounts.models import TokenStatus, User
from chatapi.accounts.tokens import NewToken
from chatapi.console.zones import viewer_zone
from chatapi.web.api.errors import Refused
from chatapi.web.api.token_editing import change_token, make_tokens, own_tokens
from chatapi.web.chat_models import chat_models
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.token_form import COLUMNS, OwnTokenForm
from chatapi.web.tutorial import read_first_examples

ENDED = (TokenStatus.EXPIRED, TokenStatus.EXHAUSTED)


@login_required
@require_http_methods(["GET", "POST"])
def make_token(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    frame = read_frame(request)
    data = request.POST if request.method == "POST" else None
    form = OwnTokenForm(data, frame=frame, user=user, zone=viewer_zone(request))
    if form.is_valid():
        count = form.cleaned_data["count"]
        try:
            made = make_tokens(user, form.read_values(), count)
        except (ValidationError, Refused) as error:
            tell_problem(form, error)
        else:
            return show_made(request, made)
    return show_form(request, form)


@login_required
@require_http_methods(["GET", "POST"])
def edit_token(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    frame = read_frame(request)
    token = find_own(user, pk)
    data = request.POST if request.method == "POST" else None
    form = OwnTokenForm(data, frame=frame, user=user, zone=viewer_zone(request), token=token)
    if form.is_valid():
        try:
            save_token(token, form.read_values(), user)
        except (ValidationError, Refused) as error:
            tell_problem(form, error)
        else:
            messages.success(request, _("The token “%(name)s” is saved.") % {"name": token.name})
            return redirect("tokens")
    return show_form(request, form)


def find_own(user: User, pk: int) -> Any:
    """A token of the user with its limit; others' do not exist here."""
    token = own_tokens(user).filter(pk=pk).first()
    if token is None:
        raise Http404
    return token


def save_token(token: Any, values: dict[str, Any], user: User) -> None:
    """Raises ValidationError or Refused. A time from the first call on begins anew; a token that
    was at its end works again if the change allows it.
    """
    with transaction.atomic():
        lock_limit(token.pk)
        if values["valid_seconds"] is not None and token.first_used_at is not None:
            token.first_used_at = None
            token.save(update_fields=["first_used_at"])
        change_token(token, values, actor=user)
        fresh = find_own(user, token.pk)
        if fresh.status in ENDED:
            revive(fresh, user)


def revive(token: Any, user: User) -> None:
    try:
        change_token(token, {"status": TokenStatus.ENABLED}, actor=user)
    except Refused:
        return


def tell_problem(form: OwnTokenForm, error: ValidationError | Refused) -> None:
    """What a column refuses is told beside its field."""
    if isinstance(error, Refused):
        form.add_error(None, str(error))
        return
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, problems in error.error_dict.items():
        form.add_error(name if name in COLUMNS and name in form.fields else None, problems)


def show_form(request: HttpRequest, form: OwnTokenForm) -> HttpResponse:
    is_changed = bool(form.errors)
    context = {"form": form, "token": form.token, "is_open": is_changed or form.token is not None}
    return render(request, "user/token_form.html", context)


def show_made(request: HttpRequest, made: list[NewToken], **more: Any) -> HttpResponse:
    """The keys, in this answer and nowhere else, and examples with the first of them."""
    user: Any = request.user
    address, token, key = read_frame(request).address, made[0].token, made[0].key
    served = chat_models(token.group or user.group, token.models_allowed)
    context = {
        "made": made,
        "shown_once": True,
        "keys": "\n".join(one.key for one in made),
        "key": key,
        "base_url": f"{address}/v1",
        "examples": read_first_examples(address, key, served),
        **more,
    }
    answer = render(request, "user/token_made.html", context)
    add_never_cache_headers(answer)
    return answer

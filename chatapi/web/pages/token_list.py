"""The user's tokens: found by name or key, switched on and off, deleted one by one or together."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from chatapi.accounts.models import Token, TokenStatus
from chatapi.console.paging import read_key
from chatapi.web.api.errors import Refused
from chatapi.web.api.token_editing import change_token, own_tokens
from chatapi.web.api.token_shapes import renewal_of, status_now, units_left
from chatapi.web.api.tokens import key_filter
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.paging import read_page
from chatapi.web.pages.token_form_page import find_own

MOST_SELECTED = 200


@require_safe
@login_required
def show_tokens(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    frame = read_frame(request)
    text = request.GET.get("q", "").strip().replace("\x00", "")[:128]
    rows = own_tokens(user)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(**key_filter(text)))
    page = read_page(request, rows)
    for token in page.rows:
        token.status_now = TokenStatus(status_now(token))
        token.renewal_now = renewal_of(token)
        token.units_left = None if token.is_unlimited else units_left(token)
    values = frame.values
    context = {
        "page": page,
        "text": text,
        "base_url": f"{frame.address}/v1",
        "keys_url": reverse("token_keys") if values["TokenRevealEnabled"] else "",
        "shows_group": values["UserGroupEnabled"],
        "shows_billing": values["BillingByRequestEnabled"] and values["ModelRatioEnabled"],
        "is_first": not text and not page.rows and not request.GET,
    }
    return render(request, "user/tokens.html", context)


@require_POST
@login_required
def switch_token(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    token = find_own(user, pk)
    is_on = request.POST.get("status") == "1"
    status = TokenStatus.ENABLED if is_on else TokenStatus.DISABLED
    try:
        change_token(token, {"status": status}, actor=user)
    except Refused as error:
        messages.error(request, str(error))
    else:
        text = _("“%(name)s” is enabled.") if is_on else _("“%(name)s” is disabled.")
        messages.success(request, text % {"name": token.name})
    return back(request)


@require_POST
@login_required
def delete_tokens(request: HttpRequest) -> HttpResponse:
    """Their calls are refused within a second."""
    tokens = selected(request)
    with transaction.atomic():
        for token in tokens:
            token.delete()
    if tokens:
        text = ngettext(
            "%(count)d token was deleted.", "%(count)d tokens were deleted.", len(tokens)
        )
        messages.success(request, text % {"count": len(tokens)})
    else:
        messages.warning(request, _("No token was selected."))
    return back(request)


def selected(request: HttpRequest) -> list[Token]:
    """Those of the user's own tokens whose boxes were ticked."""
    keys = [read_key(text) for text in request.POST.getlist("token")[:MOST_SELECTED]]
    wanted = [key for key in keys if key is not None]
    return list(Token.objects.filter(user_id=request.user.pk or 0, pk__in=wanted))


def back(request: HttpRequest) -> HttpResponse:
    """To the list as it was: with its search and place."""
    answer = redirect("tokens")
    query = request.POST.get("query", "")[:500]
    if query and not any(ord(char) <= 32 for char in query):
        answer["Location"] = f"{answer['Location']}?{query}"
    return answer

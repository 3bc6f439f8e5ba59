"""Keys of tokens shown again, to their owner, after the password was given again.

Only while the site keeps encrypted copies of keys (option TokenRevealEnabled), and only of tokens
that were made since.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatapi.accounts.models import Token
from chatapi.accounts.step_up import require_fresh_password
from chatapi.accounts.tokens import NewToken, reveal_key
from chatapi.console.audit import record_act
from chatapi.lib.secrets import Undecipherable
from chatapi.web.pages.frame import Frame, read_frame
from chatapi.web.pages.token_form_page import find_own, show_made
from chatapi.web.pages.token_list import selected


@login_required
@require_fresh_password
@require_safe
def show_key(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    return show_keys_of(request, [find_own(user, pk)])


@login_required
@require_fresh_password
@require_POST
def show_keys(request: HttpRequest) -> HttpResponse:
    """Of the selected tokens, one in each line."""
    return show_keys_of(request, selected(request))


def show_keys_of(request: HttpRequest, tokens: list[Token]) -> HttpResponse:
    frame = read_frame(request)
    found = [NewToken(token, key) for token in tokens if (key := read_key_of(token, frame))]
    if not found:
        messages.error(request, _("No key of these is kept, so none can be shown again."))
        return redirect("tokens")
    with transaction.atomic():
        for one in found:
            record_act("token.reveal", request=request, target=one.token)
    return show_made(request, found, is_again=True, missing=len(tokens) - len(found))


def read_key_of(token: Token, frame: Frame) -> str:
    """Empty where no copy is kept, or none that can be read or may be shown."""
    try:
        return reveal_key(token, frame.values)
    except Undecipherable:
        return ""

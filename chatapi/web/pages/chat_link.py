"""The external chat page of the option ChatLink: opened as it is, or with a key after a warning.

Only the option names the address, and only by https. A key goes into it when its owner has given
the password again and then presses the link of a page that says to whom the key is told.
"""

import json
from typing import Any
from urllib.parse import quote, urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatapi.accounts.models import Token
from chatapi.accounts.step_up import require_fresh_password
from chatapi.console.audit import record_act
from chatapi.console.paging import read_key
from chatapi.web.pages.frame import Frame, read_frame
from chatapi.web.pages.token_form_page import find_own
from chatapi.web.pages.token_keys import read_key_of

MOST_TOKENS = 200


@require_safe
@login_required
def show_chat(request: HttpRequest) -> HttpResponse:
    frame = read_frame(request)
    address = read_address(frame)
    kept = Token.objects.filter(user_id=request.user.pk or 0).exclude(key_sealed="")
    may_tell = frame.values["TokenRevealEnabled"]
    context = {
        "address": address,
        "host": urlsplit(address).netloc,
        "tokens": list(kept.order_by("-pk")[:MOST_TOKENS]) if may_tell else [],
    }
    return render(request, "user/chat.html", context)


@login_required
@require_fresh_password
@require_POST
def warn_of_chat(request: HttpRequest) -> HttpResponse:
    """The page whose link carries the key: behind the #, which browsers do not send to servers."""
    user: Any = request.user
    frame = read_frame(request)
    address = read_address(frame)
    token = find_own(user, read_key(request.POST.get("token")) or 0)
    key = read_key_of(token, frame)
    if not key:
        messages.error(request, _("No key of these is kept, so none can be shown again."))
        return redirect("chat")
    host = urlsplit(address).netloc
    record_act("token.reveal", request=request, target=token, note=host)
    given = json.dumps({"key": key, "url": frame.address}, separators=(",", ":"))
    link = f"{address.partition('#')[0].rstrip('/')}/#/?settings={quote(given)}"
    context = {"token": token, "host": host, "link": link, "shown_once": True}
    answer = render(request, "user/chat_with_key.html", context)
    add_never_cache_headers(answer)
    return answer


def read_address(frame: Frame) -> str:
    """Raises Http404 without an https address in the option."""
    address = str(frame.values["ChatLink"]).strip()
    if not address.startswith("https://") or not urlsplit(address).netloc:
        raise Http404
    return address

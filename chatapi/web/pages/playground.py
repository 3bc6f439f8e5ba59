"""The playground: talks to the real API with one of the user's own tokens.

The browser calls `/v1/chat/completions` itself, as any program does, so every call is admitted,
limited, counted and charged by the same road. It does not learn the token's key: it gets a stand-in
that works for five minutes, from the address that asked for it.
"""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST, require_safe

from billing.models import Usage
from chatapi.accounts.models import TokenStatus, User
from chatapi.accounts.stand_in import VALID_SECONDS, make_stand_in
from chatapi.accounts.throttle import address_of
from chatapi.console.money import micros_text, units_text
from chatapi.console.paging import read_key
from chatapi.web.api.token_editing import own_tokens
from chatapi.web.api.token_shapes import status_now
from chatapi.web.chat_models import chat_models
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.token_form_page import find_own

MOST_TOKENS = 200


@require_safe
@login_required
def show_playground(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    tokens = usable_tokens(user)
    wanted = read_key(request.GET.get("token"))
    token = next((one for one in tokens if one.pk == wanted), tokens[0] if tokens else None)
    context = {
        "tokens": tokens,
        "token": token,
        "models": []
        if token is None
        else chat_models(token.group or user.group, token.models_allowed),
        "model": request.GET.get("model", ""),
    }
    return render(request, "user/playground.html", context)


def usable_tokens(user: User) -> list[Any]:
    """The newest first; behind them those whose time would begin with the call."""
    rows = own_tokens(user).filter(status=TokenStatus.ENABLED).order_by("-pk")[:MOST_TOKENS]
    tokens = [token for token in rows if status_now(token) == TokenStatus.ENABLED]
    return sorted(tokens, key=lambda one: one.valid_seconds is not None and not one.first_used_at)


@require_POST
@login_required
def make_key(request: HttpRequest, pk: int) -> HttpResponse:
    """A stand-in for the key of one of the user's tokens."""
    user: Any = request.user
    token = find_own(user, pk)
    key = make_stand_in(token, address_of(request))
    answer = JsonResponse({"key": key, "seconds": VALID_SECONDS})
    add_never_cache_headers(answer)
    return answer


@require_safe
@login_required
def show_cost(request: HttpRequest, request_id: str) -> HttpResponse:
    """What an answer cost; 202 until it is recorded, which takes about a second."""
    wallet_id = read_frame(request).wallet_id
    call = Usage.objects.filter(wallet_id=wallet_id, request_id=request_id).first()
    if call is None:
        return JsonResponse({}, status=202)
    answer = JsonResponse(
        {
            "usd": micros_text(call.amount),
            "units": units_text(call.amount),
            "prompt": call.prompt_tokens,
            "completion": call.completion_tokens,
        }
    )
    add_never_cache_headers(answer)
    return answer

"""How many requests one may make: GLOBAL_WEB_RATE_LIMIT and GLOBAL_API_RATE_LIMIT.

The limits are for strangers, by address. Who is signed in is counted by account instead, with ten
times as many requests, so that many can share an address; staff are not counted at all, an operator
clicks fast. A cookie alone does not help: only a session that is really signed in counts, and an
address that is far over its limit is asked for none but those that were signed in before.
"""

import hashlib
import time
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chatapi.accounts.roles import may_enter_console
from chatapi.accounts.throttle import address_of
from chatapi.web import callbacks

WINDOW_SECONDS = 180
SIGNED_IN_FACTOR = 10
KNOWN_SECONDS = 3600
"""So long a session is let through an address that strangers flood."""
FREE = frozenset({"/favicon.ico", "/robots.txt"}) | callbacks.PATHS
"""Gateways tell of all payments from one address; a forged notice costs one query."""


class RateLimitMiddleware:
    """Counts in the cache, in windows of three minutes; calls have a road of their own.

    Comes after the session, to know who asks, and after the language, to answer in it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_api = request.path.startswith("/api/")
        limit = settings.ENV.GLOBAL_API_RATE_LIMIT if is_api else settings.ENV.GLOBAL_WEB_RATE_LIMIT
        if (
            not limit
            or request.path in FREE
            or is_within(request, limit, "api" if is_api else "web")
        ):
            return self.get_response(request)
        return refuse(request, is_api=is_api)


def is_within(request: HttpRequest, limit: int, road: str) -> bool:
    """Whether this request may pass; counts it."""
    most_signed_in = limit * SIGNED_IN_FACTOR
    address = f"{road}:address:{address_of(request)}"
    if is_signed_in(request, is_flooded=lambda: read_count(address) > most_signed_in):
        is_staff = may_enter_console(request.user)
        return is_staff or count(f"{road}:user:{request.user.pk}") <= most_signed_in
    return count(address) <= limit


def is_signed_in(request: HttpRequest, *, is_flooded: Callable[[], bool]) -> bool:
    """Made-up sessions cost a query each: from a flooded address only known ones are looked up."""
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not cookie:
        return False
    known = f"rate:session:{hashlib.sha256(cookie.encode()).hexdigest()}"
    if is_flooded() and not cache.get(known):
        return False
    if not request.user.is_authenticated:
        return False
    cache.add(known, 1, KNOWN_SECONDS)
    return True


def refuse(request: HttpRequest, *, is_api: bool) -> HttpResponse:
    wait = WINDOW_SECONDS - int(time.time()) % WINDOW_SECONDS
    if is_api:
        text = _("Too many requests. Please try again in %(seconds)d seconds.")
        message = text % {"seconds": wait}
        response: HttpResponse = JsonResponse({"success": False, "message": message}, status=429)
    else:
        response = render(request, "429.html", {"seconds": wait}, status=429)
    response["Retry-After"] = str(wait)
    return response


def count(name: str) -> int:
    """How many there were in the current window, this one included; 0 while the cache is away."""
    key = _key(name)
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        return int(cache.incr(key))
    except ValueError:
        return 0


def read_count(name: str) -> int:
    return int(cache.get(_key(name)) or 0)


def _key(name: str) -> str:
    return f"rate:{name}:{int(time.time()) // WINDOW_SECONDS}"

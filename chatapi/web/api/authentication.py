"""Who asks: a browser's session with its CSRF token, or a token in the Authorization header."""

import copy
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext as _
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from chatapi.accounts.access_tokens import find_bearer
from chatapi.accounts.throttle import Throttled, address_of

SCRIPT_OF_OURS = ("same-origin", "empty")


class HeaderAuthentication(authentication.BaseAuthentication):
    """An access token, with or without `Bearer ` before it. Where one is sent, no session
    counts.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "").strip()
        # Basic is the password of a proxy in front of us.
        if not header or header.lower().startswith("basic "):
            return None
        try:
            bearer = find_bearer(header, address_of(request))
        except Throttled as error:
            raise exceptions.Throttled(error.retry_after) from error
        if bearer is None:
            raise exceptions.AuthenticationFailed(_("The access token is not valid."))
        return bearer.user, bearer

    def authenticate_header(self, request: Request) -> str:
        """Without it DRF answers 403 where 401 is meant."""
        return 'Bearer realm="api"'


class SessionAuthentication(authentication.SessionAuthentication):
    """The session's user, read from the database in this request; what changes something needs the
    CSRF token.
    """

    def enforce_csrf(self, request: Request) -> None:
        if not has_csrf_proof(request, as_unsafe=False):
            raise exceptions.PermissionDenied(_("The CSRF token is missing or wrong."))


class CsrfCheck(CsrfViewMiddleware):
    def _reject(self, _request: HttpRequest, reason: str) -> str:
        return reason


def has_csrf_proof(request: Request, *, as_unsafe: bool) -> bool:
    """Whether a request with a session comes from our own pages. `as_unsafe`: also a GET must prove
    it, by the token in its header.
    """
    # The check reads META and COOKIES alone, and writes to META. What is not POST may not carry
    # the token in a form.
    probe: Any = copy.copy(getattr(request, "_request", request))
    if as_unsafe:
        probe.method = "PUT"
    check = CsrfCheck(lambda _request: HttpResponse())
    check.process_request(probe)
    return check.process_view(probe, HttpResponse, (), {}) is None


def is_from_our_pages(request: Request) -> bool:
    """For a GET that changes something: a browser says that a script of our own page asks, or the
    CSRF token is in its header. Going somewhere counts for nothing, be it from our own page: others
    choose addresses in our pages, as where to go after signing in.
    """
    sent = request.META
    # https://www.w3.org/TR/fetch-metadata/: `empty` is what scripts ask for, by fetch or XHR.
    if (sent.get("HTTP_SEC_FETCH_SITE"), sent.get("HTTP_SEC_FETCH_DEST")) == SCRIPT_OF_OURS:
        return True
    return has_csrf_proof(request, as_unsafe=True)

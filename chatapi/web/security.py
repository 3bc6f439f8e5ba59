"""What every page says to the browser: where scripts may come from; secure cookies with https."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from chatapi.lib.net import is_inside
from chatapi.web.host_cookies import has_host_cookie, read_host_cookies, write_host_cookies

SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def make_policy(**more: str) -> str:
    """The policy with further sources: make_policy(frame_src="https://example.com"). A view that
    needs one sets it as its answer's Content-Security-Policy.
    """
    sources = dict(SOURCES)
    for name, value in more.items():
        directive = name.replace("_", "-")
        known = sources.get(directive, "")
        sources[directive] = f"{known} {value}".removeprefix("'none' ").strip()
    return "; ".join(f"{directive} {value}" for directive, value in sources.items())


POLICY = make_policy()


class SecurityHeadersMiddleware:
    """Comes first, so that refusals and errors carry the headers too.

    The scheme is https when a trusted proxy says so, or when the browser itself does: the Origin of
    a form that was sent from https://our-host, or a cookie that browsers send over https alone.
    Without these, nobody could sign in behind a proxy for TLS until TRUSTED_PROXIES is set, because
    Django compares that Origin with ours.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        told = proxys_scheme(request)
        if not request.is_secure() and (told == "https" or (not told and browser_has_tls(request))):
            # What `request.scheme` reads, under ASGI and in tests.
            request.META["wsgi.url_scheme"] = "https"
            if hasattr(request, "scope"):
                request.scope["scheme"] = "https"
        read_host_cookies(request, is_strict=told == "https")
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=()"
        )
        if request.is_secure():
            write_host_cookies(response)
        return response


def proxys_scheme(request: HttpRequest) -> str:
    """What a trusted proxy says; '' when there is none, or it says nothing."""
    meta = request.META
    if not is_inside(meta.get("REMOTE_ADDR", ""), settings.ENV.TRUSTED_PROXIES):
        return ""
    return str(meta.get("HTTP_X_FORWARDED_PROTO", "").split(",")[0].strip().lower())


def browser_has_tls(request: HttpRequest) -> bool:
    """As the browser says: who makes it up deceives himself alone."""
    origin, host = request.META.get("HTTP_ORIGIN"), request.META.get("HTTP_HOST", "")
    if origin == f"http://{host}":
        return False
    return origin == f"https://{host}" or has_host_cookie(request)

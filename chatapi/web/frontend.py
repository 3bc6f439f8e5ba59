"""FRONTEND_BASE_URL: a slave that only serves calls sends people to where the pages are."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect


class FrontendRedirectMiddleware:
    """Programs and payment gateways at /api/ are answered here: they would not follow, or lose what
    they sent.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.base = settings.ENV.FRONTEND_BASE_URL.rstrip("/")
        if not self.base or settings.ENV.NODE_TYPE != "slave":
            raise MiddlewareNotUsed

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            return self.get_response(request)
        return HttpResponsePermanentRedirect(self.base + request.get_full_path())

"""A session with the initial password can do nothing but change it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

ALLOWED = frozenset(
    {
        "admin:password_change",
        "admin:password_change_done",
        "admin:logout",
        "admin:jsi18n",
        "set_language",
        "logout",
        "account_logout",
        "favicon",
        "robots",
    }
)
"""Names of views, so that whatever is added later is refused until somebody thinks of it."""


class QuarantineMiddleware:
    """Pages lead to the change of the password, everything else is refused with 403."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        user = request.user
        if not user.is_authenticated or not user.must_change_password:
            return None
        match = request.resolver_match
        if match is not None and match.view_name in ALLOWED:
            return None
        if request.method in {"GET", "HEAD"} and not request.path.startswith("/api/"):
            return HttpResponseRedirect(reverse("admin:password_change"))
        return JsonResponse(
            {
                "success": False,
                "code": "password_change_required",
                "message": _("The user must change the initial password first"),
            },
            status=403,
        )

"""Names each request of a page or of the JSON API, as the relay names calls."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from chatapi.lib.ids import make_request_id
from chatapi.lib.request_address import REQUEST_ID


class RequestIdMiddleware:
    """Comes first: the name is in every answer, in the log, and in the audit log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META[REQUEST_ID] = make_request_id()
        response = self.get_response(request)
        response.headers.setdefault("x-oneapi-request-id", request.META[REQUEST_ID])
        return response

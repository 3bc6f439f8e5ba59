"""A page for who opens an address that only takes forms: signing in again in the middle of one
leads there, and without a body a browser shows an error of its own.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import is_valid_path


class RefusedMethodMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and request.method == "GET" and not response.content:
            page = render(request, "405.html", {"page_url": page_above(request.path)}, status=405)
            page["Allow"] = response["Allow"]
            return page
        return response


def page_above(path: str) -> str:
    """The nearest page that this address is below of, which has the form; empty: none."""
    while path := path.rpartition("/")[0]:
        if is_valid_path(path):
            return path
    return ""

"""The page /api/docs: Swagger UI from our own files, under the policy of all pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View


class Docs(View):
    """The page. Its style and scripts are files; nothing is inline."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "api/docs.html")


class DocsScript(View):
    """Starts Swagger UI. The CSRF token of the reader's session is in it, so that a reader who is
    signed in can try what changes something.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "api/docs.js", content_type="text/javascript; charset=utf-8")

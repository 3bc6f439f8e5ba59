"""Static files in one piece, texts packed: WhiteNoise streams with blocking reads, which Django
warns about, and packs only what a build step has packed before.

Pages are not packed: beside what a stranger can make them say, their size would tell their secrets.
"""

import gzip
import re
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware

TEXTS = re.compile(r"text/|application/(?:javascript|json)|image/svg")
ACCEPTS = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:  # type: ignore[override]
        found = static_file.get_response(request.method, request.META)
        headers = dict(found.headers)
        is_text = TEXTS.match(headers.get("Content-Type", "")) is not None
        if is_text and found.status == 200 and found.file is not None and accepts(request):
            found.file.close()
            body = read_packed(static_file)
            headers |= {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
        else:
            body = read(found)
        response = HttpResponse(body, status=int(found.status))
        del response["Content-Type"]
        for name, value in headers.items():
            response[name] = value
        if is_text:
            patch_vary_headers(response, ["Accept-Encoding"])
        return response


def accepts(request: HttpRequest) -> bool:
    return ACCEPTS.search(request.META.get("HTTP_ACCEPT_ENCODING", "")) is not None


@cache
def read_packed(static_file: Any) -> bytes:
    """Kept: the files are the release's own, and few."""
    return gzip.compress(read(static_file.get_response("GET", {})), 6, mtime=0)


def read(found: Any) -> bytes:
    """The body of one of WhiteNoise's answers."""
    if found.file is None:
        return b""
    with found.file as file:
        return bytes(file.read())

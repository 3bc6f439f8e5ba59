"""Django's handler500: what no view caught. A database that gave no turn in time, or is away, is no
fault in a page: 503 and when to come back, in the reader's language. All else stays 500.
"""

import sqlite3
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

RETRY_SECONDS = 5


def answer_server_error(request: HttpRequest) -> HttpResponse:
    """An envelope below /api/, else a page. Asks neither database nor session."""
    is_busy = is_database_busy(sys.exc_info()[1])
    # Whatever broke may have come before the language was known.
    with translation.override(translation.get_language_from_request(request)):
        if not request.path.startswith("/api/"):
            response = HttpResponse(render_page(is_busy=is_busy))
        elif is_busy:
            text = _(
                "The database did not answer in time. Please try again in %(seconds)d seconds."
            )
            response = tell(text % {"seconds": RETRY_SECONDS})
        else:
            response = tell(
                _("That was our fault, and it has been logged. Please try again in a moment.")
            )
        response["Content-Language"] = translation.get_language() or ""
    response.status_code = 503 if is_busy else 500
    response["Cache-Control"] = "no-store"
    if is_busy:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


def is_database_busy(error: BaseException | None) -> bool:
    """Also away. SQLite has the same class for statements that are wrong."""
    if isinstance(error, OperationalError):
        code = getattr(error.__cause__, "sqlite_errorcode", None)
        return code != sqlite3.SQLITE_ERROR
    return isinstance(error, InterfaceError)


def render_page(*, is_busy: bool) -> str:
    return render_to_string("503.html" if is_busy else "500.html", {"seconds": RETRY_SECONDS})


def tell(message: str) -> HttpResponse:
    return JsonResponse({"success": False, "message": message})

"""Every error as an answer in the envelope, with a status that tools understand.

What is asked for and can't be done answers 200 with `success` false, as scripts expect. Other
statuses: 400 unreadable, 401 who are you, 403 not you, 404 no such thing, 405, 415, 429, and of
`chatapi.web.unavailable` 503.
"""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from chatapi.accounts.names import NameTaken
from chatapi.web.api.envelope import answer_failure


class Refused(Exception):
    """What was asked for can't be done; the text says why, in the reader's language."""


class BadRequest(exceptions.ParseError):
    """The request can't be read."""


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:  # noqa: PLR0911 -- a table
    """DRF's EXCEPTION_HANDLER; None: not ours, a bug."""
    from rest_framework.views import exception_handler  # noqa: PLC0415 -- its settings name us

    match error:
        case Refused():
            return answer_failure(str(error))
        case NameTaken():
            return answer_failure(_("This name is taken."))
        case ValidationError() | exceptions.ValidationError():
            return answer_failure(tell_problems(error))
        case Http404() | exceptions.NotFound():
            return answer_failure(_("There is no such thing."), 404)
        case RequestDataTooBig():
            return answer_failure(_("The request is too large."), 413)
        case SuspiciousOperation():
            return answer_failure(_("The request can't be read."), 400)
        case PermissionDenied():
            return answer_failure(_("You may not do this."), 403)
        case _:
            response = exception_handler(error, context)
    if response is not None:
        detail = getattr(error, "detail", "")
        code = getattr(detail, "code", "")
        more = {"code": code} if code in TOLD_CODES else {}
        response.data = {"success": False, "message": str(detail), **more}
    return response


TOLD_CODES = frozenset({"password_change_required", "confirmation_required"})
"""Refusals that a program can do something about."""


API_NAMES = {
    "kind": "type",
    "models_text": "models",
    "groups_text": "group",
    "tag": "tags",
    "status_mapping": "status_code_mapping",
    "settings": "config",
    "test_model": "model_test",
    "retest_seconds": "tested_time",
    "networks_text": "subnet",
    "suffix_text": "fixed_content",
    "expires_at": "expired_time",
}
"""Of columns that have another name in requests."""


def tell_problems(error: ValidationError | exceptions.ValidationError) -> str:
    """One text of all that is wrong, each with the name of its field."""
    if isinstance(error, exceptions.ValidationError):
        return "; ".join(_walk("", error.detail))
    if hasattr(error, "error_dict"):
        named = {API_NAMES.get(name, name): texts for name, texts in error.message_dict.items()}
        return "; ".join(_walk("", named))
    return "; ".join(error.messages)


def _walk(name: str, detail: Any) -> Iterator[str]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _walk("" if key in {"__all__", "non_field_errors"} else str(key), value)
    elif isinstance(detail, list):
        for value in detail:
            yield from _walk(name, value)
    else:
        yield f"{name}: {detail}" if name else str(detail)

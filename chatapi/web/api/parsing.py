"""Reads JSON bodies: bounded, and without what a database or a log can't hold."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import exceptions, parsers, status

from chatapi.web.api.errors import BadRequest

MOST_BYTES = 1024 * 1024


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class JsonBody(parsers.JSONParser):
    """At most a megabyte; no NaN, no NUL, no half of a surrogate pair."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise TooLarge(_("The request is too large."))
        try:
            text = raw.decode("utf-8-sig")
            value = json.loads(text, parse_constant=_refuse_constant)
            plain = json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise BadRequest(_("The body is not readable as JSON.")) from error
        if b"\\u0000" in plain:
            raise BadRequest(_("The body is not readable as JSON."))
        return value


class UnlabelledJson(JsonBody):
    """JSON whose Content-Type says something else, as curl's -d does. Who comes with a session
    needs a CSRF token whatever the type is.
    """

    media_type = "*/*"


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)

"""Where a page's request comes from, and what it is called."""

from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from chatapi.lib.net import client_address

REQUEST_ID = "chatapi.request_id"
"""In `request.META`: the name that the answer's header x-oneapi-request-id tells."""


def request_address(request: HttpRequest) -> str:
    """The client's address, through trusted proxies; at most 64 characters."""
    meta = request.META
    forwarded = [value for value in [meta.get("HTTP_X_FORWARDED_FOR", "")] if value]
    return client_address(
        meta.get("REMOTE_ADDR", ""),
        forwarded,
        meta.get("HTTP_X_REAL_IP", ""),
        settings.ENV.TRUSTED_PROXIES,
    )[:64]


def session_mark(request: Any) -> str:
    """Tells sessions apart and opens none: the beginning of the key's hash; `token 7` for an access
    token, '' for neither.
    """
    bearer = getattr(request, "auth", None)
    if bearer is not None:
        return f"token {bearer.token_id}"
    key = getattr(getattr(request, "session", None), "session_key", None)
    return sha256(key.encode()).hexdigest()[:16] if key else ""

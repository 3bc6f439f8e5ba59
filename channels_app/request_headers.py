"""Extra request headers that an operator sets on a channel."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
VALUE = re.compile(r"^[\t\x20-\x7e]*$")
DENIED = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "keep-alive",
    }
)

WITHHELD = DENIED | {
    *("authorization", "x-api-key", "x-goog-api-key", "api-key", "mj-api-secret", "cookie"),
    *("accept-encoding", "content-encoding", "content-type", "forwarded", "via", "x-real-ip"),
}
"""What of a client's headers no provider gets: its credentials here, its address, and what holds
for one connection alone.
"""
WITHHELD_BEGINNINGS = ("proxy-", "sec-", "x-forwarded-", "cf-", "x-chatapi-")
TEMPLATE = re.compile(r"\{(client\.[^{}\s]*|model|request_id)\}")
"""What is filled in with each call."""
FACTS = frozenset({"model", "request_id"})


class InvalidHeader(ValueError):
    """The header can't be sent, or would change how the message is framed."""


def check_headers(headers: Any) -> Mapping[str, str]:
    """Returns the headers unchanged; raises InvalidHeader naming the wrong one."""
    if not isinstance(headers, dict):
        msg = _('must look like {"Header-Name": "value"}')
        raise InvalidHeader(msg)
    for name, value in headers.items():
        if not isinstance(name, str) or not TOKEN.match(name):
            msg = _("“%(name)s” is not a header name") % {"name": name}
            raise InvalidHeader(msg)
        if name.lower() in DENIED or name.lower().startswith("proxy-"):
            msg = _("%(name)s may not be set") % {"name": name}
            raise InvalidHeader(msg)
        if not isinstance(value, str) or not VALUE.match(value):
            msg = _("the value of %(name)s must be visible ASCII text") % {"name": name}
            raise InvalidHeader(msg)
        for found in TEMPLATE.findall(value):
            own = found.removeprefix("client.")
            if found not in FACTS and (not TOKEN.match(own) or is_withheld(own)):
                msg = _("{%(name)s} can't be passed on") % {"name": found}
                raise InvalidHeader(msg)
    return headers


def is_withheld(name: str) -> bool:
    """Whether a client's header never goes on."""
    name = name.lower()
    return name in WITHHELD or name.startswith(WITHHELD_BEGINNINGS)


def split_templates(
    headers: Mapping[str, str],
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """(what is always the same, what is filled in with each call)"""
    fixed = tuple(pair for pair in headers.items() if not TEMPLATE.search(pair[1]))
    return fixed, tuple(pair for pair in headers.items() if TEMPLATE.search(pair[1]))

"""Telegram's login: what comes back is signed with the bot's token.

https://core.telegram.org/widgets/login#checking-authorization
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chatapi.accounts.form_throttle import count_attempt
from chatapi.accounts.throttle import Throttled
from chatapi.web.foreign.identity import ForeignRefusal, Identity, text_of
from chatapi.web.foreign.providers import Provider

GOOD_FOR_SECONDS = 300
LONGEST = 4000


def telegram_address(provider: Provider, origin: str, back: str) -> str:
    query = {
        "bot_id": provider.client_id,
        "origin": origin,
        "embed": "0",
        "request_access": "write",
        "return_to": back,
    }
    return f"{provider.address}/auth?{urlencode(query)}"


def telegram_identity(provider: Provider, values: Mapping[str, Any], address: str) -> Identity:
    """Raises ForeignRefusal, also for what was used already."""
    seal = text_of(values, "hash")
    rest = {name: value for name, value in values.items() if name != "hash"}
    if any("\n" in f"{name}{value}" or "=" in name for name, value in rest.items()):
        # The seal is over lines: a name with a line break in it could pass for another's id.
        raise ForeignRefusal(detail="telegram: not one line each")
    if not hmac.compare_digest(sign(provider.read_secret(), rest).encode(), seal.encode()):
        raise ForeignRefusal(detail="telegram: wrong signature")
    number, signed_at = values.get("id"), values.get("auth_date")
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        raise ForeignRefusal(detail="telegram: no id")
    if not isinstance(signed_at, int) or not -60 <= time.time() - signed_at <= GOOD_FOR_SECONDS:
        raise ForeignRefusal(detail="telegram: too old")
    try:
        count_attempt("telegram", address=address, subject=seal)
    except Throttled as error:
        raise ForeignRefusal(detail="telegram: used before") from error
    names = (text_of(values, "first_name"), text_of(values, "last_name"))
    return Identity(
        uid=str(number),
        name=text_of(values, "username"),
        display_name=" ".join(filter(None, names))[:64],
    )


def unpack(packed: str) -> Mapping[str, Any]:
    """Base64 of JSON, as the browser brings it. Raises ForeignRefusal."""
    try:
        padded = packed[:LONGEST] + "=" * (-len(packed) % 4)
        values = json.loads(base64.b64decode(padded.replace("-", "+").replace("_", "/")))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise ForeignRefusal(detail="telegram: unreadable") from error
    if not isinstance(values, dict):
        raise ForeignRefusal(detail="telegram: no object")
    return values


def sign(token: str, values: Mapping[str, Any]) -> str:
    lines = "\n".join(f"{name}={values[name]}" for name in sorted(values))
    key = hashlib.sha256(token.encode()).digest()
    return hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()

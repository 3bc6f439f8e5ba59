"""Whether a change would send a channel's stored secrets, which nobody can read, to another
place.
"""

import json
from collections.abc import Mapping
from typing import Any

from channels_app.models import Channel
from chatapi.lib.secrets import Undecipherable

TOKEN_URI = "token_uri"  # noqa: S105 -- the name of a setting
"""The setting that says where refresh tokens and assertions go."""


def leads_elsewhere(channel: Channel, given: Mapping[str, Any]) -> bool:
    """`given` are the new values by the names of `editing`; a name that is missing stays as it
    is. No proxy leads nowhere new.
    """
    if not (channel.key_sealed or channel.headers):
        return False
    settings = given.get("kind_settings", channel.settings)
    return (
        str(given.get("kind", channel.kind)) != str(channel.kind)
        or given.get("base_url", channel.base_url).strip().rstrip("/")
        != channel.base_url.rstrip("/")
        or settings.get(TOKEN_URI, "") != channel.settings.get(TOKEN_URI, "")
        or _is_new_proxy(channel, given.get("proxy_url", ""))
    )


def token_uri_of(text: str) -> str:
    """What settings in a form, as JSON, say of it; '' for what is none."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return ""
    return str(found.get(TOKEN_URI, "")) if isinstance(found, dict) else ""


def _is_new_proxy(channel: Channel, proxy_url: str) -> bool:
    if not proxy_url:
        return False
    try:
        return proxy_url != channel.proxy_url
    except Undecipherable:
        return True

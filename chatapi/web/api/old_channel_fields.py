"""What the old product writes of a channel otherwise than it is stored here. Nothing that is sent
is lost in silence: its switches, its credentials in `config`, its parameters by kind.
"""

from collections.abc import Mapping
from typing import Any

from channels_app.catalogue import KINDS
from channels_app.models import Channel

OTHER = {"azure": "api_version", "aiproxy-library": "library_id"}
"""Kind -> the setting that the old product has in `other`."""
CREDENTIALS = {
    "bedrock": ("ak", "sk"),
    "vertex": ("refresh_token", "client_id", "client_secret"),
}
"""Kind -> what of the old `config` is its key here, in the order of its parts."""
RENAMED = {"project_id": "project"}
ORIGINAL_PICTURES = "original_image_url"
DURATIONS = frozenset({"connect_seconds", "first_byte_seconds", "idle_seconds", "total_seconds"})


def read_old_fields(values: Mapping[str, Any], channel: Channel | None = None) -> dict[str, Any]:
    """The same by the names of `editing`; `channel` is the one to be changed."""
    given = dict(values)
    if given.pop("rate_limited", True) is False:
        given["requests_per_minute"] = 0
    given["cleared"] = frozenset(name for name in DURATIONS & given.keys() if given[name] is None)
    number = given.get("kind", channel.kind if channel else None)
    kind = KINDS[number].name if number in KINDS else ""
    before: Mapping[str, Any] = channel.settings if channel else {}
    config = given.get("kind_settings", before)
    # The old editor sends all names of all kinds, most of them empty.
    settings = {RENAMED.get(name, name): value for name, value in config.items() if value != ""}
    key = given.pop("gcp_account", "") or _take_key(kind, settings)
    if key and not given.get("key"):
        given["key"] = key
    other = given.pop("other", "").strip()
    if other and kind in OTHER:
        settings.setdefault(OTHER[kind], other)
    if given.pop("is_image_url_enabled", None) is not None:
        shows_original = values["is_image_url_enabled"]
        settings.pop(ORIGINAL_PICTURES, None)
        settings |= {ORIGINAL_PICTURES: "1"} if shows_original else {}
    if settings != before:
        given["kind_settings"] = settings
    return given


def _take_key(kind: str, settings: dict[str, Any]) -> str:
    """The credentials leave the settings, which are not encrypted; '' unless all are there."""
    parts = [settings.pop(name, "") for name in CREDENTIALS.get(kind, ())]
    whole = all(isinstance(part, str) and part for part in parts)
    return "|".join(parts) if whole else ""

"""Makes and changes channels, by the names that operators use."""

from typing import Any

from channels_app.catalogue import find_kind
from channels_app.models import Channel
from channels_app.switching import set_status

PLAIN_FIELDS = (
    "name",
    "base_url",
    "key_strategy",
    "models_text",
    "groups_text",
    "priority",
    "weight",
    "tag",
    "model_mapping",
    "headers",
    "connect_seconds",
    "first_byte_seconds",
    "idle_seconds",
    "total_seconds",
    "asks_usage",
    "auto_ban",
    "retest_seconds",
    "requests_per_minute",
    "total_requests_per_minute",
    "tokens_per_minute",
    "max_concurrency",
    "requests_per_day",
    "tokens_per_day",
    "usd_per_day",
    "max_input_tokens",
    "system_prompt",
    "passes_through",
    "accepts_tools",
    "accepts_images",
    "claude_only",
    "overrides",
    "status_mapping",
    "test_model",
    "notes",
)


class NoSuchChannel(LookupError):
    """There is no channel of this number or name."""


class UnsupportedKind(ValueError):
    """Channels of this kind can't work any more."""


def find_channel(text: str) -> Channel:
    """By its number, else by its name."""
    found = (
        Channel.objects.filter(pk=int(text))
        if text.isascii() and text.isdecimal()
        else Channel.objects.none()
    )
    channel = found.first() or Channel.objects.filter(name=text).first()
    if channel is None:
        msg = f"there is no channel {text!r}"
        raise NoSuchChannel(msg)
    return channel


def create_channel(values: dict[str, Any]) -> Channel:
    """Raises ValidationError, UnknownKind or UnsupportedKind."""
    channel = Channel()
    set_fields(channel, values)
    channel.save()
    return channel


def change_channel(channel: Channel, values: dict[str, Any]) -> None:
    """Writes the columns that changed alone: others may be changed by somebody else meanwhile.
    Raises as create_channel.
    """
    before = _columns(channel)
    set_fields(channel, values)
    changed = [name for name, value in _columns(channel).items() if value != before[name]]
    if changed:
        channel.save(update_fields=changed)


def set_fields(channel: Channel, values: dict[str, Any]) -> None:
    """Set the given fields, check the whole; raises as create_channel. None stands for what is not
    given, but in those that `cleared` names.
    """
    if values.get("kind") is not None:
        kind = find_kind(str(values["kind"]))
        if not kind.is_usable:
            msg = f"channels of kind {kind.name} can't be used: {kind.note}"
            raise UnsupportedKind(msg)
        channel.kind = kind.number
    if values.get("status") is not None:
        set_status(channel, values["status"])
    cleared = values.get("cleared") or ()
    for name in PLAIN_FIELDS:
        if values.get(name) is not None or name in cleared:
            setattr(channel, name, values[name])
    if values.get("kind_settings") is not None:
        # Not "settings": Django's own commands have an option of that name.
        channel.settings = dict(values["kind_settings"])
    if values.get("key") is not None:
        channel.key = values["key"]
    if values.get("proxy_url") is not None:
        channel.proxy_url = values["proxy_url"]
    channel.full_clean()


def _columns(channel: Channel) -> dict[str, Any]:
    return {field.attname: getattr(channel, field.attname) for field in channel._meta.fields}

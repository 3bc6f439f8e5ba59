"""Copies channels: everything but what belongs to the account."""

from django.utils.translation import gettext

from channels_app.models import Channel, ChannelStatus
from channels_app.reasons import COPIED
from chatapi.lib.secrets import Undecipherable

COPIED_FIELDS = (
    "kind",
    "base_url",
    "key_strategy",
    "models_text",
    "groups_text",
    "priority",
    "weight",
    "tag",
    "model_mapping",
    "headers",
    "settings",
    "connect_seconds",
    "first_byte_seconds",
    "idle_seconds",
    "total_seconds",
    "asks_usage",
    "notes",
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
)
OWN_FIELDS = (
    "id",
    "secret_id",
    "name",
    "status",
    "key_sealed",
    "proxy_sealed",
    "created_at",
    "disabled_reason",
    "next_test_at",
    "failures",
    "tested_at",
    "tested_model",
    "test_ok",
    "test_milliseconds",
    "test_message",
    "test_warnings",
    "balance",
    "balance_currency",
    "balance_updated_at",
    "balance_message",
)
"""What a copy has of its own. A test sees to it that every field is in one of the two lists."""


def copy_channel(channel: Channel) -> Channel:
    """A disabled channel without a key, otherwise the same, the proxy included."""
    copy = Channel(status=ChannelStatus.DISABLED, disabled_reason=COPIED)
    for name in COPIED_FIELDS:
        setattr(copy, name, getattr(channel, name))
    # Sealed under another id, so what is sealed can't just be carried over.
    try:
        copy.proxy_url = channel.proxy_url
    except Undecipherable:
        copy.proxy_url = ""
    ending = gettext(" (copy)")
    copy.name = channel.name[: 100 - len(ending)] + ending
    copy.save()
    return copy

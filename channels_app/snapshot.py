"""Reads all channels from the database into the routing table."""

from dataclasses import replace

import structlog

from channels_app.catalogue import KINDS
from channels_app.keys import make_key_tag
from channels_app.models import Channel, ChannelStatus
from channels_app.request_headers import split_templates
from channels_app.routing import (
    NO_LIMITS,
    ChannelConfig,
    Limits,
    RoutingTable,
    Timeouts,
    build_table,
)
from chatapi.lib.secrets import Undecipherable

log = structlog.get_logger("channels")


def read_routing_table() -> RoutingTable:
    """One query; a channel whose secrets can't be read is left out and reported."""
    configs = []
    for channel in Channel.objects.prefetch_related("disabled_keys"):
        try:
            configs.append(describe_channel(channel))
        except (Undecipherable, KeyError) as error:
            log.error("channel_unusable", channel=channel.pk, error=str(error))
    return build_table(configs)


def describe_channel(channel: Channel) -> ChannelConfig:
    """The channel as calls see it, its secrets in clear; raises Undecipherable. Of several keys
    those in service, the first of them as its own; all, if none is.
    """
    keys = channel.all_keys
    if len(keys) < 2:
        return _describe(channel, keys[0] if keys else "")
    off = {row.tag for row in channel.disabled_keys.all()}
    tags = {key: make_key_tag(channel, key) for key in keys}
    used = [key for key in keys if tags[key] not in off] or list(keys)
    first = _describe(channel, used[0])
    return replace(first, keys=tuple(replace(first, key=key, key_tag=tags[key]) for key in used))


def describe_keys(channel: Channel) -> list[ChannelConfig]:
    """The channel once with each of its keys, also those that are out of service."""
    keys = channel.all_keys
    first = _describe(channel, keys[0] if keys else "")
    if len(keys) < 2:
        return [first]
    return [replace(first, key=key, key_tag=make_key_tag(channel, key)) for key in keys]


def _describe(channel: Channel, key: str) -> ChannelConfig:
    kind = KINDS[channel.kind]
    headers, templates = split_templates(channel.headers)
    return ChannelConfig(
        id=channel.pk,
        name=channel.name,
        kind=kind,
        base_url=channel.base_url or kind.base_url,
        key=key,
        key_strategy=channel.key_strategy,
        models=channel.model_names,
        groups=channel.group_names,
        priority=channel.priority,
        weight=channel.weight,
        mapping=dict(channel.model_mapping),
        headers=headers,
        header_templates=templates,
        passes_through=channel.passes_through,
        accepts_tools=channel.accepts_tools,
        accepts_images=channel.accepts_images,
        claude_only=channel.claude_only,
        proxy_url=channel.proxy_url,
        timeouts=Timeouts(
            channel.connect_seconds,
            channel.first_byte_seconds,
            channel.idle_seconds,
            channel.total_seconds,
        ),
        settings=dict(channel.settings),
        asks_usage=channel.asks_usage,
        auto_ban=channel.auto_ban,
        limits=limits_of(channel),
        max_input_tokens=channel.max_input_tokens,
        system_prompt=channel.system_prompt.strip(),
        overrides=dict(channel.overrides),
        status_mapping={int(old): int(new) for old, new in channel.status_mapping.items()},
        is_enabled=channel.status == ChannelStatus.ENABLED,
    )


def limits_of(channel: Channel) -> Limits:
    """NO_LIMITS itself where there are none, so that calls see it at once."""
    found = Limits(
        channel.max_concurrency,
        channel.requests_per_minute,
        channel.total_requests_per_minute,
        channel.tokens_per_minute,
        channel.requests_per_day,
        channel.tokens_per_day,
        int(channel.usd_per_day * 1_000_000),
    )
    return NO_LIMITS if found == NO_LIMITS else found

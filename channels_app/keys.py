"""Channels with several keys: one a line, sealed together; each may be out of service by itself.

A key is named by its tag: the beginning of a digest salted with the channel's own id, which says
nothing about the key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.utils import timezone

from channels_app.catalogue import Kind
from channels_app.reasons import BY_HAND, CREDENTIAL, TEXTS, make_reason, tell_reason
from channels_app.routing import show_end
from chatapi.console.audit import record_act
from chatapi.lib.secrets import Undecipherable
from chatapi.options.feed import publish
from notifications.outbox import tell

if TYPE_CHECKING:
    from channels_app.models import Channel

MOST_KEYS = 200
SINGLE = frozenset({"midjourney", "vertex", "vertex-gemini"})
"""Kinds whose tasks or files belong to one account, or whose keys have many lines."""

log = structlog.get_logger("channels")


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key as pages show it."""

    tag: str
    end: str
    is_enabled: bool
    reason: str = ""
    disabled_at: datetime | None = None


def split_keys(kind: Kind | None, text: str) -> tuple[str, ...]:
    """The keys that a channel's text holds, each once; a JSON file is one."""
    text = text.strip()
    if not text or text.startswith("{") or (kind is not None and kind.name in SINGLE):
        return (text,) if text else ()
    lines = (line.strip() for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def make_key_tag(channel: "Channel", key: str) -> str:
    return sha256(f"{channel.secret_id}:{key}".encode()).hexdigest()[:12]


def read_states(channel: "Channel") -> list[KeyState]:
    """All keys of a channel with several; empty for one key, or one that can't be read."""
    try:
        keys = channel.all_keys
    except Undecipherable:
        return []
    if len(keys) < 2:
        return []
    off = {row.tag: row for row in channel.disabled_keys.all()}
    states = []
    for key in keys:
        tag = make_key_tag(channel, key)
        row = off.get(tag)
        if row is None:
            states.append(KeyState(tag, show_end(key), is_enabled=True))
        else:
            reason = tell_reason(row.reason)
            states.append(KeyState(tag, show_end(key), False, reason, row.disabled_at))  # noqa: FBT003 -- a struct's field
    return states


def disable_key(channel: "Channel", tag: str, code: str, detail: str = "") -> bool:
    """Takes a key out of service; True when it was the last one. Nothing if it is gone. Operators
    are told of what they did not do themselves, and of the last key with its channel.
    """
    from channels_app.models import Channel, DisabledKey  # noqa: PLC0415 -- models use this module

    with transaction.atomic():
        locked = Channel.objects.select_for_update().get(pk=channel.pk)
        ends = {make_key_tag(locked, key): show_end(key) for key in locked.all_keys}
        if tag not in ends:
            return False
        values = {"reason": make_reason(code, detail), "disabled_at": timezone.now()}
        _, is_new = DisabledKey.objects.get_or_create(channel=locked, tag=tag, defaults=values)
        off = set(locked.disabled_keys.values_list("tag", flat=True))
        is_last = off.issuperset(ends)
        if is_new:
            publish(Channel.feed_topic, channel.pk)
            if code != BY_HAND and not is_last:
                _tell_operators(locked, ends[tag], code, detail)
    if is_new:
        log.warning("key_disabled", channel=channel.pk, name=channel.name, tag=tag, reason=code)
    return is_last


def _tell_operators(channel: "Channel", end: str, code: str, detail: str) -> None:
    facts = {"reason": TEXTS.get(code, code), "detail": detail[:300], "key": end}
    tell("key_disabled", {"channel": channel.name, "number": channel.pk, **facts})
    note = f"{end}: {make_reason(code, detail)}"
    record_act("channel_key.disable", target=channel, note=note)


def enable_keys(channel: "Channel", tags: Sequence[str]) -> int:
    """Puts keys back into service; returns how many were out of it."""
    from channels_app.models import Channel  # noqa: PLC0415 -- models use this module

    with transaction.atomic():
        count, _ = channel.disabled_keys.filter(tag__in=tags).delete()
        if count:
            publish(Channel.feed_topic, channel.pk)
    if count:
        log.warning("keys_enabled", channel=channel.pk, name=channel.name, count=count)
    return count


def enable_all_if_none_left(channel: "Channel") -> None:
    """A channel that goes back into service tries all its keys, where none was left."""
    states = read_states(channel)
    if states and not any(state.is_enabled for state in states):
        enable_keys(channel, [state.tag for state in states])


def remove_key(channel: "Channel", tag: str) -> bool:
    """Forgets one of several keys; the last one stays."""
    with transaction.atomic():
        locked = type(channel).objects.select_for_update().get(pk=channel.pk)
        left = [key for key in locked.all_keys if make_key_tag(locked, key) != tag]
        if not left or len(left) == len(locked.all_keys):
            return False
        locked.key = "\n".join(left)
        locked.save(update_fields=["key_sealed"])
        locked.disabled_keys.filter(tag=tag).delete()
    return True


REFUSED = CREDENTIAL

"""Switches channels off and on, and lets all workers know.

Each change happens only if the status is still what it was when it was decided: what an operator
does meanwhile wins.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from channels_app.keys import disable_key, enable_all_if_none_left
from channels_app.models import Channel, ChannelStatus
from channels_app.reasons import TEXTS, make_reason
from chatapi.console.audit import record_act
from chatapi.options.feed import publish
from notifications.outbox import tell

MOST_RETEST_SECONDS = 6 * 3600
SWITCHED_FIELDS = ("status", "disabled_reason", "next_test_at", "failures")

log = structlog.get_logger("channels")


def disable_automatically(channel: Channel, code: str, detail: str = "") -> bool:
    """Takes an enabled channel out of service, unless it is not to be; tells whether it did."""
    reason = make_reason(code, detail)
    with transaction.atomic():
        changed = Channel.objects.filter(
            pk=channel.pk, status=ChannelStatus.ENABLED, auto_ban=True
        ).update(
            status=ChannelStatus.AUTO_DISABLED,
            disabled_reason=reason,
            failures=0,
            next_test_at=next_try(timezone.now(), channel.retest_seconds, 0),
        )
        if changed:
            publish(Channel.feed_topic, channel.pk)
            facts = {
                "channel": channel.name,
                "reason": TEXTS.get(code, code),
                "detail": detail[:300],
            }
            tell("channel_disabled", {**facts, "number": channel.pk})
            record_act("channel.disable", target=channel, note=reason)
    if changed:
        log.warning("channel_disabled", channel=channel.pk, name=channel.name, reason=reason)
    return bool(changed)


def disable_channel(number: int, code: str, detail: str, key_tag: str = "") -> None:
    """As disable_automatically, of a channel by its number; nothing if it is gone. With `key_tag`
    that key alone, unless it is the last.
    """
    channel = Channel.objects.filter(pk=number).first()
    if channel is None:
        return
    if key_tag and not refuse_key(channel, key_tag, code, detail):
        return
    disable_automatically(channel, code, detail)


def refuse_key(channel: Channel, tag: str, code: str, detail: str) -> bool:
    """Takes a key of an enabled channel out of service, unless it is not to be; True when it was
    the last.
    """
    may = Channel.objects.filter(pk=channel.pk, status=ChannelStatus.ENABLED, auto_ban=True)
    return may.exists() and disable_key(channel, tag, code, detail)


def enable_again(channel: Channel) -> bool:
    """Puts an automatically disabled channel back into service; tells whether it did."""
    with transaction.atomic():
        changed = Channel.objects.filter(pk=channel.pk, status=ChannelStatus.AUTO_DISABLED).update(
            status=ChannelStatus.ENABLED, disabled_reason="", failures=0, next_test_at=None
        )
        if changed:
            enable_all_if_none_left(channel)
            publish(Channel.feed_topic, channel.pk)
            tell("channel_enabled", {"channel": channel.name, "number": channel.pk})
            record_act("channel.enable", target=channel)
    if changed:
        log.warning("channel_enabled", channel=channel.pk, name=channel.name)
    return bool(changed)


def switch_by_hand(channel: Channel, status: int, by: str = "") -> None:
    """What an operator decides, whatever the status was."""
    set_status(channel, status)
    channel.save(update_fields=SWITCHED_FIELDS)
    if status == ChannelStatus.ENABLED:
        enable_all_if_none_left(channel)
    log.info("channel_switched", channel=channel.pk, status=int(status), by=by)


def set_status(channel: Channel, status: int) -> None:
    """The status, and nothing left of why it was another; not saved."""
    channel.status = status
    channel.disabled_reason = ""
    channel.next_test_at = None
    channel.failures = 0


def next_try(now: datetime, retest_seconds: int, failures: int) -> datetime | None:
    """When an automatically disabled channel is tested: the delay doubles with each failure, up to
    six hours (or the delay itself, if that is longer). None: never.
    """
    if not retest_seconds:
        return None
    seconds = retest_seconds * 2 ** min(failures, 20)
    return now + timedelta(seconds=min(seconds, max(MOST_RETEST_SECONDS, retest_seconds)))

"""Operators hear of channels that go and come back, and of tests that they asked for."""

from datetime import timedelta

import pytest

from channels_app.jobs import TEST, begin_job, report_step, take_step
from channels_app.keys import disable_key, read_states
from channels_app.models import Channel, ChannelStatus
from channels_app.reasons import BY_HAND, CREDENTIAL
from channels_app.switching import (
    disable_automatically,
    disable_channel,
    enable_again,
    switch_by_hand,
)
from chatapi.console.models import AuditEntry
from notifications.models import Notice


@pytest.fixture
def channel(db: None) -> Channel:
    return Channel.objects.create(name="One", kind=1, auto_ban=True)


def told() -> list[str]:
    return list(Notice.objects.order_by("pk").values_list("event", flat=True))


def test_each_switch_is_told_once(channel: Channel) -> None:
    assert disable_automatically(channel, CREDENTIAL, "401 no such key")
    assert not disable_automatically(channel, CREDENTIAL)
    assert enable_again(channel)
    assert not enable_again(channel)
    assert told() == ["channel_disabled", "channel_enabled"]
    assert Notice.objects.earliest("pk").data == {
        "channel": "One",
        "number": channel.pk,
        "reason": "The key is refused, or its funds are used up",
        "detail": "401 no such key",
    }


def test_what_operators_do_themselves_is_not_told(channel: Channel) -> None:
    channel.key = "sk-first-aaaa\nsk-second-bbbb"
    channel.save()
    disable_key(channel, read_states(channel)[0].tag, BY_HAND)
    switch_by_hand(channel, ChannelStatus.DISABLED, by="root")
    assert told() == []


def test_a_refused_key_is_told_once_and_the_last_with_its_channel(channel: Channel) -> None:
    channel.key = "sk-first-aaaa\nsk-second-bbbb"
    channel.save()
    first, second = (state.tag for state in read_states(channel))
    for tag in (first, first, second):
        disable_channel(channel.pk, CREDENTIAL, "401 no such key", tag)
    assert told() == ["key_disabled", "channel_disabled"]
    assert Notice.objects.earliest("pk").data == {
        "channel": "One",
        "number": channel.pk,
        "key": "…aaaa",
        "reason": "The key is refused, or its funds are used up",
        "detail": "401 no such key",
    }
    acts = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(acts) == ["channel_key.disable", "channel.disable"]


def test_the_end_of_a_test_is_told_when_somebody_asked_for_it(channel: Channel) -> None:
    for every in (None, timedelta()):
        ticket = begin_job(TEST, [channel.pk], acts=True, every=every)
        assert ticket is not None
        taken = take_step(TEST, ticket, 4)
        assert taken is not None
        assert not report_step(TEST, taken[0], 1, 1)
    assert told() == ["test_report"]
    assert Notice.objects.get().data == {"total": 1, "passed": 0, "failed": 1}

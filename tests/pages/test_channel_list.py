"""The list of channels: tags, what is done to many, batches, copies."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import HourlyTotal
from channels_app.copying import COPIED_FIELDS, OWN_FIELDS, copy_channel
from channels_app.decisions import Rules, decide
from channels_app.failures import Cause, UpstreamFailure
from channels_app.health import Health
from channels_app.jobs import TEST, begin_job
from channels_app.models import Channel, ChannelJob, ChannelStatus
from channels_app.resting import watch
from channels_app.snapshot import describe_channel
from chatapi.options.models import Change
from tests.pages.rows import make_channel

pytestmark = pytest.mark.django_db
LIST = "/admin/channels_app/channel/"


def act(console: Client, action: str, *channels: Channel, **data: Any) -> Any:
    chosen = [channel.pk for channel in channels]
    return console.post(LIST, {"action": action, "_selected_action": chosen, **data}, follow=True)


def batch(console: Client, *channels: Channel, **values: str) -> str:
    """Applies these values, each ticked."""
    ticks = {f"apply_{name}": "on" for name in values if not name.startswith("mode_")}
    page: str = act(console, "batch", *channels, apply="yes", **values, **ticks).content.decode()
    return page


def tagged(number: int, tag: str) -> Channel:
    channel = make_channel(number)
    channel.tag = tag
    channel.save()
    return channel


# --- Tags ---


def test_channels_of_a_tag_stand_together(console: Client) -> None:
    for number, tag in enumerate(("b", "", "a", "b")):
        tagged(number, tag)
    page = console.get(LIST).content.decode()
    parts = re.findall(r'tag-row|field-numbered.*?title="(channel\d)"', page)
    assert parts == ["", "channel1", "", "channel2", "", "channel0", "channel3"]


def test_without_tags_or_in_another_order_there_are_no_groups(console: Client) -> None:
    make_channel(0)
    assert "tag-row" not in console.get(LIST).content.decode()
    tagged(1, "a")
    assert "tag-row" in console.get(LIST).content.decode()
    assert "tag-row" not in console.get(f"{LIST}?o=1").content.decode()
    assert "channel0" not in console.get(f"{LIST}?tag=a").content.decode()


def save_row(console: Client, channel: Channel, **changed: str) -> None:
    row: dict[str, Any] = {"id": channel.pk, "status": channel.status, "priority": 0, "weight": 1}
    row |= {"retest_seconds": channel.retest_seconds, **changed}
    data = {f"form-0-{name}": str(value) for name, value in row.items()}
    data |= {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "_save": "Save"}
    assert console.post(LIST, data).status_code == 302


def test_a_new_delay_of_tests_holds_at_once(console: Client) -> None:
    later = timezone.now() + timedelta(hours=6)
    channel = make_channel(1)
    Channel.objects.update(
        status=ChannelStatus.AUTO_DISABLED, retest_seconds=3600, next_test_at=later
    )
    channel.refresh_from_db()
    save_row(console, channel, weight="3")
    channel.refresh_from_db()
    assert (channel.weight, channel.next_test_at) == (3, later)
    save_row(console, channel, retest_seconds="60")
    channel.refresh_from_db()
    assert (channel.retest_seconds, channel.next_test_at) == (60, None)


def test_what_is_broken_can_be_switched_off_in_the_list(console: Client) -> None:
    channel = make_channel(1)
    Channel.objects.update(models_text="", status=ChannelStatus.AUTO_DISABLED, disabled_reason="x")
    save_row(console, channel, status="2")
    channel.refresh_from_db()
    assert (channel.status, channel.disabled_reason) == (ChannelStatus.DISABLED, "")


def test_nobody_disables_automatically_by_hand(console: Client) -> None:
    make_channel(1)
    form = console.get(LIST).context["cl"].formset.forms[0]
    assert [number for number, _ in form.fields["status"].choices] == [1, 2]


def test_a_channel_is_found_by_its_number(console: Client) -> None:
    channels = [make_channel(number) for number in range(2)]
    for text in (str(channels[1].pk), f"#{channels[1].pk}"):
        shown = console.get(LIST, {"q": text}).context["cl"].result_list
        assert list(shown) == [channels[1]]


def test_the_last_24_hours_lead_to_the_calls(console: Client) -> None:
    channel, idle = make_channel(1), make_channel(2)
    now, key = timezone.now(), str(channel.pk)
    for hours, calls in ((1, 4), (2, 4), (30, 100)):
        values = {"calls": calls, "errors": 1, "units": 250_000}
        hour = now - timedelta(hours=hours)
        HourlyTotal.objects.create(hour_at=hour, dimension="channel", key=key, **values)
    page = console.get(LIST).content.decode()
    day, none = re.findall(r'field-day">(.*?)</td>', page, re.DOTALL)
    assert re.sub(r"<[^>]+>", "", day) == "8 · $1.0025.0 % failed"
    assert f'href="/admin/billing/usage/?channel={channel.pk}&amp;status=failed"' in day
    assert (none, idle.pk > channel.pk) == ("–", True)


def test_a_test_in_the_list_comes_back_to_it(console: Client) -> None:
    channel = tagged(1, "a")
    page = console.get(f"{LIST}?tag=a").content.decode()
    assert f'formaction="{LIST}{channel.pk}/test/" name="back" value="?tag=a"' in page
    answer = console.post(f"{LIST}{channel.pk}/test/", {"back": "?tag=a"}, follow=True)
    assert answer.redirect_chain == [(f"{LIST}?tag=a", 302)]
    assert "The test failed: #" in answer.content.decode()
    away = console.post(f"{LIST}{channel.pk}/test/", {"back": "https://evil.example/"})
    assert away["location"] == f"{LIST}{channel.pk}/change/"


def test_what_rests_is_shown_in_the_list_and_on_the_first_page(console: Client) -> None:
    channel, health = make_channel(1), Health()
    failure = UpstreamFailure(Cause.RATE_LIMITED, "slow down", status=429, retry_after=60)
    config, decision = describe_channel(channel), decide(failure, Rules())
    health.note_failure(config, "gpt-4o", failure, decision, time.monotonic(), 3)
    assert "resting" not in console.get(LIST).content.decode()
    watch(health)
    try:
        page = console.get(LIST).content.decode()
        assert re.search(r'title="gpt-4o: cools down, (59|60) s"><span[^>]*>1 resting<', page)
        assert f"{channel}</a>\n      (gpt-4o)" in console.get("/admin/").content.decode()
    finally:
        watch(None)


# --- Batches ---


def test_only_what_is_ticked_is_applied(console: Client) -> None:
    channels = [make_channel(number) for number in range(2)]
    Change.objects.all().delete()
    page = act(
        console, "batch", *channels, apply="yes", apply_priority="on", priority="7", weight="9"
    )
    assert "2 channels changed." in page.content.decode()
    assert set(Channel.objects.values_list("priority", "weight")) == {(7, 1)}
    assert Change.objects.filter(topic="channel").count() == 2


@pytest.mark.parametrize(
    ("mode", "models"),
    [("replace", "o3"), ("add", "gpt-4o-mini,gpt-4o,o3"), ("remove", "gpt-4o-mini,gpt-4o")],
)
def test_models_are_replaced_added_or_taken_out(console: Client, mode: str, models: str) -> None:
    batch(console, make_channel(1), models_text="o3", mode_models_text=mode)
    assert Channel.objects.get().models_text == models


def test_settings_and_headers_are_mixed_by_name(console: Client) -> None:
    channel = make_channel(1)
    Channel.objects.update(headers={"X-A": "1", "X-B": "2"})
    batch(console, channel, headers='{"X-B": "3"}', mode_headers="add")
    assert Channel.objects.get().headers == {"X-A": "1", "X-B": "3"}
    batch(console, channel, headers='{"X-A": ""}', mode_headers="remove")
    assert Channel.objects.get().headers == {"X-B": "3"}
    batch(console, channel, headers="", mode_headers="replace")
    assert Channel.objects.get().headers == {}


def test_a_proxy_is_sealed_for_each(console: Client) -> None:
    channels = [make_channel(number) for number in range(2)]
    batch(console, *channels, proxy_url="http://10.0.0.1:3128")
    found = list(Channel.objects.all())
    assert {channel.proxy_url for channel in found} == {"http://10.0.0.1:3128"}
    assert len({channel.proxy_sealed for channel in found}) == 2
    batch(console, *channels, proxy_url="-")
    assert set(Channel.objects.values_list("proxy_sealed", flat=True)) == {""}


def test_switches_are_set_off_and_limits_emptied(console: Client) -> None:
    channel = make_channel(1)
    Channel.objects.update(first_byte_seconds=9)
    data = {"apply_auto_ban": "on", "apply_first_byte_seconds": "on", "first_byte_seconds": ""}
    act(console, "batch", channel, apply="yes", **data)
    changed = Channel.objects.get()
    assert (changed.auto_ban, changed.first_byte_seconds) == (False, None)


def test_all_or_none(console: Client) -> None:
    channels = [make_channel(number) for number in range(2)]
    Channel.objects.filter(pk=channels[1].pk).update(models_text="gpt-4o")
    page = batch(console, *channels, models_text="gpt-4o", mode_models_text="remove")
    assert "Nothing was changed." in page
    assert "#2 channel1: Name at least one model." in page.replace(str(channels[1].pk), "2")
    assert channels[0].models_text == Channel.objects.get(pk=channels[0].pk).models_text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "Tick what is to be applied."),
        ({"priority": ""}, "required"),
        ({"weight": "-1"}, "greater than or equal"),
        ({"headers": "{"}, "valid JSON"),
        ({"headers": '{"Host": "x"}'}, "may not be set"),
        ({"proxy_url": "gopher://x"}, "must start with"),
        ({"groups_text": " , "}, "can’t be blank|cannot be blank"),
    ],
)
def test_mistakes_in_a_batch_are_told(console: Client, values: dict[str, str], text: str) -> None:
    channel = make_channel(1)
    page = batch(console, channel, **values)
    assert re.search(text, page)
    assert Channel.objects.get().groups_text == "default"


# --- Copies, resets, deletions ---


def test_every_field_is_copied_or_of_its_own() -> None:
    names = {field.name for field in Channel._meta.concrete_fields}
    assert {*COPIED_FIELDS, *OWN_FIELDS} == names
    assert not set(COPIED_FIELDS) & set(OWN_FIELDS)


def test_a_copy_has_everything_but_the_key(console: Client) -> None:
    channel = make_channel(1)
    channel.proxy_url = "http://10.0.0.1:3128"
    channel.settings = {"dialects": "openai"}
    channel.name = "n" * 100
    channel.save()
    page = act(console, "copy", channel)
    assert "give it a key of its own" in page.content.decode()
    copy = Channel.objects.latest("pk")
    assert page.redirect_chain[0][0].endswith(f"/channel/{copy.pk}/change/")
    assert (copy.status, copy.key) == (ChannelStatus.DISABLED, "")
    assert copy.proxy_url == "http://10.0.0.1:3128"
    assert copy.name == "n" * 93 + " (copy)"
    assert copy.secret_id != channel.secret_id
    for name in COPIED_FIELDS:
        assert getattr(copy, name) == getattr(channel, name), name


def test_tests_and_balances_are_reset(console: Client) -> None:
    channel = make_channel(1)
    Channel.objects.update(tested_at=timezone.now(), test_ok=True, balance=5, failures=2)
    act(console, "reset", channel)
    found = Channel.objects.get()
    assert (found.tested_at, found.test_ok, found.balance, found.failures) == (None, None, None, 0)


def test_only_the_disabled_ones_that_were_shown_are_deleted(console: Client) -> None:
    on, off, automatic = (make_channel(number) for number in range(3))
    Channel.objects.filter(pk=off.pk).update(status=ChannelStatus.DISABLED)
    Channel.objects.filter(pk=automatic.pk).update(status=ChannelStatus.AUTO_DISABLED)
    page = console.get(f"{LIST}delete-disabled/").content.decode()
    assert "channel1" in page
    assert "channel2" in page
    assert "channel0" not in page
    console.post(f"{LIST}delete-disabled/", {"channel": [on.pk, off.pk]})
    assert set(Channel.objects.values_list("pk", flat=True)) == {on.pk, automatic.pk}


# --- Runs ---


def test_a_few_are_tested_at_once(console: Client) -> None:
    """Nothing listens there."""
    channels = [make_channel(number) for number in range(2)]
    Channel.objects.update(base_url="http://127.0.0.1:9")
    page = act(console, "test", *channels).content.decode()
    assert page.count("failed: network no connection to the provider") == 2
    assert not ChannelJob.objects.exists()


def test_one_run_at_a_time(console: Client) -> None:
    begin_job(TEST, [1])
    page = console.post(f"{LIST}test/", follow=True).content.decode()
    assert "Another run is under way." in page


def test_how_far_a_run_is(console: Client) -> None:
    assert "data-under-way" not in console.get(f"{LIST}runs/").content.decode()
    begin_job(TEST, [1, 2, 3])
    ChannelJob.objects.update(done=1, failed=1)
    page = console.get(f"{LIST}runs/").content.decode()
    assert "data-under-way" in page
    assert "1 of 3" in page
    assert "1 failed" in page
    ChannelJob.objects.update(held_until=timezone.now())
    assert "broken off" in console.get(f"{LIST}runs/").content.decode()


def test_a_copy_of_what_can_not_be_read_has_no_proxy() -> None:
    make_channel(1)
    Channel.objects.update(proxy_sealed="k9:AAAA")
    assert copy_channel(Channel.objects.get()).proxy_sealed == ""

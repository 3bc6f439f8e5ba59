"""Channels in the console: secrets are written and never shown, errors stand at their fields."""

from typing import Any

import pytest
from django.test import Client

from channels_app.models import Channel, ChannelStatus
from channels_app.snapshot import describe_channel
from chatapi.options.models import Change
from tests.pages.rows import make_channel

pytestmark = pytest.mark.django_db
LIST = "/admin/channels_app/channel/"
KEY = "sk-proj-abcdefgh-9876"


def form(**changes: object) -> dict[str, Any]:
    return {
        "name": "Main",
        "kind": "1",
        "status": "1",
        "base_url": "",
        "new_key": KEY,
        "models_text": "gpt-4o-mini",
        "groups_text": "default",
        "priority": "0",
        "weight": "1",
        "tag": "",
        "model_mapping": "{}",
        "headers": "{}",
        "new_proxy_url": "",
        "asks_usage": "on",
        **changes,
    }


def published() -> list[tuple[str, str]]:
    return list(Change.objects.order_by("number").values_list("topic", "key"))


def test_a_channel_is_made_and_published(console: Client) -> None:
    answer = console.post(f"{LIST}add/", form())
    assert answer.status_code == 302
    channel = Channel.objects.get()
    assert (channel.name, channel.kind, channel.key) == ("Main", 1, KEY)
    assert KEY not in channel.key_sealed
    assert ("channel", str(channel.pk)) in published()


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("base_url", "ftp://example.com", "must start with"),
        ("base_url", "http://169.254.169.254/", "cloud metadata"),
        ("base_url", "http://user:pw@example.com", "user name"),
        ("kind", "999", "Select a valid choice"),
        ("kind", "11", "Select a valid choice"),
        ("models_text", " , ", "Name at least one model."),
        ("model_mapping", '{"a": "b", "b": "a"}', "never ends"),
        ("model_mapping", "[1]", "must look like"),
        ("headers", '{"Host": "x"}', "may not be set"),
        ("new_proxy_url", "gopher://x", "must start with"),
        ("new_key", "bell\x07 inside", "A key is one line, or a JSON file."),
        ("weight", "-1", "greater than or equal"),
        ("name", "", "required"),
    ],
)
def test_a_mistake_is_told_at_its_field(
    console: Client, field: str, value: str, error: str
) -> None:
    answer = console.post(f"{LIST}add/", form(**{field: value}))
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert list(errors) == [field]
    assert error in errors.as_text()
    assert not Channel.objects.exists()


def test_a_kind_without_an_address_needs_one(console: Client) -> None:
    answer = console.post(f"{LIST}add/", form(kind="44"))
    assert "base_url" in answer.context["adminform"].form.errors


def test_mistakes_are_told_in_chinese(console: Client) -> None:
    data = form(base_url="ftp://example.com", headers='{"Host": "x"}')
    page = console.post(f"{LIST}add/", data, headers={"accept-language": "zh"}).content.decode()
    assert "地址必须以 http:// or https:// 开头并包含主机名" in page
    assert "不允许设置 Host" in page


def test_the_key_is_never_shown(console: Client) -> None:
    channel = make_channel(1234)
    channel.proxy_url = "socks5://user:proxy-password@10.0.0.1:1080"
    channel.save()
    for path in (LIST, f"{LIST}{channel.pk}/change/", f"{LIST}{channel.pk}/history/"):
        page = console.get(path).content.decode()
        assert "sk-proj-secret" not in page
        assert "proxy-password" not in page
        assert channel.key_sealed not in page
    page = console.get(f"{LIST}{channel.pk}/change/").content.decode()
    assert "…1234 is stored; empty keeps it" in page


def test_a_key_that_was_mistyped_beside_an_error_is_not_echoed(console: Client) -> None:
    """A textarea that shows its value again would show the key."""
    page = console.post(f"{LIST}add/", form(name="")).content.decode()
    assert KEY not in page
    assert "not stored yet: please enter it again" in page


def test_an_empty_key_keeps_the_stored_one(console: Client) -> None:
    channel = make_channel(1)
    before = channel.key
    console.post(f"{LIST}{channel.pk}/change/", form(new_key="", name="New"))
    channel.refresh_from_db()
    assert (channel.name, channel.key) == ("New", before)


def test_a_new_key_replaces_the_stored_one(console: Client) -> None:
    channel = make_channel(1)
    console.post(f"{LIST}{channel.pk}/change/", form())
    channel.refresh_from_db()
    assert channel.key == KEY
    assert channel.proxy_url == ""


def test_a_dash_removes_the_proxy(console: Client) -> None:
    channel = make_channel(1)
    channel.proxy_url = "http://10.0.0.1:3128"
    channel.save()
    console.post(f"{LIST}{channel.pk}/change/", form(new_key=""))
    channel.refresh_from_db()
    assert channel.proxy_url == "http://10.0.0.1:3128"
    console.post(f"{LIST}{channel.pk}/change/", form(new_key="", new_proxy_url="-"))
    channel.refresh_from_db()
    assert channel.proxy_url == ""


def test_priority_and_weight_are_changed_in_the_list_and_published(console: Client) -> None:
    first, second = make_channel(1), make_channel(2)
    Change.objects.all().delete()
    data = {
        "form-TOTAL_FORMS": "2",
        "form-INITIAL_FORMS": "2",
        "form-0-id": str(first.pk),
        "form-0-status": "1",
        "form-0-priority": "7",
        "form-0-weight": "3",
        "form-0-retest_seconds": "0",
        "form-1-id": str(second.pk),
        "form-1-status": "1",
        "form-1-priority": "0",
        "form-1-weight": "1",
        "form-1-retest_seconds": "0",
        "_save": "Save",
    }
    assert console.post(LIST, data).status_code == 302
    first.refresh_from_db()
    assert (first.priority, first.weight) == (7, 3)
    assert published() == [("channel", str(first.pk))]


@pytest.mark.parametrize(
    ("action", "status"),
    [("disable", ChannelStatus.DISABLED), ("enable", ChannelStatus.ENABLED)],
)
def test_many_are_switched_and_each_is_published(
    console: Client, action: str, status: ChannelStatus
) -> None:
    channels = [make_channel(number) for number in range(3)]
    Channel.objects.update(status=ChannelStatus.AUTO_DISABLED)
    Change.objects.all().delete()
    keys = [channel.pk for channel in channels]
    console.post(LIST, {"action": action, "_selected_action": keys})
    assert set(Channel.objects.values_list("status", flat=True)) == {status}
    assert sorted(published()) == sorted(("channel", str(key)) for key in keys)


def test_deleted_channels_are_published(console: Client) -> None:
    keys = [make_channel(number).pk for number in range(2)]
    Change.objects.all().delete()
    data = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
    console.post(LIST, data)
    assert not Channel.objects.exists()
    assert sorted(published()) == sorted(("channel", str(key)) for key in keys)


def test_a_test_tells_what_the_provider_said(console: Client) -> None:
    """Nothing listens there: the failure is told, with its time, and the page lives."""
    channel = make_channel(1)
    channel.base_url = "http://127.0.0.1:9"
    channel.save()
    answer = console.post(f"{LIST}{channel.pk}/test/", follow=True)
    assert "The test failed: gpt-4o-mini, after" in answer.content.decode()
    assert console.get(f"{LIST}{channel.pk}/test/").status_code == 405
    assert console.post(f"{LIST}999/test/").status_code == 404


def test_a_key_of_another_key_ring_breaks_no_page(console: Client) -> None:
    channel = make_channel(1)
    Channel.objects.update(key_sealed="k9:AAAA")
    assert console.get(LIST).status_code == 200
    page = console.get(f"{LIST}{channel.pk}/change/").content.decode()
    assert "unreadable: encrypted with another key ring" in page
    answer = console.post(f"{LIST}{channel.pk}/test/", follow=True)
    assert answer.status_code == 200


def test_what_was_saved_is_what_calls_see(console: Client) -> None:
    mapping, headers = '{"gpt-4": "gpt-4o-mini"}', '{"X-Team": "a"}'
    console.post(f"{LIST}add/", form(model_mapping=mapping, headers=headers, first_byte_seconds=9))
    config = describe_channel(Channel.objects.get())
    assert config.mapping == {"gpt-4": "gpt-4o-mini"}
    assert config.headers == (("X-Team", "a"),)
    assert config.timeouts.first_byte == 9


@pytest.mark.parametrize(
    ("query", "found"),
    [("kind=1", 1), ("kind=33", 0), ("status=2", 0), ("model=gpt-4o", 1), ("q=channel", 1)],
)
def test_the_list_is_filtered(console: Client, query: str, found: int) -> None:
    make_channel(1)
    page = console.get(f"{LIST}?{query}").content.decode()
    assert page.count('class="field-kind_label"') == found

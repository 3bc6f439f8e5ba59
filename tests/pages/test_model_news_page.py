"""What changed in the providers' lists of models, and taking it over with one click."""

from collections.abc import Iterator

import pytest
from django.test import Client

from channels_app.jobs import MODELS, begin_job
from channels_app.model_watch import look_at, note_list, watchable_channels
from channels_app.models import Channel, ModelNews
from channels_app.tasks import do_all
from chatapi.console.models import AuditEntry
from tests.harness.answering_provider import AnsweringProvider, running_answers
from tests.pages.rows import make_channel

pytestmark = pytest.mark.django_db
PAGE = "/admin/channels_app/channel/model-changes/"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def provider() -> Iterator[AnsweringProvider]:
    with running_answers() as found:
        yield found


def lists(provider: AnsweringProvider, *names: str) -> None:
    provider.says["/v1/models"] = (200, {"data": [{"id": name} for name in names]})


@pytest.fixture
def channel(provider: AnsweringProvider) -> Channel:
    made = make_channel(1)
    made.base_url = provider.url
    made.models_text = "a,b"
    made.save()
    return made


def news(channel: Channel) -> tuple[list[str], list[str]]:
    row = ModelNews.objects.get(channel=channel)
    return row.new, row.vanished


def test_what_was_left_out_on_purpose_is_no_news(
    provider: AnsweringProvider, channel: Channel
) -> None:
    lists(provider, "a", "b", "left-out")
    assert look_at([channel]) == 0
    assert news(channel) == ([], [])
    lists(provider, "a", "left-out", "brand-new")
    look_at([channel])
    assert news(channel) == (["brand-new"], ["b"])


def test_one_click_takes_it_over(
    console: Client, provider: AnsweringProvider, channel: Channel
) -> None:
    note_list(channel, ("a", "b"))
    note_list(channel, ("a", HOSTILE, "c"))
    page = console.get(PAGE).content.decode()
    assert "&lt;script&gt;" in page
    assert HOSTILE not in page
    assert (
        HOSTILE
        not in console.get(f"/admin/channels_app/channel/{channel.pk}/change/").content.decode()
    )
    console.post(PAGE, {"channel": channel.pk, "take": ""})
    channel.refresh_from_db()
    assert channel.model_names == ("a", HOSTILE, "c")
    assert AuditEntry.objects.filter(action="channel.change").count() == 1
    assert not ModelNews.objects.filter(has_news=True).exists()


def test_what_is_dismissed_does_not_come_back(console: Client, channel: Channel) -> None:
    note_list(channel, ("a", "b"))
    note_list(channel, ("a", "c"))
    console.post(PAGE, {"channel": channel.pk, "dismiss": ""})
    note_list(channel, ("a", "c"))
    assert news(channel) == ([], [])
    channel.refresh_from_db()
    assert channel.model_names == ("a", "b")


def test_a_channel_is_never_left_without_a_model(console: Client, channel: Channel) -> None:
    note_list(channel, ("a", "b"))
    note_list(channel, ())
    console.post(PAGE, {"channel": channel.pk, "take": ""})
    channel.refresh_from_db()
    assert channel.model_names == ("a", "b")
    assert ModelNews.objects.get(channel=channel).has_news


def test_a_list_that_cannot_be_read_is_told_and_changes_nothing(
    console: Client, provider: AnsweringProvider, channel: Channel
) -> None:
    note_list(channel, ("a", "b"))
    provider.says["/v1/models"] = (500, {"error": {"message": HOSTILE}})
    assert look_at([channel]) == 1
    assert news(channel) == ([], [])
    page = console.get(PAGE).content.decode()
    assert "could not be read" in page
    assert HOSTILE not in page


def test_a_run_looks_at_each_channel_once(provider: AnsweringProvider, channel: Channel) -> None:
    lists(provider, "a", "b")
    ticket = begin_job(MODELS, watchable_channels())
    assert begin_job(MODELS, watchable_channels()) is None
    assert do_all(MODELS, ticket)
    assert [path for path, _ in provider.asked] == ["/v1/models"]


def test_nobody_else_acts(client: Client, channel: Channel) -> None:
    note_list(channel, ("a", "b"))
    note_list(channel, ("a", "c"))
    assert client.post(PAGE, {"channel": channel.pk, "take": ""}).status_code in {302, 403}
    channel.refresh_from_db()
    assert channel.model_names == ("a", "b")


@pytest.mark.parametrize("key", ["", "x", "999", "9" * 30])
def test_no_such_channel(console: Client, key: str) -> None:
    assert console.post(PAGE, {"channel": key, "take": ""}).status_code == 404

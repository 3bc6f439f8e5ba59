"""The editor of channels: fields of the kind, models of the provider, tests and balances."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from channels_app.editing import create_channel
from channels_app.keys import disable_key, read_states
from channels_app.models import Channel, ChannelStatus
from channels_app.testing import run_tests
from chatapi.console.models import AuditEntry
from tests.harness.answering_provider import AnsweringProvider, running_answers
from tests.pages.rows import make_channel
from tests.pages.test_channels_page import LIST, form

pytestmark = pytest.mark.django_db
AWS = {"kind": "35", "new_key": "AKIAEXAMPLE|secret-of-aws", "models_text": "claude-x"}


@pytest.fixture
def provider() -> Iterator[AnsweringProvider]:
    with running_answers() as found:
        yield found


@pytest.fixture
def channel(provider: AnsweringProvider) -> Channel:
    return create_channel(
        {
            "name": "c",
            "kind": "openai",
            "base_url": provider.url,
            "key": "sk-secret-1234",
            "models_text": "gpt-4o,lost",
        }
    )


def errors_of(answer: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = answer.context["adminform"].form.errors
    return dict(found)


# --- Settings of the kind ---


def test_settings_of_the_kind_are_stored_together(console: Client) -> None:
    data = form(**AWS, setting_region="us-east-1", settings='{"extra": "x"}')
    assert console.post(f"{LIST}add/", data).status_code == 302
    assert Channel.objects.get().settings == {"region": "us-east-1", "extra": "x"}


def test_they_are_shown_in_fields_of_their_own(console: Client) -> None:
    console.post(f"{LIST}add/", form(**AWS, setting_region="us-east-1", settings='{"extra": "x"}'))
    page = console.get(f"{LIST}{Channel.objects.get().pk}/change/")
    shown = page.context["adminform"].form
    assert shown["setting_region"].value() == "us-east-1"
    assert shown.initial["settings"] == {"extra": "x"}


def test_an_emptied_setting_is_gone_and_those_of_the_old_kind_too(console: Client) -> None:
    data = form(**AWS, setting_region="us-east-1", setting_cross="us", settings="{}")
    console.post(f"{LIST}add/", data)
    channel = Channel.objects.get()
    page = f"{LIST}{channel.pk}/change/"
    console.post(page, data | {"new_key": "", "setting_cross": ""})
    channel.refresh_from_db()
    assert channel.settings == {"region": "us-east-1"}
    console.post(page, form(kind="1", setting_region="us-east-1", settings="{}"))
    channel.refresh_from_db()
    assert (channel.kind, channel.settings) == (1, {})


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        (AWS, "setting_region", "must look like us-east-1"),
        (AWS | {"setting_region": "us-east-1", "setting_cross": "9"}, "setting_cross", "a word"),
        (AWS | {"new_key": "one|two|three"}, "new_key", "AccessKey|SecretKey|Region"),
        ({"kind": "57"}, "setting_account_id", "lacks the setting account_id"),
        ({"kind": "15", "new_key": "a|b"}, "new_key", "bce-v3"),
        ({"kind": "3", "base_url": "https://x.example", "setting_api_version": "new"},
         "setting_api_version", "must be a date"),
    ],
)  # fmt: skip
def test_what_the_provider_would_refuse_is_told_at_its_field(
    console: Client, changes: dict[str, str], field: str, text: str
) -> None:
    answer = console.post(f"{LIST}add/", form(**changes))
    assert list(errors_of(answer)) == [field]
    assert text in str(errors_of(answer)[field])


def test_a_status_set_by_hand_forgets_the_reason(console: Client) -> None:
    channel = make_channel(1)
    Channel.objects.update(
        status=ChannelStatus.AUTO_DISABLED, disabled_reason="balance: 0", failures=3
    )
    page = f"{LIST}{channel.pk}/change/"
    assert "The balance is used up: 0" in console.get(page).content.decode()
    console.post(page, form(new_key="", status="1"))
    channel.refresh_from_db()
    assert (channel.status, channel.disabled_reason, channel.failures) == (1, "", 0)


# --- Tests and balances ---


def test_a_warning_is_told_and_stays(
    console: Client, provider: AnsweringProvider, channel: Channel
) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    answer = {"id": "1", "model": "gpt-3.5", "choices": [choice], "usage": {"prompt_tokens": 1}}
    provider.says["/v1/chat/completions"] = (200, answer)
    page = console.post(f"{LIST}{channel.pk}/test/", {"model": "gpt-4o"}, follow=True)
    assert "The test passed with warnings: gpt-4o" in page.content.decode()
    later = console.get(f"{LIST}{channel.pk}/change/", headers={"accept-language": "zh"})
    assert "gpt-4o-2024-08-06" in later.content.decode()


def test_a_failure_is_told_without_secrets(
    console: Client, provider: AnsweringProvider, channel: Channel
) -> None:
    error = {"error": {"message": f"sk-secret-1234 is wrong at {provider.url}"}}
    provider.says["/v1/chat/completions"] = (401, error)
    page = console.post(f"{LIST}{channel.pk}/test/", follow=True).content.decode()
    assert "credential:401 *** is wrong at ***" in page
    assert "sk-secret" not in page


def test_the_balance_is_told(
    console: Client, provider: AnsweringProvider, channel: Channel
) -> None:
    provider.says["/v1/dashboard/billing/subscription"] = (200, {"hard_limit_usd": 20})
    provider.says["/v1/dashboard/billing/usage"] = (200, {"total_usage": 150})
    page = console.post(f"{LIST}{channel.pk}/balance/", follow=True).content.decode()
    assert "The balance is 18.50 USD." in page
    assert "$18.50" in page


# --- Models ---


def test_the_lists_are_compared_and_what_is_ticked_is_taken_over(
    console: Client, provider: AnsweringProvider, channel: Channel
) -> None:
    offered = [{"id": name} for name in ("gpt-4o", "o3", "o4-mini")]
    provider.says["/v1/models"] = (200, {"data": offered})
    page = console.post(f"{LIST}{channel.pk}/models/")
    diff = page.context["diff"]
    assert (diff.new, diff.kept, diff.vanished) == (("o3", "o4-mini"), ("gpt-4o",), ("lost",))
    data = {"apply": "1", "add": ["o3"], "drop": ["lost"]}
    done = console.post(f"{LIST}{channel.pk}/models/", data, follow=True)
    assert "Models taken over: 1 new, 1 taken out." in done.content.decode()
    channel.refresh_from_db()
    assert channel.models_text == "gpt-4o,o3"


def test_a_channel_is_not_left_without_models(console: Client, channel: Channel) -> None:
    data = {"apply": "1", "drop": ["gpt-4o", "lost"]}
    page = console.post(f"{LIST}{channel.pk}/models/", data, follow=True)
    assert "Name at least one model." in page.content.decode()
    channel.refresh_from_db()
    assert channel.models_text == "gpt-4o,lost"


def test_no_list_is_told(console: Client, provider: AnsweringProvider, channel: Channel) -> None:
    page = console.post(f"{LIST}{channel.pk}/models/", follow=True).content.decode()
    assert "No list of models: overloaded:404 nothing here" in page
    Channel.objects.update(kind=57)
    page = console.post(f"{LIST}{channel.pk}/models/", follow=True).content.decode()
    assert "this kind of provider lists none" in page


@pytest.mark.parametrize("page", ["test", "balance", "models"])
def test_these_pages_are_asked_by_post(console: Client, channel: Channel, page: str) -> None:
    assert console.get(f"{LIST}{channel.pk}/{page}/").status_code == 405
    assert console.post(f"{LIST}999/{page}/").status_code == 404


# --- Several keys ---


@pytest.fixture
def keyed(provider: AnsweringProvider) -> Channel:
    return create_channel(
        {
            "name": "keyed",
            "kind": "openai",
            "base_url": provider.url,
            "key": "sk-first-aaaa\n  sk-second-bbbb \n\nsk-third-cccc\nsk-first-aaaa",
            "models_text": "gpt-4o",
        }
    )


def press(console: Client, channel: Channel, act: str, end: str) -> str:
    """The page after a button beside the key that ends so."""
    state = next((one for one in read_states(channel) if one.end.endswith(end)), None)
    tag = state.tag if state else end
    answer = console.post(f"{LIST}{channel.pk}/keys/", {"act": f"{act}.{tag}"}, follow=True)
    return answer.content.decode()


def enabled(channel: Channel) -> dict[str, bool]:
    return {one.end: one.is_enabled for one in read_states(channel)}


def test_keys_are_shown_by_their_ends_alone(console: Client, keyed: Channel) -> None:
    page = console.get(f"{LIST}{keyed.pk}/change/").content.decode()
    assert page.count("…aaaa") == 1
    assert "…bbbb" in page
    assert "3 keys are stored" in page
    assert "sk-first" not in page
    assert "sk-second" not in page


def test_keys_go_and_come_back_by_hand_and_the_last_one_stays(
    console: Client, keyed: Channel
) -> None:
    press(console, keyed, "disable", "aaaa")
    press(console, keyed, "disable", "bbbb")
    assert "the last key stays" in press(console, keyed, "disable", "cccc")
    assert enabled(keyed) == {"…aaaa": False, "…bbbb": False, "…cccc": True}
    assert "Switched off by hand" in console.get(f"{LIST}{keyed.pk}/change/").content.decode()
    press(console, keyed, "enable", "bbbb")
    press(console, keyed, "remove", "aaaa")
    keyed.refresh_from_db()
    assert keyed.all_keys == ("sk-second-bbbb", "sk-third-cccc")
    assert enabled(keyed) == {"…bbbb": True, "…cccc": True}
    assert "no such key" in press(console, keyed, "remove", "aaaa")
    assert "no such key" in press(console, keyed, "explode", "bbbb")
    assert [act.action for act in AuditEntry.objects.order_by("pk")][-2:] == [
        "channel_key.enable",
        "channel_key.remove",
    ]


def test_keys_are_added_or_replaced(console: Client, keyed: Channel) -> None:
    page = f"{LIST}{keyed.pk}/change/"
    data = form(name="keyed", base_url=keyed.base_url, new_key="sk-fourth-dddd\nsk-third-cccc")
    assert console.post(page, data | {"new_key_adds": "on"}).status_code == 302
    keyed.refresh_from_db()
    assert [key[-4:] for key in keyed.all_keys] == ["aaaa", "bbbb", "cccc", "dddd"]
    assert console.post(page, data).status_code == 302
    keyed.refresh_from_db()
    assert [key[-4:] for key in keyed.all_keys] == ["dddd", "cccc"]


def test_one_wrong_key_among_many_is_told(console: Client) -> None:
    data = form(kind="35", setting_region="us-east-1", new_key="A|b\none|two|three|four")
    assert "new_key" in errors_of(console.post(f"{LIST}add/", data))


def test_tests_take_refused_keys_out_and_bring_good_ones_back(
    provider: AnsweringProvider, keyed: Channel
) -> None:
    disable_key(keyed, read_states(keyed)[0].tag, "credential")
    bad = {"error": {"message": "no", "code": "invalid_api_key"}}
    provider.says["/v1/chat/completions"] = (401, bad)
    run_tests([keyed], acts=True)
    keyed.refresh_from_db()
    assert keyed.status == ChannelStatus.AUTO_DISABLED
    good: dict[str, Any] = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}}]
    }
    good |= {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
    provider.says["/v1/chat/completions"] = (200, good)
    run_tests([keyed], acts=True)
    keyed.refresh_from_db()
    assert keyed.status == ChannelStatus.ENABLED
    assert set(enabled(keyed).values()) == {True}


def test_a_key_that_is_gone_is_not_disabled(keyed: Channel) -> None:
    assert not disable_key(keyed, "0" * 12, "credential")
    assert set(enabled(keyed).values()) == {True}

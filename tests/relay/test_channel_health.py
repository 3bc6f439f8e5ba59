"""Channels that look after themselves: tests, balances, tries again; against a provider that says
what the test wants.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from channels_app.editing import create_channel
from channels_app.jobs import HOLD, TEST, begin_job, report_step, resume_job, take_step
from channels_app.models import Channel, ChannelJob, ChannelStatus
from channels_app.tasks import do_all
from channels_app.testing import NO_RECIPE, act_on, refresh_balances, retest_due, run_tests
from channels_app.testing import (
    testable_channels as all_testable,
)
from chatapi.options.models import Change
from tests.harness.answering_provider import AnsweringProvider, running_answers

pytestmark = pytest.mark.django_db
CHAT = "/v1/chat/completions"

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "total_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": dict.fromkeys(("a", "b", "c", "d"), 0),
    },
}
REFUSAL = {"error": {"message": "no such key: sk-secret-1234", "code": "invalid_api_key"}}


@pytest.fixture
def provider() -> Iterator[AnsweringProvider]:
    with running_answers() as found:
        found.says[CHAT] = (200, ANSWER)
        yield found


def answers(provider: AnsweringProvider, body: Any = ANSWER, status: int = 200) -> None:
    provider.says[CHAT] = (status, body)


def has(provider: AnsweringProvider, total: object, used_cents: object = 0) -> None:
    root = "/v1/dashboard/billing"
    provider.says[f"{root}/subscription"] = (200, {"hard_limit_usd": total})
    provider.says[f"{root}/usage"] = (200, {"total_usage": used_cents})


@pytest.fixture
def channel(provider: AnsweringProvider) -> Channel:
    return new_channel(provider)


def new_channel(provider: AnsweringProvider, **changes: Any) -> Channel:
    values = {
        "name": "c",
        "kind": "openai",
        "base_url": provider.url,
        "key": "sk-secret-1234",
        "models_text": "gpt-4o-mini",
        "groups_text": "default",
        "retest_seconds": 60,
    }
    return create_channel({**values, **changes})


def fresh(channel: Channel) -> Channel:
    return Channel.objects.get(pk=channel.pk)


def published() -> list[str]:
    return [change.key for change in Change.objects.filter(topic="channel")]


# --- Tests ---


def test_a_good_answer_is_noted(provider: AnsweringProvider, channel: Channel) -> None:
    Change.objects.all().delete()
    (found,) = run_tests([channel])
    assert (found.is_ok, found.warnings) == (True, ())
    noted = fresh(channel)
    assert (noted.test_ok, noted.tested_model, noted.test_message) == (True, "gpt-4o-mini", "")
    assert noted.tested_at is not None
    assert noted.test_milliseconds is not None
    # Workers need not reread what only pages show.
    assert published() == []


def test_the_channels_own_test_model_is_asked(provider: AnsweringProvider) -> None:
    channel = new_channel(
        provider, models_text="a,b", test_model="b", model_mapping={"b": "provider-b"}
    )
    run_tests([channel])
    assert provider.asked[-1][1]["model"] == "provider-b"
    run_tests([channel], model="a")
    assert provider.asked[-1][1]["model"] == "a"


def test_a_wrong_snapshot_is_a_warning(provider: AnsweringProvider, channel: Channel) -> None:
    answers(provider, ANSWER | {"model": "gpt-3.5-turbo-0125"})
    (found,) = run_tests([channel], acts=True)
    assert found.is_ok
    assert fresh(channel).test_warnings == [
        [
            "It calls itself %(told)s, not %(expected)s",
            {"told": "gpt-3.5-turbo-0125", "expected": "gpt-4o-mini-2024-07-18"},
        ]
    ]
    assert fresh(channel).status == ChannelStatus.ENABLED


def test_an_embedding_model_is_asked_for_one(provider: AnsweringProvider) -> None:
    channel = new_channel(provider, models_text="text-embedding-3-small")
    provider.says["/v1/embeddings"] = (200, {"data": [{"embedding": [0.5]}]})
    (found,) = run_tests([channel])
    assert found.is_ok
    assert provider.asked == [
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "hi"})
    ]
    provider.says["/v1/embeddings"] = (200, {"data": []})
    assert not run_tests([channel])[0].is_ok


def test_a_refused_key_disables_and_tells_why_without_it(
    provider: AnsweringProvider, channel: Channel
) -> None:
    answers(provider, REFUSAL, 401)
    Change.objects.all().delete()
    run_tests([channel], acts=True)
    noted = fresh(channel)
    assert noted.status == ChannelStatus.AUTO_DISABLED
    assert noted.disabled_reason == "credential: 401 no such key: ***"
    assert published() == [str(channel.pk)]


def test_only_credentials_disable(provider: AnsweringProvider, channel: Channel) -> None:
    for status in (400, 404, 429, 500, 503):
        answers(provider, {"error": {"message": "no"}}, status)
        assert not run_tests([channel], acts=True)[0].is_ok
        assert fresh(channel).status == ChannelStatus.ENABLED, status


def test_a_test_by_hand_switches_nothing(provider: AnsweringProvider, channel: Channel) -> None:
    answers(provider, REFUSAL, 401)
    run_tests([channel])
    assert fresh(channel).status == ChannelStatus.ENABLED
    Channel.objects.update(status=ChannelStatus.AUTO_DISABLED)
    answers(provider)
    run_tests([channel])
    assert fresh(channel).status == ChannelStatus.AUTO_DISABLED


def test_some_may_not_be_disabled(provider: AnsweringProvider) -> None:
    channel = new_channel(provider, auto_ban=False)
    answers(provider, REFUSAL, 401)
    run_tests([channel], acts=True)
    assert fresh(channel).status == ChannelStatus.ENABLED


def test_a_decision_of_an_operator_meanwhile_wins(
    provider: AnsweringProvider, channel: Channel
) -> None:
    answers(provider, REFUSAL, 401)
    Channel.objects.update(status=ChannelStatus.DISABLED)
    run_tests([channel], acts=True)
    assert fresh(channel).status == ChannelStatus.DISABLED
    assert fresh(channel).disabled_reason == ""


# --- Tries again ---


def disabled(provider: AnsweringProvider, channel: Channel) -> datetime:
    """Disabled by a refused key; returns when the first try is due."""
    answers(provider, REFUSAL, 401)
    run_tests([channel], acts=True)
    due = fresh(channel).next_test_at
    assert due is not None
    return due


def test_it_comes_back_when_it_answers_again(provider: AnsweringProvider, channel: Channel) -> None:
    due = disabled(provider, channel)
    assert timedelta(seconds=50) < due - timezone.now() <= timedelta(seconds=60)
    answers(provider)
    assert retest_due() == 0
    Change.objects.all().delete()
    with time_machine.travel(due + timedelta(seconds=1), tick=True):
        assert retest_due() == 1
        assert retest_due() == 0
    noted = fresh(channel)
    assert (noted.status, noted.disabled_reason, noted.failures, noted.next_test_at) == (
        ChannelStatus.ENABLED,
        "",
        0,
        None,
    )
    assert published() == [str(channel.pk)]


def test_each_failed_try_doubles_the_delay(provider: AnsweringProvider, channel: Channel) -> None:
    due = disabled(provider, channel)
    for failures, seconds in ((1, 120), (2, 240)):
        with time_machine.travel(due + timedelta(seconds=1), tick=False):
            retest_due()
            noted = fresh(channel)
            assert noted.failures == failures
            assert noted.next_test_at == timezone.now() + timedelta(seconds=seconds)
            due = noted.next_test_at


def test_without_a_delay_it_stays_disabled(provider: AnsweringProvider) -> None:
    channel = new_channel(provider, retest_seconds=0)
    answers(provider, REFUSAL, 401)
    run_tests([channel], acts=True)
    assert fresh(channel).next_test_at is None
    answers(provider)
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=True):
        assert retest_due() == 0
    Channel.objects.filter(pk=channel.pk).update(retest_seconds=60)
    assert retest_due() == 1


# --- Balances ---


def test_what_is_left_is_noted(provider: AnsweringProvider, channel: Channel) -> None:
    has(provider, 120, 1050.5)
    refresh_balances([channel])
    noted = fresh(channel)
    assert (noted.balance, noted.balance_currency) == (Decimal("109.495"), "USD")
    assert noted.balance_updated_at is not None


def test_an_empty_account_is_disabled_until_it_is_filled(
    provider: AnsweringProvider, channel: Channel
) -> None:
    has(provider, 5, 500)
    refresh_balances([channel])
    noted = fresh(channel)
    assert noted.status == ChannelStatus.AUTO_DISABLED
    assert noted.disabled_reason == "balance: 0.00 USD"
    # It answers still, but that is no reason to come back.
    run_tests([noted], acts=True)
    assert noted.next_test_at is not None
    with time_machine.travel(noted.next_test_at + timedelta(seconds=1), tick=True):
        assert retest_due() == 0
    assert fresh(channel).failures == 1
    has(provider, 25, 500)
    refresh_balances([fresh(channel)])
    assert fresh(channel).status == ChannelStatus.ENABLED


def test_a_balance_that_is_not_told_changes_nothing(
    provider: AnsweringProvider, channel: Channel
) -> None:
    has(provider, 10)
    refresh_balances([channel])
    provider.says["/v1/dashboard/billing/subscription"] = (401, REFUSAL)
    (found,) = refresh_balances([channel])
    assert found.balance is None
    noted = fresh(channel)
    assert (noted.balance, noted.status) == (Decimal(10), ChannelStatus.ENABLED)
    assert noted.balance_message == "credential:401 no such key: ***"


def test_other_kinds_tell_none(provider: AnsweringProvider) -> None:
    channel = new_channel(provider, kind="groq")
    assert refresh_balances([channel])[0].message == NO_RECIPE


# --- Runs ---


def test_all_are_tested_but_those_disabled_by_hand(provider: AnsweringProvider) -> None:
    new_channel(provider, name="good")
    back = new_channel(provider, name="back")
    off = new_channel(provider, name="off")
    Channel.objects.filter(pk=back.pk).update(status=ChannelStatus.AUTO_DISABLED)
    Channel.objects.filter(pk=off.pk).update(status=ChannelStatus.DISABLED)
    call_command("channel", "test", "--all")
    states = {row.name: (row.status, row.test_ok) for row in Channel.objects.all()}
    assert states == {
        "good": (ChannelStatus.ENABLED, True),
        "back": (ChannelStatus.ENABLED, True),
        "off": (ChannelStatus.DISABLED, None),
    }
    job = ChannelJob.objects.get(name=TEST)
    assert (job.total, job.done, job.failed) == (2, 2, 0)
    assert job.finished_at is not None


def test_a_slow_channel_is_disabled_in_a_run_over_all(
    provider: AnsweringProvider, channel: Channel
) -> None:
    (found,) = run_tests([channel])
    slow = type(found)(is_ok=True, model="m", milliseconds=5001)
    act_on(channel, slow, 0)
    assert fresh(channel).status == ChannelStatus.ENABLED
    act_on(channel, slow, 5)
    assert fresh(channel).disabled_reason == "slow: 5001 ms"


def test_two_timetables_begin_one_run(provider: AnsweringProvider, channel: Channel) -> None:
    every = timedelta(minutes=10)
    ticket = begin_job(TEST, [channel.pk], every=every)
    assert ticket is not None
    assert begin_job(TEST, [channel.pk], every=every) is None
    assert do_all(TEST, ticket)
    assert begin_job(TEST, [channel.pk], every=every) is None
    with time_machine.travel(timezone.now() + every, tick=True):
        assert begin_job(TEST, [channel.pk], every=every) is not None


def test_a_message_that_comes_twice_is_done_once(provider: AnsweringProvider) -> None:
    keys = [new_channel(provider, name=str(number)).pk for number in range(3)]
    ticket = begin_job(TEST, keys)
    assert ticket is not None
    first = take_step(TEST, ticket, 2)
    assert first is not None
    assert take_step(TEST, ticket, 2) is None
    following, taken, _ = first
    assert taken == keys[:2]
    assert report_step(TEST, following, 2, 1)
    last = take_step(TEST, following, 2)
    assert last is not None
    assert not report_step(TEST, last[0], 1, 0)
    job = ChannelJob.objects.get(name=TEST)
    assert (job.done, job.failed, job.waiting) == (3, 1, [])


def test_a_run_whose_holder_died_is_replaced(channel: Channel) -> None:
    old = begin_job(TEST, [channel.pk])
    assert begin_job(TEST, [channel.pk]) is None
    with time_machine.travel(timezone.now() + HOLD * 2, tick=True):
        assert begin_job(TEST, [channel.pk]) is not None
        assert take_step(TEST, str(old), 1) is None


def test_a_run_whose_holder_died_goes_on_where_it_was(channel: Channel) -> None:
    keys = [channel.pk, channel.pk + 1]
    old = begin_job(TEST, keys)
    assert old is not None
    taken = take_step(TEST, old, 1)
    assert taken is not None
    assert resume_job(TEST) is None
    with time_machine.travel(timezone.now() + HOLD * 2, tick=True):
        ticket = resume_job(TEST)
        assert ticket is not None
        assert (resume_job(TEST), begin_job(TEST, keys)) == (None, None)
        assert take_step(TEST, taken[0], 1) is None
        last = take_step(TEST, ticket, 2)
        assert last is not None
        assert last[1] == keys[1:]
        assert not report_step(TEST, last[0], 1, 0)
        assert resume_job(TEST) is None


# --- Command line ---


def test_one_run_at_a_time_also_from_the_command_line(channel: Channel) -> None:
    begin_job(TEST, all_testable())
    with pytest.raises(CommandError, match="another run is under way"):
        call_command("channel", "test", "--all")


def test_the_command_line_tells_balances(
    provider: AnsweringProvider, channel: Channel, capsys: pytest.CaptureFixture[str]
) -> None:
    has(provider, 12)
    call_command("channel", "balance", str(channel.pk), "--json")
    assert json.loads(capsys.readouterr().out)["balance"] == "12.000000"
    call_command("channel", "balance", "--all", "--json")
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == [channel.pk]


def test_what_would_not_pass_the_checks_can_be_disabled(channel: Channel) -> None:
    Channel.objects.update(models_text="")
    call_command("channel", "disable", str(channel.pk))
    assert fresh(channel).status == ChannelStatus.DISABLED

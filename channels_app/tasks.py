"""Background work on channels. Tickets and claims make each step happen once, however many
timetables ask for it.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from channels_app.jobs import (
    BALANCE,
    MODELS,
    TEST,
    begin_job,
    report_step,
    resume_job,
    take_step,
)
from channels_app.model_watch import look_at, watchable_channels
from channels_app.models import Channel
from channels_app.testing import (
    channels_with_balance,
    refresh_balances,
    retest_due,
    run_tests,
    testable_channels,
)
from chatapi.options.snapshot import read_values

AT_ONCE = 4
"""Channels in a step, when no pause between two is asked for."""


@shared_task(name="channels.retest")
def rerun_tests() -> int:
    return retest_due()


@shared_task(name="channels.test_when_due")
def test_when_due() -> None:
    """All channels, every CHANNEL_TEST_FREQUENCY minutes; before, what is left of a broken run."""
    hand_on(TEST, resume_job(TEST), 0)
    minutes = settings.ENV.CHANNEL_TEST_FREQUENCY
    if minutes:
        every = timedelta(minutes=minutes)
        hand_on(TEST, begin_job(TEST, testable_channels(), acts=True, every=every), 0)


@shared_task(name="channels.refresh_balances_when_due")
def refresh_balances_when_due() -> None:
    """All balances, every CHANNEL_UPDATE_FREQUENCY minutes."""
    hand_on(BALANCE, resume_job(BALANCE), 0)
    minutes = settings.ENV.CHANNEL_UPDATE_FREQUENCY
    if minutes:
        every = timedelta(minutes=minutes)
        hand_on(BALANCE, begin_job(BALANCE, channels_with_balance(), every=every), 0)


@shared_task(name="channels.watch_models_when_due")
def watch_models_when_due() -> None:
    """All providers' lists of models, every ModelWatchHours hours."""
    hand_on(MODELS, resume_job(MODELS), 0)
    hours = read_values()["ModelWatchHours"]
    if hours:
        every = timedelta(hours=hours)
        hand_on(MODELS, begin_job(MODELS, watchable_channels(), every=every), 0)


@shared_task(name="channels.go_on")
def go_on(name: str, ticket: str) -> None:
    """One step of a run; the next is a message of its own, so that other work comes between."""
    next_ticket = do_step(name, ticket)
    hand_on(name, next_ticket, settings.ENV.POLLING_INTERVAL)


def hand_on(name: str, ticket: str | None, seconds: float) -> None:
    if ticket is not None:
        go_on.apply_async((name, ticket), countdown=seconds)


def do_step(name: str, ticket: str) -> str | None:
    """The ticket for the step after this one; None when nothing is left, or not ours to do."""
    taken = take_step(name, ticket, 1 if settings.ENV.POLLING_INTERVAL else AT_ONCE)
    if taken is None:
        return None
    ticket, keys, acts = taken
    channels = list(Channel.objects.filter(pk__in=keys))
    failed = WORK[name](channels, acts)
    return ticket if report_step(name, ticket, len(keys), failed) else None


def do_all(name: str, ticket: str | None) -> bool:
    """A whole run here and now, for the command line; tells whether it was ours to do."""
    if ticket is None:
        return False
    while True:
        ticket = do_step(name, ticket)
        if ticket is None:
            return True
        time.sleep(settings.ENV.POLLING_INTERVAL)


def _test(channels: Sequence[Channel], acts: bool) -> int:  # noqa: FBT001 -- a step's shape
    return sum(not result.is_ok for result in run_tests(channels, acts=acts))


def _refresh(channels: Sequence[Channel], acts: bool) -> int:  # noqa: ARG001, FBT001 -- a step's shape
    return sum(result.balance is None for result in refresh_balances(channels))


def _look(channels: Sequence[Channel], acts: bool) -> int:  # noqa: ARG001, FBT001 -- a step's shape
    return look_at(channels)


WORK: dict[str, Callable[[Sequence[Channel], bool], int]] = {
    TEST: _test,
    BALANCE: _refresh,
    MODELS: _look,
}

"""Deletes responses whose hours are over, in steps of a second or two."""

from datetime import timedelta

from celery import shared_task

from chatapi.console.jobs import begin_job, work_on
from chatapi.console.task_notes import STEPPED
from relay.response_store import forget_expired_responses

NAME = "relay.forget_responses"
EXPIRED = "expired"
EVERY = timedelta(minutes=4)
"""The timetable asks every five, on every node."""
STEPPED.add(NAME)


@shared_task(name=NAME)
def forget_responses() -> None:
    """Begins a run, unless one is under way or was a short while ago."""
    ticket = begin_job(NAME, (EXPIRED,), every=EVERY)
    if ticket is not None:
        go_on.delay(ticket)


@shared_task(name="relay.forget_responses_on")
def go_on(ticket: str) -> None:
    """One step; the next is a message of its own, so that other work comes between."""
    next_ticket = do_step(ticket)
    if next_ticket is not None:
        go_on.delay(next_ticket)


def do_step(ticket: str) -> str | None:
    """The ticket for the step after this one; None when nothing is left, or not ours to do."""
    return work_on(NAME, ticket, lambda _: forget_expired_responses())

"""Deletes prompts and answers whose user is deleted or whose days are over, in steps of a second
or two.
"""

from datetime import timedelta

from celery import shared_task
from django.db.models import QuerySet
from django.utils import timezone

from chatapi.accounts.models import User
from chatapi.console.jobs import begin_job, work_on
from chatapi.console.task_notes import STEPPED
from chatapi.options.snapshot import read_values
from relay.models import CallText

NAME = "relay.forget_texts"
DELETED, OLD = "deleted", "old"
STEP = 200
"""Rows at a time: each may have 170 KB."""
EVERY = timedelta(minutes=4)
"""The timetable asks every five, on every node."""
STEPPED.add(NAME)


@shared_task(name=NAME)
def forget_texts() -> None:
    """Begins a run, unless one is under way or was a short while ago."""
    ticket = begin_job(NAME, (DELETED, OLD), every=EVERY)
    if ticket is not None:
        go_on.delay(ticket)


@shared_task(name="relay.forget_texts_on")
def go_on(ticket: str) -> None:
    """One step; the next is a message of its own, so that other work comes between."""
    next_ticket = do_step(ticket)
    if next_ticket is not None:
        go_on.delay(next_ticket)


def do_step(ticket: str) -> str | None:
    """The ticket for the step after this one; None when nothing is left, or not ours to do."""
    return work_on(NAME, ticket, lambda part: delete_some(find_rows(part)))


def find_rows(part: str) -> QuerySet[CallText]:
    """Those that are to go. A worker may write of a user who was deleted a moment ago."""
    if part == DELETED:
        gone = User.objects.filter(deleted_at__isnull=False)
        return CallText.objects.filter(user_id__in=gone.values("pk"))
    days = read_values()["ContentRetentionDays"]
    if not days:
        return CallText.objects.none()
    before = timezone.now() - timedelta(days=days)
    return CallText.objects.filter(created_at__lt=before).order_by("created_at")


def delete_some(rows: QuerySet[CallText]) -> int:
    keys = list(rows.values_list("pk", flat=True)[:STEP])
    CallText.objects.filter(pk__in=keys).delete()
    return len(keys)

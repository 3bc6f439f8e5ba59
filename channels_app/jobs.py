"""Runs over many channels: one at a time of each name, in small steps that any worker may take, and
whose progress everybody sees.

A ticket is the right to take the next step. It is handed on by replacing it, so that a message that
is delivered twice, or two timetables, take each step once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction

from channels_app.models import ChannelJob
from chatapi.lib.database_clock import database_now
from notifications.outbox import tell

TEST, BALANCE, MODELS = "test", "balance", "models"
HOLD = timedelta(minutes=10)
"""Longer than a step and the pause before it; a run whose holder died goes on after it."""


def begin_job(
    name: str, channels: Sequence[int], *, acts: bool = False, every: timedelta | None = None
) -> str | None:
    """A ticket for a new run over these channels; None while another is under way, or when the last
    one began less than `every` ago.
    """
    now = database_now()
    ticket = uuid4().hex
    with transaction.atomic():
        ChannelJob.objects.get_or_create(name=name)
        job = ChannelJob.objects.select_for_update().get(name=name)
        if is_running(job, now) or (every and job.started_at and now - job.started_at < every):
            return None
        job.holder, job.held_until = ticket, now + HOLD
        job.started_at, job.finished_at = now, None
        job.waiting, job.total = list(channels), len(channels)
        job.done = job.failed = 0
        job.acts = acts
        job.tells = name == TEST and acts and every is None
        job.save()
    return ticket


def resume_job(name: str) -> str | None:
    """A ticket for the rest of a run whose holder died with its message; None without one."""
    with transaction.atomic():
        job = ChannelJob.objects.select_for_update().filter(name=name).first()
        now = database_now()
        if job is None or not is_broken_off(job, now):
            return None
        job.holder, job.held_until = uuid4().hex, now + HOLD
        job.save(update_fields=["holder", "held_until"])
    return job.holder


def take_step(name: str, ticket: str, size: int) -> tuple[str, list[int], bool] | None:
    """(the next ticket, channels to do now, whether results act); None for a ticket that is no
    longer valid. What is taken is not given again, whatever becomes of the step.
    """
    now = database_now()
    with transaction.atomic():
        job = ChannelJob.objects.select_for_update().filter(name=name, holder=ticket).first()
        if job is None or job.finished_at is not None:
            return None
        taken, job.waiting = job.waiting[:size], job.waiting[size:]
        job.holder, job.held_until = uuid4().hex, now + HOLD
        job.save(update_fields=["holder", "held_until", "waiting"])
    return job.holder, taken, job.acts


def report_step(name: str, ticket: str, done: int, failed: int) -> bool:
    """Counts what was done; tells whether more is waiting. The last step ends the run."""
    with transaction.atomic():
        job = ChannelJob.objects.select_for_update().filter(name=name, holder=ticket).first()
        if job is None:
            return False
        job.done += done
        job.failed += failed
        if not job.waiting:
            job.finished_at, job.held_until = database_now(), None
            tell_end(job)
        job.save(update_fields=["done", "failed", "finished_at", "held_until"])
        return bool(job.waiting)


def tell_end(job: ChannelJob) -> None:
    if job.tells:
        passed = job.done - job.failed
        tell("test_report", {"total": job.done, "passed": passed, "failed": job.failed})


def is_running(job: ChannelJob, now: datetime) -> bool:
    return job.finished_at is None and job.held_until is not None and job.held_until > now


def is_broken_off(job: ChannelJob, now: datetime) -> bool:
    return job.finished_at is None and job.started_at is not None and not is_running(job, now)

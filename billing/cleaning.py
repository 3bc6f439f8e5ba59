"""Deletes old rows, each kind after its own number of days, in steps of a second or two.

Usage leaves by way of the archive, so that the books of every balance still agree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.db.models import QuerySet
from django.utils import timezone

from billing.archive import archive_step
from billing.models import HourlyTotal, HourlyUsage, Usage, UsageStatus
from billing.usage_status import of_status
from chatapi.console.jobs import begin_job, report_part, work_on
from chatapi.console.models import AuditEntry
from chatapi.console.task_notes import STEPPED
from chatapi.options.snapshot import read_values

NAME = "billing.clean"
STEP = 5000
EVERY = timedelta(minutes=50)
"""The timetable asks every hour, on every node."""
STEPPED.add(NAME)


@dataclass(frozen=True, slots=True)
class Cleaner:
    """What is cleaned: the option with its days, and a step that says how many rows went."""

    option: str
    step: Callable[[datetime], int]


def delete_oldest(rows: QuerySet[Any], order: str = "pk") -> int:
    """At most STEP rows, the oldest first."""
    keys = list(rows.order_by(order).values_list("pk", flat=True)[:STEP])
    QuerySet(rows.model).filter(pk__in=keys).delete()
    return len(keys)


def clean_errors(before: datetime) -> int:
    """Failed calls that cost nothing: no balance knows of them."""
    failed = of_status(Usage.objects.filter(created_at__lt=before), UsageStatus.FAILED)
    return delete_oldest(failed.filter(amount=0, uncollected_units=0), "created_at")


def clean_statistics(before: datetime) -> int:
    found = delete_oldest(HourlyUsage.objects.filter(hour_at__lt=before))
    return found or delete_oldest(HourlyTotal.objects.filter(hour_at__lt=before))


def clean_audit(before: datetime) -> int:
    return delete_oldest(AuditEntry.objects.filter(at__lt=before))


CLEANERS: Mapping[str, Cleaner] = {
    "usage": Cleaner("LogRetentionDays", archive_step),
    "errors": Cleaner("ErrorLogRetentionDays", clean_errors),
    "statistics": Cleaner("StatisticsRetentionDays", clean_statistics),
    "audit": Cleaner("AuditRetentionDays", clean_audit),
}


@shared_task(name=NAME)
def clean(*, forced: bool = False) -> None:
    """Begins a run, unless one is under way or was a short while ago."""
    values = read_values()
    parts = [name for name, cleaner in CLEANERS.items() if values[cleaner.option]]
    ticket = begin_job(NAME, parts, every=None if forced else EVERY)
    if ticket is not None and parts:
        go_on.delay(ticket)
    elif ticket is not None:
        report_part(NAME, ticket, count=0, is_ended=True)


@shared_task(name="billing.clean_on")
def go_on(ticket: str) -> None:
    """One step; the next is a message of its own, so that other work comes between."""
    next_ticket = do_step(ticket)
    if next_ticket is not None:
        go_on.delay(next_ticket)


def do_step(ticket: str) -> str | None:
    """The ticket for the step after this one; None when nothing is left, or not ours to do."""
    return work_on(NAME, ticket, clean_some)


def clean_some(part: str) -> int:
    """One step of one kind; the number of rows."""
    cleaner = CLEANERS[part]
    days = read_values()[cleaner.option]
    return cleaner.step(timezone.now() - timedelta(days=days)) if days else 0

"""Long background work in small steps: one run of each name at a time, whoever asks for it.

A ticket is the right to the next step. It is replaced with each step, so that a message delivered
twice, two timetables or two nodes take each step once; a run whose holder died is over after HOLD.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import DatabaseError, transaction

from chatapi.console.models import TaskRun
from chatapi.lib.database_clock import database_now

HOLD = timedelta(minutes=5)
"""Longer than any step."""
WORK_SECONDS = 1.0


def begin_job(name: str, parts: Sequence[str], *, every: timedelta | None = None) -> str | None:
    """A ticket for a new run over these parts; None while another is under way, or when the last
    one began less than `every` ago.
    """
    now = database_now()
    ticket = uuid4().hex
    TaskRun.objects.get_or_create(name=name)
    with transaction.atomic():
        run = TaskRun.objects.select_for_update().get(name=name)
        if is_under_way(run) or (every and run.started_at and now - run.started_at < every):
            return None
        run.holder, run.held_until = ticket, now + HOLD
        run.started_at, run.finished_at = now, None
        run.waiting, run.total, run.done = list(parts), len(parts), 0
        run.milliseconds, run.result, run.error = None, "", ""
        run.save()
    return ticket


def work_on(name: str, ticket: str, step: Callable[[str], int]) -> str | None:
    """Takes steps of the next part for a second or so: `step(part)` says how many rows it had, and
    0 ends the part. Returns the ticket for going on; None when nothing is left, or not ours to do.
    """
    taken = take_part(name, ticket)
    if taken is None:
        return None
    ticket, part = taken
    count, is_ended, problem = 0, False, ""
    deadline = time.monotonic() + WORK_SECONDS
    while not is_ended and time.monotonic() < deadline:
        try:
            found = step(part)
        except DatabaseError as error:
            # The next run tries again; the other parts are not to wait for it.
            found, problem = 0, f"{part}: {error}"
        count += found
        is_ended = found == 0
    goes_on = report_part(name, ticket, count=count, is_ended=is_ended, error=problem)
    return ticket if goes_on else None


def take_part(name: str, ticket: str) -> tuple[str, str] | None:
    """(the next ticket, the part to work on); None when the ticket is no longer valid. The part
    stays the first until `end_part`.
    """
    with transaction.atomic():
        run = _held(name, ticket)
        if run is None or not run.waiting:
            return None
        run.holder, run.held_until = uuid4().hex, database_now() + HOLD
        run.save(update_fields=["holder", "held_until"])
        return run.holder, run.waiting[0]


def report_part(name: str, ticket: str, *, count: int, is_ended: bool, error: str = "") -> bool:
    """Adds what was done; tells whether anything is left. The last part ends the run."""
    with transaction.atomic():
        run = _held(name, ticket)
        if run is None:
            return False
        run.done += count
        run.error = (error or run.error)[:500]
        if is_ended:
            run.waiting = run.waiting[1:]
        if not run.waiting:
            now = database_now()
            run.finished_at, run.held_until = now, None
            run.milliseconds = _milliseconds(now - (run.started_at or now))
            run.result = str(run.done)
        run.save()
        return bool(run.waiting)


def is_under_way(run: TaskRun) -> bool:
    held = run.held_until is not None and run.held_until > database_now()
    return run.finished_at is None and held


def is_broken_off(run: TaskRun) -> bool:
    return run.finished_at is None and run.started_at is not None and not is_under_way(run)


def note_run(name: str, seconds: float, result: Any, error: str) -> None:
    """What a short run took and gave."""
    now = database_now()
    TaskRun.objects.update_or_create(
        name=name,
        defaults={
            "started_at": now - timedelta(seconds=seconds),
            "finished_at": now,
            "milliseconds": _milliseconds(timedelta(seconds=seconds)),
            "result": "" if result is None else str(result)[:200],
            "error": error[:500],
        },
    )


def _held(name: str, ticket: str) -> TaskRun | None:
    rows = TaskRun.objects.select_for_update().filter(name=name, holder=ticket)
    return rows.filter(finished_at=None).first()


def _milliseconds(span: timedelta) -> int:
    return max(0, int(span.total_seconds() * 1000))

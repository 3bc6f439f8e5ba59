"""Notes each run of the timetable, so that the console can show what ran when and how it ended.

Work that runs every few seconds is noted once in a while, and always when it failed or took long.
"""

import time
from typing import Any

import structlog
from celery.signals import task_postrun, task_prerun
from django.conf import settings
from django.db import DatabaseError

from chatapi.console.jobs import note_run

QUIET_SECONDS = 30.0
LONG_SECONDS = 1.0
log = structlog.get_logger("tasks")

_began: dict[str, float] = {}
_noted: dict[str, float] = {}


def timetable_names() -> dict[str, float]:
    """Celery's name of each piece of the timetable -> seconds between two runs."""
    rows: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    return {row["task"]: float(row["schedule"]) for row in rows.values()}


@task_prerun.connect(weak=False, dispatch_uid="note-begin")
def note_begin(task_id: str, **_: Any) -> None:
    _began[task_id] = time.monotonic()


@task_postrun.connect(weak=False, dispatch_uid="note-end")
def note_end(task_id: str, task: Any, retval: Any = None, state: str = "", **_: Any) -> None:
    now = time.monotonic()
    seconds = now - _began.pop(task_id, now)
    name = task.name
    if name not in timetable_names() or name in STEPPED:
        return
    error = "" if state == "SUCCESS" else str(retval)
    is_fresh = now - _noted.get(name, -QUIET_SECONDS) < QUIET_SECONDS
    if is_fresh and not error and seconds < LONG_SECONDS:
        return
    try:
        note_run(name, seconds, retval, error)
    except DatabaseError as problem:
        log.warning("run_not_noted", task=name, error=str(problem)[:200])
        return
    _noted[name] = now


STEPPED: set[str] = set()
"""Names of work in steps, which writes its own row."""

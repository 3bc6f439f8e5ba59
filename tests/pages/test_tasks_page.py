"""The page of tasks: what ran, what runs, and asking for a run now."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from celery import current_app
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from channels_app.models import ChannelJob
from chatapi.accounts.models import User
from chatapi.console.jobs import begin_job, note_run, report_part, take_part
from chatapi.console.models import AuditEntry, TaskRun
from chatapi.console.task_notes import timetable_names

pytestmark = pytest.mark.django_db
TASKS = "/admin/console/taskrun/"
HOSTILE = "<script>alert(1)</script>"


def text_of(console: Client, path: str = TASKS) -> str:
    return console.get(path).content.decode()


@pytest.fixture(autouse=True)
def loaded() -> None:
    """As the background worker does before it begins."""
    current_app.loader.import_default_modules()


def test_every_task_of_the_timetable_exists() -> None:
    assert timetable_names().keys() - current_app.tasks.keys() == set()


def test_the_last_run_of_each_is_shown(console: Client) -> None:
    assert "is the background worker running?" in text_of(console)
    note_run("billing.audit", 0.25, 0, "")
    note_run("notifications.send", 2, None, HOSTILE)
    page = text_of(console)
    assert "is the background worker running?" not in page
    assert "250 ms" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_a_run_is_noted_when_the_worker_did_it() -> None:
    current_app.tasks["billing.forget_changes"].apply()
    run = TaskRun.objects.get(name="billing.forget_changes")
    assert run.finished_at is not None
    assert run.error == ""


def test_the_page_tells_of_a_run_in_steps_and_of_one_that_broke_off(console: Client) -> None:
    ticket = begin_job("billing.clean", ["usage", "audit"])
    assert ticket is not None
    taken = take_part("billing.clean", ticket)
    assert taken is not None
    report_part("billing.clean", taken[0], count=4321, is_ended=True)
    page = text_of(console, f"{TASKS}rows/")
    assert '<progress value="1" max="2"' in page
    assert "4321" in page
    assert 'hx-trigger="every 2s"' in page
    TaskRun.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    page = text_of(console)
    assert "broken off" in page
    assert 'hx-trigger="every 15s"' in page


def test_runs_over_channels_are_shown_too(console: Client) -> None:
    ChannelJob.objects.create(name="test", started_at=timezone.now(), total=9, done=4, failed=1)
    page = text_of(console)
    assert "Testing channels" in page
    assert "4 of 9" in page


def test_root_asks_for_a_run_now(console: Client) -> None:
    answer = console.post(f"{TASKS}billing.audit/run/", follow=True)
    assert "Handed to the background worker" in answer.content.decode()
    assert AuditEntry.objects.get(action="task.run").note == "billing.audit"
    assert console.get(f"{TASKS}billing.audit/run/").status_code == 405
    for name in ("channels.go_on", "celery.backend_cleanup", "<script>", "x"):
        assert console.post(f"{TASKS}{name}/run/").status_code == 404


def test_a_queue_that_is_away_is_told(console: Client, settings: Settings) -> None:
    class Away:
        def apply_async(self, **_: object) -> None:
            from kombu.exceptions import OperationalError  # noqa: PLC0415 -- here alone

            raise OperationalError("no broker")

    kept = current_app.tasks["billing.audit"]
    current_app.tasks["billing.audit"] = Away()  # type: ignore[assignment]
    try:
        answer = console.post(f"{TASKS}billing.audit/run/", follow=True)
    finally:
        current_app.tasks["billing.audit"] = kept
    assert "The queue can" in answer.content.decode()


def test_others_neither_see_nor_run(as_user: Callable[[User], Client], alice: User) -> None:
    browser = as_user(alice)
    for path in (TASKS, f"{TASKS}rows/"):
        assert browser.get(path).status_code in {302, 403, 404}
    assert browser.post(f"{TASKS}billing.audit/run/").status_code in {302, 403, 404}
    assert not AuditEntry.objects.exists()

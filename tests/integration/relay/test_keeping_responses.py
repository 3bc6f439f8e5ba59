"""Responses that were kept leave real databases when their time is over, in small steps."""

import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from chatapi.console.jobs import begin_job
from chatapi.console.models import TaskRun
from chatapi.console.task_titles import TITLES
from relay.models import StoredResponse
from relay.response_cleaning import EXPIRED, NAME, do_step
from relay.response_store import STEP, forget_expired_responses

pytestmark = pytest.mark.usefixtures("database")


def keep(count: int, hours: int) -> None:
    ends = timezone.now() + timedelta(hours=hours)
    StoredResponse.objects.bulk_create(
        StoredResponse(response_id=uuid.uuid4().hex, user_id=1, channel_id=1, expires_at=ends)
        for _ in range(count)
    )


def test_expired_responses_are_deleted_in_steps() -> None:
    StoredResponse.objects.all().delete()
    keep(2 * STEP + 20, hours=-1)
    keep(3, hours=1)
    assert forget_expired_responses() == STEP
    ticket = begin_job(NAME, (EXPIRED,))
    while ticket is not None:
        ticket = do_step(ticket)
    assert TaskRun.objects.get(name=NAME).result == str(STEP + 20)
    assert StoredResponse.objects.count() == 3


def test_the_timetable_asks_for_it_by_its_title() -> None:
    tasks = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert NAME in tasks & TITLES.keys()

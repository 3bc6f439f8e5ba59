"""The user's Midjourney tasks."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chatapi.web.api.drawings import picture_path
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.paging import read_page
from relay.midjourney.words import action_word, speed_word, status_word
from relay.models import MidjourneyTask

TONES = {"SUCCESS": "good", "FAILURE": "bad", "IN_PROGRESS": "accent", "SUBMITTED": "accent"}


@require_safe
@login_required
def show_drawings(request: HttpRequest) -> HttpResponse:
    read_frame(request)
    text = request.GET.get("q", "").strip().replace("\x00", "")[:64]
    rows = MidjourneyTask.objects.filter(user_id=request.user.pk or 0)
    if text:
        rows = rows.filter(mj_id=text)
    page = read_page(request, rows)
    for task in page.rows:
        describe(task)
    return render(request, "user/drawings.html", {"page": page, "text": text})


def describe(task: Any) -> None:
    """What the list shows besides the columns: words, a tone, a picture, a percentage, seconds."""
    task.status_word = status_word(task)
    task.action_word = action_word(task)
    task.speed_word = speed_word(task)
    task.picture = picture_path(task)
    task.tone = TONES.get(task.status, "plain")
    digits = task.progress.rstrip("%")
    task.percent = min(int(digits), 100) if digits.isascii() and digits.isdecimal() else 0
    is_timed = task.finish_time > task.submit_time > 0
    task.milliseconds = task.finish_time - task.submit_time if is_timed else None

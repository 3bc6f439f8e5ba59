"""The user's Midjourney tasks."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from chatapi.web.api.drawings import picture_path
from chatapi.web.pages.frame import read_frame
from chatapi.web.pages.paging import read_page
from relay.models import MidjourneyTask

TONES = {"SUCCESS": "good", "FAILURE": "bad", "IN_PROGRESS": "accent", "SUBMITTED": "accent"}

STATUSES = {
    "NOT_START": _("not started"),
    "SUBMITTED": _("queued"),
    "MODAL": _("waiting for input"),
    "IN_PROGRESS": _("drawing"),
    "SUCCESS": _("done"),
    "FAILURE": _("failed"),
}
ACTIONS = {
    "IMAGINE": pgettext_lazy("drawing", "Imagine"),
    "UPSCALE": pgettext_lazy("drawing", "Upscale"),
    "VARIATION": pgettext_lazy("drawing", "Variation"),
    "REROLL": pgettext_lazy("drawing", "Reroll"),
    "BLEND": pgettext_lazy("drawing", "Blend"),
    "DESCRIBE": pgettext_lazy("drawing", "Describe"),
    "SHORTEN": pgettext_lazy("drawing", "Shorten"),
    "INPAINT": pgettext_lazy("drawing", "Inpaint"),
    "CUSTOMZOOM": pgettext_lazy("drawing", "Custom zoom"),
    "MODAL": pgettext_lazy("drawing", "Dialog"),
    "ACTION": pgettext_lazy("drawing", "Button"),
    "SWAPFACE": pgettext_lazy("drawing", "Face swap"),
    "UPLOADS": pgettext_lazy("drawing", "Upload"),
}
SPEEDS = {
    "fast": pgettext_lazy("drawing", "fast"),
    "turbo": pgettext_lazy("drawing", "turbo"),
    "relax": pgettext_lazy("drawing", "relaxed"),
}
"""What Midjourney's words are called; others are shown as they are."""


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
    task.status_word = STATUSES.get(task.status, task.status.lower())
    task.action_word = ACTIONS.get(task.action, task.action.lower())
    task.speed_word = SPEEDS.get(task.mode.lower(), task.mode.lower())
    task.picture = picture_path(task)
    task.tone = TONES.get(task.status, "plain")
    digits = task.progress.rstrip("%")
    task.percent = min(int(digits), 100) if digits.isascii() and digits.isdecimal() else 0
    is_timed = task.finish_time > task.submit_time > 0
    task.milliseconds = task.finish_time - task.submit_time if is_timed else None

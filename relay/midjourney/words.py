"""What Midjourney's words are called; others are shown as they are."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from relay.models import MidjourneyTask

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


def status_word(task: MidjourneyTask) -> Any:
    return STATUSES.get(task.status, task.status.lower())


def action_word(task: MidjourneyTask) -> Any:
    return ACTIONS.get(task.action, task.action.lower())


def speed_word(task: MidjourneyTask) -> Any:
    return SPEEDS.get(task.mode.lower(), task.mode.lower())

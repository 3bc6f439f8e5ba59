"""The background worker and its timetable."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_embedded_init, setup_logging, worker_init, worker_ready

WATCH_SECONDS = 5.0
EX_FAILURE = 1

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapi.settings")

app = Celery("chatapi")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["billing", "channels_app", "chatapi.accounts", "notifications", "relay"])


@setup_logging.connect
def use_our_logs(**_: Any) -> None:
    from django.conf import settings  # noqa: PLC0415 -- after the settings module is named

    from chatapi.lib.logs import configure_logs  # noqa: PLC0415

    configure_logs(settings.ENV.LOG_LEVEL)


@worker_init.connect
def end_with_serve(**_: Any) -> None:
    """And the timetable, a process of the worker's, with the worker: else a worker that was killed
    would leave one behind that fills the queue for ever.
    """
    from chatapi.lib.process import die_with, die_with_parent  # noqa: PLC0415

    die_with_parent()
    worker = os.getpid()
    beat_embedded_init.connect(lambda **_: die_with(worker), weak=False)


@worker_ready.connect
def watch_timetable(sender: Any, **_: Any) -> None:
    """Nobody else would notice that it died: without it nothing is begun any more."""
    beat = sender.controller.beat
    if beat is not None:
        sender.timer.call_repeatedly(WATCH_SECONDS, _end_without, (beat,))


def _end_without(beat: Any) -> None:
    """Whoever started the worker starts both again."""
    from celery.worker import state  # noqa: PLC0415 -- web workers need none of it

    if state.should_stop is None and not beat.is_alive():
        state.should_stop = EX_FAILURE  # type: ignore[assignment] # it says None for unset

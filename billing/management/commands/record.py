"""manage.py record: ships this node's journals into the database, until stopped."""

import signal
import threading
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from billing.meters import RecorderMeters
from billing.nodes import TELL_SECONDS, NodeVoice
from billing.recorder import Recorder
from chatapi.lib.logs import configure_logs
from chatapi.lib.node import node_name
from chatapi.lib.process import die_with_parent

METERS_SECONDS = 2.0


class Command(BaseCommand):
    help = "Ship this node's journals into the database. `serve` runs it; one per node."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        configure_logs(settings.ENV.LOG_LEVEL)
        folder = settings.DATA_DIR / "metrics"
        folder.mkdir(exist_ok=True)
        meters = RecorderMeters()
        voice = NodeVoice(node_name(settings.DATA_DIR))
        recorder = Recorder(
            settings.DATA_DIR / "journal",
            voice.name,
            interval=settings.ENV.ship_seconds,
            on_shipped=meters.count,
        )
        recorder.add_chore(TELL_SECONDS, lambda: voice.tell(recorder.lag_bytes()))
        recorder.add_chore(METERS_SECONDS, lambda: meters.write(folder, recorder.lag_bytes()))

        def stop(number: int, frame: FrameType | None) -> None:
            recorder.stopping.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN if die_with_parent() else stop)
        # A thread, so that the main thread hears signals while a shipment runs.
        thread = threading.Thread(target=recorder.run, name="recorder")
        thread.start()
        while thread.is_alive():
            thread.join(0.5)

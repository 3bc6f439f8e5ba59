"""manage.py serve: everything that one machine needs, in one command."""

import shutil
import socket
import sys
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from chatapi.lib.logs import configure_logs
from chatapi.options.key_ring_check import WrongKeyRing
from chatapi.web.startup import SchemaOutdated, prepare
from chatapi.web.supervisor import Child, Supervisor, manage, open_listener

PARTS = ("web", "recorder", "worker")

log = structlog.get_logger("serve")


class Command(BaseCommand):
    help = "Migrate, make the first administrator, run web workers, recorder, background worker."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only", action="append", choices=PARTS, help="run only this part; may be repeated"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        env = settings.ENV
        configure_logs(env.LOG_LEVEL)
        try:
            prepare()
        except (SchemaOutdated, WrongKeyRing) as error:
            raise CommandError(str(error), returncode=2) from error
        except DatabaseError as error:
            msg = f"the database can't be used: {error}"
            raise CommandError(msg) from error
        connections.close_all()
        parts = options["only"] or PARTS
        listener = open_port() if "web" in parts else None
        web = make_web(listener.fileno()) if listener is not None else []
        helpers = [Child("recorder", manage("record"))] if "recorder" in parts else []
        if "worker" in parts:
            helpers.append(Child("worker", celery_command()))
        log.info(
            "serving",
            host=env.HOST,
            port=env.PORT,
            workers=len(web),
            data_dir=str(settings.DATA_DIR),
        )
        Supervisor(web, helpers, float(env.SHUTDOWN_GRACE), listener).run()


def open_port() -> socket.socket:
    env = settings.ENV
    try:
        return open_listener(env.HOST, env.PORT)
    except OSError as error:
        msg = f"port {env.PORT} can't be opened: {error.strerror}"
        raise CommandError(msg) from error


def make_web(fd: int) -> list[Child]:
    """The web workers, all on one socket."""
    # Numbers of processes that are gone would be shown for ever.
    shutil.rmtree(settings.DATA_DIR / "metrics", ignore_errors=True)
    return [
        Child(f"web-{row}", manage("web", "--fd", str(fd)), {"CHATAPI_WORKER": str(row)}, (fd,))
        for row in range(settings.ENV.web_workers)
    ]


def celery_command() -> list[str]:
    level = settings.ENV.LOG_LEVEL
    return [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "chatapi",
        "--quiet",
        "worker",
        "-B",
        "-l",
        level,
    ]

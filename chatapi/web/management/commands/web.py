"""manage.py web: one web worker process, on a socket that `serve` opened."""

import socket
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from chatapi.lib.logs import configure_logs
from chatapi.lib.process import die_with_parent, ignore_interrupt
from relay.protocol import LimitedProtocol

KEEP_ALIVE_SECONDS = 75
ACCEPTS = 16
"""New connections in one turn of the loop: libuv takes one from each listening handle. With too
much to do, a single one would leave them waiting for seconds, unseen by `relay.overload`.
"""


class Command(BaseCommand):
    help = "One web worker. `serve` starts it; by itself it needs --fd."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fd", type=int, required=True, help="number of the listening socket")

    def handle(self, *args: Any, **options: Any) -> None:
        configure_logs(settings.ENV.LOG_LEVEL)
        listener = socket.socket(fileno=options["fd"])
        # All workers share this: were it blocking for a moment (`dup` makes it so, unless told
        # first), one that looks in vain for a connection would stand still until the next comes.
        listener.settimeout(0)
        server = uvicorn.Server(
            uvicorn.Config(
                "chatapi.asgi:application",
                http=LimitedProtocol,
                loop="uvloop",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=settings.ENV.SHUTDOWN_GRACE,
                ws_max_size=16 * 1024 * 1024,
            )
        )
        if die_with_parent():
            # Ctrl-C reaches the whole group: only `serve` decides when to stop.
            server.handle_exit = ignore_interrupt(server.handle_exit)  # type: ignore[assignment]
        server.run(sockets=[listener, *(listener.dup() for _ in range(ACCEPTS - 1))])

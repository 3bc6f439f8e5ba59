"""Who answers what: calls go to the relay, pages to Django; one gateway per worker process."""

import gc
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapi.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.signals import request_finished

from chatapi.lib.database_threads import close_connections
from chatapi.lib.metrics_folder import use_metrics_folder

use_metrics_folder(settings.DATA_DIR / "metrics")
django_application = get_asgi_application()
request_finished.connect(close_connections, dispatch_uid="close-connections")

from channels_app import resting
from chatapi.web import callbacks
from chatapi.web.body_limit import answer_limited, most_page_bytes
from relay import asgi as relay_asgi
from relay.gateway import Gateway
from relay.health import answer_health
from relay.housekeeping import Housekeeping
from relay.http import Receive, Scope, Send
from relay.realtime import entry as realtime

HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Application:
    """The ASGI application; its lifespan opens and closes the gateway."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self._housekeeping: Housekeeping | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            path = scope["path"]
            if relay_asgi.is_call(path):
                await relay_asgi.answer(scope, receive, send, self._open_gateway())
            elif path in HEALTH_PATHS:
                await answer_health(scope, receive, send, self.gateway)
            else:
                is_notice = path in callbacks.PATHS
                application: Any = django_application
                most = callbacks.MOST_BYTES if is_notice else most_page_bytes(path)
                await answer_limited(application, scope, receive, send, most_bytes=most)
        elif kind == "lifespan":
            await self._live(receive, send)
        elif kind == "websocket" and relay_asgi.is_call(scope["path"]):
            await realtime.answer(scope, receive, send, self._open_gateway())
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message: Any = await receive()
            if message["type"] == "lifespan.startup":
                await self._open()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _open(self) -> None:
        self.gateway = await Gateway.open()
        self.gateway.share_limits()
        await self.gateway.read_days()
        resting.watch(self.gateway.health)
        self._housekeeping = Housekeeping(self.gateway)
        self._housekeeping.start()
        # What was loaded so far lives for ever: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        # Calls free their objects by themselves; the default of 700 would look through them all the
        # time.
        gc.set_threshold(20_000, 20, 50)

    async def _close(self) -> None:
        try:
            if self._housekeeping is not None:
                await self._housekeeping.stop()
        finally:
            await self._open_gateway().close()

    def _open_gateway(self) -> Gateway:
        if self.gateway is None:
            msg = "the server does not run ASGI's lifespan, which opens the gateway"
            raise RuntimeError(msg)
        return self.gateway


application = Application()

"""What a web worker does beside its calls: reads the change feed, beats, returns idle credit, notes
progress.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError

from channels_app.sharing import Board, FolderBoard, RedisBoard, Sharing
from chatapi.lib.node import node_name
from chatapi.lib.trouble import Trouble
from chatapi.options.feed import NUDGE_CHANNEL
from relay import meters, settlement
from relay.call_log import call_log
from relay.errors import CallRefused
from relay.gateway import Gateway

log = structlog.get_logger("housekeeping")

FEED_SECONDS = 0.4
"""A revoked token is refused within a second: twice this, and some."""
BEAT_SECONDS = 10.0
IDLE_SECONDS = 20.0
PROGRESS_SECONDS = 2.0
FLUSH_SECONDS = 0.1
DAY_SECONDS = 5.0
DISK_SECONDS = 2.0
LAST_SECONDS = 5.0
"""So long a worker that stops waits for its last notes and texts to be written."""


class Housekeeping:
    """Background tasks of one gateway; `start` and `stop` them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._tasks: list[asyncio.Task[None]] = []
        self._nudged = asyncio.Event()
        self._sharing: Sharing | None = None

    def start(self) -> None:
        gateway = self._gateway
        gateway.check_disk()
        jobs = [
            self._repeat(gateway.read_feed, FEED_SECONDS, self._nudged),
            self._repeat(self._return_wanted, 0.1),
            self._repeat(self._return_idle, 5.0),
            self._repeat(self._check_disk, DISK_SECONDS),
            self._repeat(gateway.beat, BEAT_SECONDS),
            self._repeat(gateway.reread, float(settings.ENV.SYNC_FREQUENCY)),
            self._repeat(self._note_progress, PROGRESS_SECONDS),
            self._repeat(self._flush, FLUSH_SECONDS),
            self._repeat(gateway.write_responses, 0.3),
            self._repeat(gateway.write_texts, 0.3),
            self._repeat(gateway.read_days, DAY_SECONDS),
        ]
        jobs.append(gateway.overload.watch(lambda: gateway.options.overload_seconds))
        if settings.REDIS_URL:
            jobs.append(self._listen())
        if board := open_board():
            node = node_name(settings.DATA_DIR)
            worker = gateway.worker_id
            self._sharing = Sharing(board, node, worker, gateway.health, gateway.rates)
            jobs.append(self._sharing.run())
        self._tasks = [asyncio.create_task(job) for job in jobs]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sharing is not None:
            await self._sharing.leave()
        await self._flush()
        with contextlib.suppress(TimeoutError, DatabaseError):
            async with asyncio.timeout(LAST_SECONDS):
                await self._gateway.write_texts()
                await self._gateway.write_responses()

    async def _repeat(
        self, job: Callable[[], Awaitable[None]], seconds: float, nudge: asyncio.Event | None = None
    ) -> None:
        name = getattr(job, "__name__", "?")
        failed, broke = Trouble(log, "job_failed"), Trouble(log, "job_broke")
        while True:
            if nudge is None:
                await asyncio.sleep(seconds)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await nudge.wait()
                nudge.clear()
            try:
                await job()
            except DatabaseError as error:
                failed.meet(job=name, error=str(error)[:200])
            except Exception:  # noqa: BLE001 -- told, with its trace
                # A fault of ours. This job must go on all the same: nobody else does it.
                broke.meet(job=name, exc_info=True)
            else:
                failed.end()
                broke.end()

    async def _listen(self) -> None:
        """Redis says when there is something new; without it the feed is polled as often anyway."""
        import redis.asyncio  # noqa: PLC0415 -- only where Redis is set
        from redis.exceptions import RedisError  # noqa: PLC0415

        while True:
            try:
                client: Any = redis.asyncio.Redis.from_url(settings.REDIS_URL)
                async with client.pubsub() as subscription:
                    await subscription.subscribe(NUDGE_CHANNEL)
                    async for _ in subscription.listen():
                        self._nudged.set()
            except (RedisError, OSError) as error:
                log.warning("redis_unavailable", error=str(error)[:200])
                await asyncio.sleep(5)

    async def _return_wanted(self) -> None:
        if self._gateway.purses.has_wanted(time.monotonic()):
            await self._gateway.return_idle(IDLE_SECONDS)

    async def _return_idle(self) -> None:
        await self._gateway.return_idle(IDLE_SECONDS)

    async def _check_disk(self) -> None:
        self._gateway.check_disk()

    async def _note_progress(self) -> None:
        """What long streams are charged if this process dies; as it was while the disk is full."""
        for running in list(self._gateway.streams):
            produced = running.produced_tokens()
            if produced != running.noted_tokens and not running.call.is_settled:
                running.noted_tokens = produced
                with contextlib.suppress(CallRefused):
                    settlement.note_progress(self._gateway, running.call, running.progress())

    async def _flush(self) -> None:
        call_log.flush()
        with contextlib.suppress(CallRefused):
            self._gateway.flush_journal()
        meters.open_streams.set(len(self._gateway.streams))
        extensions = self._gateway.purses.extensions
        if extensions:
            self._gateway.purses.extensions = 0
            meters.lease_extensions_total.inc(extensions)


def open_board() -> Board | None:
    """Where workers tell each other what they know of channels; None for one that is alone."""
    if settings.REDIS_URL:
        return RedisBoard(settings.REDIS_URL, settings.KEY_RING.label("channels"))
    return FolderBoard(settings.DATA_DIR / "words") if settings.ENV.web_workers > 1 else None

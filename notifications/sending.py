"""Sends what is due: at least once, and without a storm.

A delivery is claimed, sent, and marked. Whoever is killed between the last two leaves it claimed,
and after HOLD it is sent again, under the same key. Nothing is given up before GIVE_UP, except what
the other side will never take. A server that is slow keeps its own messages waiting, not others.
"""

import random
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

import structlog
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from notifications.config import Config
from notifications.jobs import AT_ONCE, Job, hold, make_jobs
from notifications.lease import Lease, sending_lease
from notifications.models import Delivery, DeliveryState
from notifications.outages import note_failure, note_success
from notifications.transports import TRANSPORTS
from notifications.transports.base import MOST_DETAIL, TransportError

GIVE_UP = timedelta(days=3)
FIRST_PAUSE_SECONDS = 30
MOST_PAUSE_SECONDS = 3600
ROUND_SECONDS = 10.0
"""So long new messages are begun: whoever stops the worker waits for the end of a round."""
LOOK_SECONDS = 0.5
BEAT_SECONDS = 5.0
"""Well below the lease and HOLD, also when the database is slow."""
GONE = gettext_noop("There is no such address any more, or nobody wants it there.")
BROKEN = gettext_noop("It could not be sent:")
HIDDEN = "***"

log = structlog.get_logger("notifications")


def send_due(config: Config) -> int:
    """A round; returns how many messages went out. Does nothing while another process sends."""
    with sending_lease() as lease, ThreadPoolExecutor(AT_ONCE, "notices") as threads:
        return _send_round(lease, threads, config) if lease else 0


def _send_round(lease: Lease, threads: ThreadPoolExecutor, config: Config) -> int:
    """Begins messages for ROUND_SECONDS, and waits for their ends."""
    sent, running = 0, dict[Future[None], Job]()
    begun_at = beat_at = time.monotonic()
    is_ours = True
    while True:
        if time.monotonic() - beat_at > BEAT_SECONDS:
            beat_at = time.monotonic()
            is_ours = lease.prolong()
            hold(running.values())
        if is_ours and time.monotonic() - begun_at < ROUND_SECONDS:
            for job in make_jobs(config, running.values()):
                running[threads.submit(attempt, job, config)] = job
        if not running:
            return sent
        # Until all have ended, or not: the next ones do not wait for the slowest.
        ended, _ = wait(running, LOOK_SECONDS)
        for done in ended:
            sent += finish(running.pop(done), done, config)


def attempt(job: Job, config: Config) -> None:
    """In a thread, without the database; raises TransportError."""
    if job.target is None:
        raise TransportError(GONE, permanent=True)
    # What is stored of an error is a text of the catalogue.
    with translation.override("en"):
        TRANSPORTS[job.transport].send(job.target, job.message, config, is_trusted=job.is_trusted)


def finish(job: Job, done: Future[None], config: Config) -> bool:
    """Marks what came of it; tells whether it was sent."""
    now = timezone.now()
    error = done.exception()
    if error is None:
        mark_sent(job, now)
        return True
    if not isinstance(error, TransportError):
        # A fault of ours: it may pass, and must not stop the others.
        log.error("notice_broken", transport=job.transport, error=repr(error)[:300])
        error = TransportError(BROKEN, type(error).__name__)
    error = without_secrets(error, job, config)
    log.warning(
        "notice_not_sent",
        transport=job.transport,
        recipient=job.deliveries[0].recipient,
        error=str(error),
        permanent=error.permanent,
    )
    mark_failed(job.deliveries, error, now)
    if TRANSPORTS[job.transport].is_shared and not error.permanent:
        note_failure(job.transport, error, now)
    return False


def mark_sent(job: Job, now: datetime) -> None:
    keys = [row.pk for row in job.deliveries]
    Delivery.objects.filter(pk__in=keys).update(
        state=DeliveryState.SENT,
        sent_at=now,
        sent_as=job.message.key,
        error="",
        error_detail="",
    )
    if TRANSPORTS[job.transport].is_shared:
        note_success(job.transport, now)


def mark_failed(rows: Iterable[Delivery], error: TransportError, now: datetime) -> None:
    """Each with a next attempt of its own, unless there is none."""
    for row in rows:
        is_over = error.permanent or now - row.created_at > GIVE_UP
        seconds = max(pause_seconds(row.attempts), error.retry_seconds)
        Delivery.objects.filter(pk=row.pk, attempts=row.attempts).update(
            state=DeliveryState.FAILED if is_over else DeliveryState.WAITING,
            next_try_at=now + timedelta(seconds=seconds),
            error=error.message[:200],
            error_detail=error.detail[:300],
        )


def pause_seconds(attempts: int) -> float:
    """Doubles with each attempt, up to an hour; a little apart from each other."""
    seconds = min(FIRST_PAUSE_SECONDS << min(attempts - 1, 20), MOST_PAUSE_SECONDS)
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311 -- jitter


def without_secrets(error: TransportError, job: Job, config: Config) -> TransportError:
    """Servers quote what they were sent: no token or password gets into a log or onto a page."""
    detail = " ".join(error.detail.replace("\x00", "").split())
    secrets = (*config.secrets, *TRANSPORTS[job.transport].secrets(job.target or {}))
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        detail = detail.replace(secret, HIDDEN)
    return TransportError(
        error.message,
        detail[:MOST_DETAIL],
        permanent=error.permanent,
        retry_seconds=error.retry_seconds,
    )

"""Which messages are sent next: due deliveries, claimed and put into words."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from notifications.config import Config
from notifications.limits import has_room, next_room_at
from notifications.models import Delivery, DeliveryState
from notifications.outages import paused_transports, shaky_transports
from notifications.recipients import ways_of
from notifications.texts import compose
from notifications.transports import TRANSPORTS
from notifications.transports.base import Message, Target

HOLD = timedelta(seconds=30)
"""So long nobody else takes the same delivery; whoever sends it prolongs that meanwhile."""
AT_ONCE = 12
MOST_BY_ONE_WAY = 8
"""A way whose servers hang, such as webhooks of strangers, leaves room for the others."""
LOOKED_AT = 400
DIGEST_FROM = 4
"""So many that wait for the same reader go as one message."""
MOST_IN_DIGEST = 50
DUE = Q(state__in=[DeliveryState.WAITING, DeliveryState.SENDING])


@dataclass(frozen=True, slots=True)
class Job:
    """One message, and the deliveries that it tells. `target` is None when there is no such address
    any more, or nobody wants it there.
    """

    deliveries: tuple[Delivery, ...]
    transport: str
    target: Target | None = field(repr=False)
    message: Message
    is_trusted: bool


def make_jobs(config: Config, running: Collection[Job] = ()) -> list[Job]:
    """Beside those that are running, at most one for each reader and way, so that nobody waits for
    somebody else's queue.
    """
    now = timezone.now()
    shaky = shaky_transports()
    readers = {(job.deliveries[0].recipient, job.transport) for job in running}
    under_way = Counter(job.transport for job in running)
    full = [way for way, count in under_way.items() if count >= most_at_once(way, shaky)]
    jobs: list[Job] = []
    for waiting in due_by_reader(now, full):
        recipient, transport = waiting[0].recipient, waiting[0].transport
        if len(running) + len(jobs) >= AT_ONCE:
            break
        if under_way[transport] >= most_at_once(transport, shaky):
            continue
        if (recipient, transport) in readers:
            continue
        if not has_room(recipient, transport, now):
            put_off(waiting, next_room_at(recipient, transport, now))
            continue
        job = make_job(waiting, config, now)
        if job is not None:
            jobs.append(job)
            under_way[transport] += 1
    return jobs


def most_at_once(transport: str, shaky: Collection[str]) -> int:
    """Of one that failed last time, one message is enough to see whether it works again."""
    return 1 if transport in shaky else MOST_BY_ONE_WAY


def due_by_reader(now: datetime, full: Sequence[str]) -> list[list[Delivery]]:
    """Due deliveries by recipient and transport, those that wait longest first; none of the `full`
    transports, which would hide the others.
    """
    due = Delivery.objects.filter(DUE, next_try_at__lte=now)
    due = due.exclude(transport__in=[*paused_transports(now), *full]).select_related("notice")
    groups: dict[tuple[str, str], list[Delivery]] = {}
    for delivery in due.order_by("next_try_at", "pk")[:LOOKED_AT]:
        groups.setdefault((delivery.recipient, delivery.transport), []).append(delivery)
    return list(groups.values())


def make_job(waiting: Sequence[Delivery], config: Config, now: datetime) -> Job | None:
    """Of the first, or of all, of what waits for one reader; None when others took it."""
    transport = TRANSPORTS[waiting[0].transport]
    is_digest = transport.takes_digests and len(waiting) >= DIGEST_FROM
    taken = claim(waiting[: MOST_IN_DIGEST if is_digest else 1], now)
    if not taken:
        return None
    ways = ways_of(taken[0].notice)
    parts = [(row.notice, row.count) for row in taken]
    message = compose(parts, taken[0].key, config, ways.language)
    target = ways.targets.get(transport.name)
    return Job(tuple(taken), transport.name, target, message, ways.is_trusted)


def claim(rows: Iterable[Delivery], now: datetime) -> list[Delivery]:
    """Those that nobody else took meanwhile."""
    taken = []
    for row in rows:
        ours = Delivery.objects.filter(DUE, pk=row.pk, attempts=row.attempts, next_try_at__lte=now)
        if ours.update(
            state=DeliveryState.SENDING, attempts=F("attempts") + 1, next_try_at=now + HOLD
        ):
            row.refresh_from_db(fields=["attempts", "count", "state"])
            taken.append(row)
    return taken


def hold(jobs: Iterable[Job]) -> None:
    """They are still being sent."""
    keys = [row.pk for job in jobs for row in job.deliveries]
    Delivery.objects.filter(pk__in=keys, state=DeliveryState.SENDING).update(
        next_try_at=timezone.now() + HOLD
    )


def put_off(rows: Iterable[Delivery], moment: datetime) -> None:
    keys = [row.pk for row in rows]
    Delivery.objects.filter(DUE, pk__in=keys).update(
        state=DeliveryState.WAITING, next_try_at=moment
    )

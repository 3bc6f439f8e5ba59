"""Publishes changes to all processes, and reads what was published.

The table is the truth and is polled; where Redis is set, it only says "poll now".
"""

from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F
from django.utils import timezone

from chatapi.options.models import Change, FeedCounter

NUDGE_CHANNEL = "chatapi:changes"
KEEP = timedelta(hours=3)
"""Clocks of nodes may be wrong by an hour, and what nobody has read yet must stay."""


def publish(topic: str, key: object = "") -> None:
    """Tell all processes, once the surrounding transaction commits."""
    with transaction.atomic():
        FeedCounter.objects.filter(pk=1).update(number=F("number") + 1)
        number = FeedCounter.objects.values_list("number", flat=True).get(pk=1)
        Change.objects.create(number=number, topic=topic, key=str(key))
    if settings.REDIS_URL:
        transaction.on_commit(_nudge, robust=True)


def read_changes(after: int) -> list[tuple[int, str, str]]:
    """(number, topic, key) of all changes after a number, oldest first."""
    rows = Change.objects.filter(number__gt=after).order_by("number")
    return list(rows.values_list("number", "topic", "key")[:1000])


def last_number() -> int:
    return FeedCounter.objects.values_list("number", flat=True).get(pk=1)


def forget_old_changes() -> None:
    """Processes that slept longer than this reload everything anyway."""
    Change.objects.filter(created_at__lt=timezone.now() - KEEP).delete()


class PublishedModel(models.Model):
    """A model whose every save and delete is published under `feed_topic` with its id."""

    feed_topic = ""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            if kwargs.get("update_fields") != ["last_login"]:
                # A sign-in changes nothing that calls would have to know.
                publish(self.feed_topic, self.pk)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        key = self.pk
        with transaction.atomic():
            deleted = super().delete(*args, **kwargs)
            publish(self.feed_topic, key)
        return deleted


def _nudge() -> None:
    _redis().publish(NUDGE_CHANNEL, connection.vendor)


@cache
def _redis() -> Any:
    import redis  # noqa: PLC0415 -- only where Redis is set

    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.2, socket_connect_timeout=0.2)

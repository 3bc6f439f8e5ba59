"""What the books say of today, for channels with a limit per day: read at the start and every few
seconds, so that a restart forgets nothing and the nodes know of each other.
"""

from collections.abc import Iterable

from django.db.models import F, Sum
from django.utils import timezone

from billing.models import Dimension, HourlyTotal
from channels_app.limits import Day
from channels_app.routing import RoutingTable


def limited_by_day(table: RoutingTable) -> list[int]:
    """Numbers of the channels that have such a limit."""
    return [one.id for one in table.by_id.values() if one.is_limited and one.limits.has_daily]


def read_days(channels: Iterable[int]) -> tuple[int, dict[int, Day]]:
    """(number of the day, in the server's zone, sums of each channel)."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = (
        HourlyTotal.objects.filter(
            dimension=Dimension.CHANNEL,
            hour_at__gte=midnight,
            key__in=[str(number) for number in channels],
        )
        .values("key")
        .annotate(
            requests=Sum("calls"),
            tokens=Sum(F("prompt_tokens") + F("completion_tokens")),
            spent=Sum("units"),
        )
    )
    return midnight.date().toordinal(), {
        int(row["key"]): Day(row["requests"], row["tokens"], row["spent"]) for row in rows
    }

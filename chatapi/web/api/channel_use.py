"""What channels were used, from the sums by the hour."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Sum

from billing.models import Dimension, HourlyTotal


class ChannelUse(NamedTuple):
    """Since the beginning of the statistics."""

    units: int = 0
    calls: int = 0


UNUSED = ChannelUse()


def read_use(numbers: Iterable[int]) -> dict[int, ChannelUse]:
    """By the numbers of the channels; those without a call are missing."""
    rows = HourlyTotal.objects.filter(
        dimension=Dimension.CHANNEL, key__in=[str(number) for number in numbers]
    )
    sums = rows.order_by().values("key").annotate(all_units=Sum("units"), all_calls=Sum("calls"))
    return {int(row["key"]): ChannelUse(row["all_units"], row["all_calls"]) for row in sums}

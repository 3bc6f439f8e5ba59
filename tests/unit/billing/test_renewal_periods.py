"""When a limit begins anew: with the days and months of the server's zone."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from billing.renewals import start_of_period


@pytest.mark.parametrize(
    ("zone", "day", "month"),
    [
        ("UTC", date(2026, 11, 30), date(2026, 11, 1)),
        ("Asia/Shanghai", date(2026, 12, 1), date(2026, 12, 1)),
        ("America/New_York", date(2026, 11, 30), date(2026, 11, 1)),
    ],
)
def test_the_first_day_of_a_period(settings: Any, zone: str, day: date, month: date) -> None:
    settings.TIME_ZONE = zone
    now = datetime(2026, 11, 30, 16, 0, 1, tzinfo=UTC)
    assert (start_of_period("daily", now), start_of_period("monthly", now)) == (day, month)

"""The dashboard: figures from hourly sums alone, periods, rankings, always as many queries."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import bulk
from billing.admin.dashboard import PERIODS, Sums, fill_gaps, read_figures
from billing.admin.panels import change, short_count
from billing.models import HourlyTotal, HourlyUsage, Worker
from tests.pages.conftest import make_user
from tests.pages.rows import make_channel, make_usage

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def this_hour() -> datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0)


def add_hour(
    moment: datetime, user: int = 1, channel: int = 1, model: str = "m", **sums: int
) -> None:
    """As the recorder does it."""
    hour = bulk.time_adapter()(int(moment.timestamp()) * 1000)
    values = [sums.get(name, 0) for name in bulk.HOURLY_SUMS]
    bulk.add_hourly([(hour, user, 1, channel, model, *values)])


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def open_dashboard(console: Client, query: str = "") -> tuple[str, dict[str, Any]]:
    page = console.get(f"/admin/{query}").content.decode()
    data = re.search(r'<script id="chart-data"[^>]*>(.*?)</script>', page)
    return text_of(page), json.loads(data[1]) if data else {}


def test_totals_are_the_sums_of_hours_by_each_dimension() -> None:
    hour = this_hour()
    add_hour(hour, user=1, channel=7, model="a", calls=3, units=30, first_byte_calls=2)
    add_hour(hour, user=2, channel=7, model="b", calls=4, units=5)
    add_hour(hour, user=2, channel=8, model="b", calls=1, units=1)
    assert HourlyUsage.objects.count() == 3
    found = {(row.dimension, row.key): (row.calls, row.units) for row in HourlyTotal.objects.all()}
    assert found == {
        ("user", "1"): (3, 30),
        ("user", "2"): (5, 6),
        ("channel", "7"): (7, 35),
        ("channel", "8"): (1, 1),
        ("model", "a"): (3, 30),
        ("model", "b"): (5, 6),
    }


def test_the_last_day_in_figures(console: Client) -> None:
    add_hour(
        this_hour(),
        calls=1200,
        errors=6,
        prompt_tokens=1_500_000,
        units=1_000_000,
        first_byte_calls=1000,
        first_byte_milliseconds=420_000,
    )
    text, data = open_dashboard(console)
    for shown in ("Calls 1,200", "Sales $2.00", "Model tokens 1.50 M", "Active users 1"):
        assert shown in text
    assert "Failed 0.5%" in text
    assert "Time to first token 0.42 s" in text
    assert len(data["times"]) == 24
    assert (data["succeeded"][-1], data["failed"][-1], data["sales"][-1]) == (1194, 6, 2.0)
    assert data["first_byte"][-1] == 0.42


def test_the_change_is_against_the_period_before(console: Client) -> None:
    add_hour(this_hour(), calls=150)
    add_hour(this_hour() - 24 * HOUR, calls=100)
    text, _data = open_dashboard(console)
    assert "Calls 150 +50%" in text


@pytest.mark.parametrize(
    ("now", "before", "shown"),
    [
        (150, 100, ("+50%", "good")),
        (50, 100, ("-50%", "bad")),
        (100, 100, ("±0%", "plain")),
        (10_000, 100, ("×100", "good")),
        (5, 0, ("", "plain")),
        (None, 5.0, ("", "plain")),
    ],
)
def test_a_change_is_told(now: float | None, before: float, shown: tuple[str, str]) -> None:
    assert change(now, before) == shown


def test_more_failures_are_no_good_news() -> None:
    assert change(3.0, 2.0, is_good=False) == ("+50%", "bad")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (9999, "9,999"),
        (12_345, "12.3 K"),
        (8_900_000, "8.90 M"),
        (123_456_789_012, "123 G"),
    ],
)
def test_big_counts_are_short(number: int, text: str) -> None:
    assert short_count(number) == text


def test_thirty_days_are_thirty_columns(console: Client) -> None:
    add_hour(this_hour(), calls=1)
    text, data = open_dashboard(console, "?range=30d")
    assert len(data["times"]) == 30
    assert data["by_day"]
    assert sum(data["succeeded"]) == 1
    assert "aria-current" not in text


def test_days_are_those_of_the_servers_zone() -> None:
    """Half an hour beside UTC too: each hour belongs to one day."""
    period = PERIODS["30d"]
    now = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    with timezone.override("Asia/Kolkata"):
        start = period.start(now)
        hours = [Sums(now - number * HOUR, calls=1) for number in range(30 * 24)]
        days = fill_gaps(period, start, now, hours)
    assert len(days) == 30
    assert [day.calls for day in days[:-1]] == [24] * 29
    assert days[-1].key.isoformat() == "2026-11-22T00:00:00+05:30"


def test_an_unknown_period_is_the_day(console: Client) -> None:
    add_hour(this_hour(), calls=1)
    assert len(open_dashboard(console, "?range=nonsense")[1]["times"]) == 24


def test_without_calls_it_says_so(console: Client) -> None:
    text, data = open_dashboard(console)
    assert "No calls in this time" in text
    assert data == {}


def test_rankings_name_who_they_rank(console: Client) -> None:
    ann = make_user("ann", 1)
    channel = make_channel(1)
    add_hour(this_hour(), ann.pk, channel.pk, "gpt-4o", calls=10, errors=5, units=500_000)
    add_hour(this_hour(), 999_999, 888_888, "<b>other</b>", calls=1, units=1)
    page = console.get("/admin/").content.decode()
    text = text_of(page)
    assert "ann $1.00 10 50.0%" in text
    assert "channel1 enabled $1.00 10 50.0%" in text
    assert '<span class="badge badge-bad">50.0%</span>' in page
    assert "#999999" in text
    assert "#888888" in text
    assert "<b>other</b>" not in page


def test_calls_that_no_channel_served_are_told_apart(console: Client) -> None:
    add_hour(this_hour(), channel=0, calls=1, errors=1)
    assert "no channel" in open_dashboard(console)[0]


def test_health_says_how_many_channels_are_in_which_state(console: Client) -> None:
    for number in range(3):
        channel = make_channel(number)
        if number == 2:
            channel.status = 3
            channel.save()
    page = console.get("/admin/").content.decode()
    assert re.search(r'\?status=3"><span class="badge badge-warn">disabled automatically', page)
    assert "enabled 2" in text_of(page)


def test_a_silent_worker_is_noticed(console: Client) -> None:
    Worker.objects.create(id="w1", node="n", pid=1)
    assert "1 worker " in open_dashboard(console)[0]
    Worker.objects.update(heartbeat_at=timezone.now() - HOUR)
    assert "1 worker is silent" in open_dashboard(console)[0]


def test_more_rows_cost_no_more_queries(console: Client) -> None:
    def count_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            console.get("/admin/?range=7d")
        sums = [row["sql"] for row in queries.captured_queries]
        assert not [sql for sql in sums if "billing_usage" in sql and "SUM(" in sql]
        return len(queries)

    console.get("/admin/")  # looks up what the menu shows, which is remembered
    counts = []
    for number in (1, 2, 3):
        user, channel = make_user(f"user{number}", 1), make_channel(number)
        add_hour(this_hour() - number * HOUR, user.pk, channel.pk, f"model{number}", calls=1)
        make_usage(number)
        counts.append(count_queries())
    assert len(set(counts)) == 1


def test_figures_of_a_period_leave_the_older_out() -> None:
    now = timezone.now()
    start = PERIODS["24h"].start(now)
    add_hour(start, calls=1)
    add_hour(start - HOUR, calls=10)
    found = read_figures(PERIODS["24h"], now)
    assert (found.total.calls, found.before.calls) == (1, 10)

"""The log of calls: filters with and without an index, pages by time, the export, one call."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncRequestFactory, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.admin.usage import UsageAdmin
from billing.ledger import open_wallet
from billing.models import Usage
from chatapi.accounts.models import User
from chatapi.console.exports import harmless, stream_csv
from tests.pages.rows import make_channel, make_usage
from tests.pages.test_usage_page import text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/billing/usage/"
NOW = timezone.now()


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search looks at ten rows at a time, a page has three."""
    monkeypatch.setattr(UsageAdmin, "search_depth", 10)
    monkeypatch.setattr(UsageAdmin, "list_per_page", 3)


def make_calls(count: int, **changes: object) -> None:
    """The first is the oldest."""
    for number in range(count):
        make_usage(number, created_at=NOW - timedelta(seconds=count - number), **changes)


def shown(console: Client, query: str = "") -> list[str]:
    answer = console.get(f"{LIST}?{query}")
    assert answer.status_code == 200
    return [usage.request_id for usage in answer.context["cl"].result_list]


def walk(console: Client, query: str) -> tuple[list[str], int]:
    """All that is found by going on to older rows, and the number of pages."""
    found: list[str] = []
    address, pages = f"?{query}", 0
    while address:
        answer = console.get(LIST + address)
        changelist = answer.context["cl"]
        found += [usage.request_id for usage in changelist.result_list]
        address, pages = changelist.older_url, pages + 1
        assert pages < 50
    return found, pages


# --- Order and filters ---


def test_the_list_goes_by_the_time_of_the_call(console: Client) -> None:
    """A call that began early may be recorded late."""
    make_usage(1, created_at=NOW)
    make_usage(2, created_at=NOW - timedelta(minutes=5))
    make_usage(3, created_at=NOW - timedelta(minutes=1))
    assert shown(console) == ["request-1", "request-3", "request-2"]


def test_calls_of_the_same_moment_are_neither_lost_nor_doubled(
    console: Client, shallow: None
) -> None:
    for number in range(8):
        make_usage(number, created_at=NOW)
    found, pages = walk(console, "")
    assert found == [f"request-{number}" for number in reversed(range(8))]
    assert pages == 3


def test_there_and_back_are_the_same_pages(console: Client, shallow: None) -> None:
    make_calls(8)
    first = console.get(LIST).context["cl"]
    second = console.get(LIST + first.older_url).context["cl"]
    back = console.get(LIST + second.newer_url).context["cl"]
    assert back.result_list == first.result_list
    assert back.newer_url == ""
    assert console.get(LIST + back.older_url).context["cl"].result_list == second.result_list


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("error=upstream_timeout", ["request-2"]),
        ("error=nothing", []),
        ("endpoint=images", ["request-3"]),
        ("status=failed", ["request-2"]),
        ("status=ok&endpoint=images", ["request-3"]),
        ("status=failed&error=upstream_timeout", ["request-2"]),
        ("user=alice&error=upstream_timeout&channel=8", ["request-2"]),
        ("q=request-1", ["request-1"]),
        ("q=REQUEST-1", []),
    ],
)
def test_filters_find_what_they_say(console: Client, query: str, found: list[str]) -> None:
    make_usage(1)
    make_usage(2, status="failed", error_code="upstream_timeout")
    make_usage(3, endpoint="images")
    assert shown(console, query) == found


def test_filters_stay_in_the_form_and_in_the_links(console: Client) -> None:
    make_usage(1, error_code="x", status="failed")
    page = console.get(f"{LIST}?error=x&status=failed").content.decode()
    assert 'value="x"' in page
    assert f'href="{LIST}export/?error=x&amp;status=failed"' in page


# --- A search that no index answers ---


def test_a_long_search_goes_step_by_step_and_finds_all(console: Client, shallow: None) -> None:
    make_calls(35)
    wanted = ["request-1", "request-17", "request-34"]
    Usage.objects.filter(request_id__in=wanted).update(endpoint="images")
    found, pages = walk(console, "endpoint=images")
    assert found == wanted[::-1]
    assert pages == 4


def test_a_long_search_says_how_far_it_got(console: Client, shallow: None) -> None:
    make_calls(15)
    page = text_of(console.get(f"{LIST}?endpoint=images").content.decode())
    assert "Nothing found so far" in page
    assert "Search on" in page
    answer = console.get(LIST + console.get(f"{LIST}?endpoint=images").context["cl"].older_url)
    assert "Nothing matches" in text_of(answer.content.decode())


def test_a_full_page_does_not_stop_the_search(console: Client, shallow: None) -> None:
    make_calls(20, endpoint="images")
    found, pages = walk(console, "endpoint=images")
    assert len(found) == len(set(found)) == 20
    assert pages == 7


def test_two_filters_search_among_what_the_first_finds(console: Client, shallow: None) -> None:
    bob = User.objects.create(username="bob")
    make_usage(100, user_id=bob.pk, username="bob", wallet_id=open_wallet(bob).pk, model="rare")
    make_calls(30)
    assert shown(console, "user=bob&model=rare") == ["request-100"]


def test_back_in_a_long_search(console: Client, shallow: None) -> None:
    make_calls(35)
    Usage.objects.filter(request_id__in=["request-1", "request-34"]).update(endpoint="images")
    address = "?endpoint=images"
    for _ in range(3):
        address = console.get(LIST + address).context["cl"].older_url
    found: list[str] = []
    pages = 0
    while address and pages < 9:
        changelist = console.get(LIST + address).context["cl"]
        found = [usage.request_id for usage in changelist.result_list] or found
        address, pages = changelist.newer_url, pages + 1
    assert found == ["request-34"]


@pytest.mark.parametrize("query", ["user=alice", "model=gpt-4o-mini", "token=5", "channel=8", ""])
def test_what_an_index_finds_is_one_query(console: Client, query: str) -> None:
    make_usage(1)
    with CaptureQueriesContext(connection) as queries:
        shown(console, query)
    about = [row["sql"] for row in queries.captured_queries if 'FROM "billing_usage"' in row["sql"]]
    about = [sql for sql in about if "LIMIT 51" in sql]  # the others are sums
    assert len(about) == 1
    assert "COUNT(" not in about[0]
    assert "OFFSET" not in about[0]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "usage_time"),
        ("user=alice", "usage_wallet_time"),
        ("token=5", "usage_token_time"),
        ("model=gpt-4o", "usage_model_time"),
        ("channel=8", "usage_channel_time"),
        ("status=failed", "usage_status_time"),
        ("error=timeout", "usage_error_time"),
        ("from=2026-01-01T00:00", "usage_time"),
    ],
)
def test_each_filter_has_its_index_and_nothing_is_sorted(
    console: Client, query: str, index: str
) -> None:
    make_usage(1)
    rows = console.get(f"{LIST}?{query}").context["cl"]
    plan = rows.queryset.order_by("-created_at", "-pk")[:51].explain()
    assert index in plan
    assert "TEMP B-TREE" not in plan


# --- Export ---


def read_csv(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(body.decode("utf-8-sig"))))


def test_the_export_has_all_that_the_filters_find(
    console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.admin.usage_list.PAGE", 4)
    make_calls(11)
    make_usage(99, model="other")
    answer: Any = console.get(f"{LIST}export/?model=gpt-4o-mini")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    rows = read_csv(b"".join(answer.streaming_content))
    assert [row["request_id"] for row in rows] == [f"request-{n}" for n in reversed(range(11))]
    assert (rows[0]["units"], rows[0]["usd"]) == ("180", "0.00036")


def test_times_are_read_and_written_in_the_zone_of_who_looks(console: Client) -> None:
    make_usage(1, created_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    console.cookies["timezone"] = "Asia/Kolkata"
    for query, found in (("from=2026-03-01T17:30", ["request-1"]), ("from=2026-03-01T17:31", [])):
        assert shown(console, query) == found
    answer: Any = console.get(f"{LIST}export/?from=2026-03-01T17:30")
    (row,) = read_csv(b"".join(answer.streaming_content))
    assert row["time"].startswith("2026-03-01T17:30:00.000+05:30")


async def test_under_asgi_pages_are_read_when_their_turn_comes() -> None:
    read: list[int] = []

    def pages() -> Iterator[list[tuple[int]]]:
        for number in range(3):
            read.append(number)
            yield [(number,)]

    answer = stream_csv(AsyncRequestFactory().get("/"), "x.csv", ["n"], pages)
    assert answer.is_async
    parts = aiter(answer)
    assert await anext(parts) == b"\xef\xbb\xbfn\r\n"
    assert read == []
    assert await anext(parts) == b"0\r\n"
    assert read == [0]
    assert [part async for part in parts] == [b"1\r\n", b"2\r\n"]


def test_the_export_with_a_made_up_filter_leads_back(console: Client) -> None:
    assert console.get(f"{LIST}export/?nonsense=1")["Location"] == LIST


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\n=1", "\uff1d1"])
def test_no_cell_becomes_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("gpt-4o") == "gpt-4o"
    assert harmless(-1) == -1


# --- One call ---


def open_call(console: Client, **changes: object) -> str:
    usage = make_usage(1, **changes)
    return text_of(console.get(f"{LIST}{usage.pk}/change/").content.decode())


def test_units_stand_beside_dollars_and_add_up(console: Client) -> None:
    page = open_call(console)
    assert "Input tokens 1,000 $0.15 / 1M $0.00015 75" in page
    assert "Output tokens 500 $0.60 / 1M $0.0003 150" in page
    assert "Sum $0.00045 225" in page
    assert "Charged $0.00036 180" in page


@pytest.mark.parametrize(
    ("item", "shown_as"),
    [
        ('["image", 2, "20000", "40000"]', "Images 2 $0.04 $0.08 40000"),
        ('["second", 30, "50", "1500"]', "Seconds of sound 30 $0.0001 $0.003 1500"),
        ('["web_search", 1, "5000", "5000"]', "Web searches 1 $0.01 $0.01 5000"),
        ('["character", 1000, "7.5", "7500"]', "Characters 1,000 $15.00 / 1M $0.015 7500"),
        ('["new_thing", 1, "1", "1"]', "New_thing 1"),
    ],
)
def test_other_units_than_tokens_are_named(console: Client, item: str, shown_as: str) -> None:
    assert shown_as in open_call(console, line_items=f'[{item}, ["group", "1"]]')


def test_marks_are_told(console: Client) -> None:
    page = open_call(console, is_estimated=True, uncollected_units=5)
    assert "counted by us" in page
    assert "not all collected" in page


def test_times_are_told(console: Client) -> None:
    page = open_call(console, first_byte_ms=500, total_ms=2500, completion_tokens=100)
    assert "First byte 0.50 s Total 2.50 s Tokens per second 50.0" in page
    assert "Tokens per second" not in open_call(
        console, request_id="whole", is_stream=False, first_byte_ms=500
    )


def test_why_the_call_went_there(console: Client) -> None:
    page = open_call(console)
    assert "serve gpt-4o-mini to group default" in page
    assert "Second was next after those asked before it had failed." in page


def test_channels_that_were_passed_over_are_told_with_the_reason(console: Client) -> None:
    known = make_channel(1)
    attempts = [
        {"channel": known.pk, "name": "Resting", "error": "skipped:cooling"},
        {"channel": 999, "name": "Gone", "error": "skipped:new_reason"},
    ]
    page = open_call(console, attempts=json.dumps(attempts), channel_id=known.pk)
    assert "Resting : resting after failures, for this model" in page
    assert "Gone: new_reason" in page
    assert "Second 2345 ms answered" in page


def test_only_known_channels_are_linked(console: Client) -> None:
    usage = make_usage(1)
    page = console.get(f"{LIST}{usage.pk}/change/").content.decode()
    assert '<a href="/admin/channels_app/channel/7/change/"' not in page


def test_the_way_to_the_ledger(console: Client) -> None:
    usage = make_usage(1, limit_id=77)
    page = console.get(f"{LIST}{usage.pk}/change/").content.decode()
    assert f'href="/admin/billing/ledgerentry/?budget={usage.wallet_id}"' in page
    assert f'href="/admin/billing/budget/{usage.wallet_id}/change/"' in page
    assert 'href="/admin/billing/budget/77/change/"' in page

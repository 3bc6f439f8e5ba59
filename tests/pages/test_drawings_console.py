"""The console's page of Midjourney tasks."""

import re

import pytest
from django.test import Client

from tests.pages.rows import make_drawing

pytestmark = pytest.mark.django_db
LIST = "/admin/relay/midjourneytask/"


def rows(console: Client, query: str = "") -> list[str]:
    page = console.get(f"{LIST}{query}").content.decode().partition("<tbody>")[2]
    lines = page.partition("</tbody>")[0].split("</tr>")[:-1]
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", line)).strip() for line in lines]


def test_a_task_shows_what_became_of_it(console: Client) -> None:
    make_drawing(1)
    make_drawing(
        2,
        status="SUCCESS",
        progress="100%",
        refunded_units=0,
        fail_reason="",
        submit_time=1_000,
        finish_time=43_000,
    )
    done, failed = rows(console)
    assert "1700000000002 Imagine fast person2 #8 done 100% · 42 s $0.001 a cat" in done
    assert "1700000000001 Imagine fast person1 #8 failed given back 0% $0.001 banned" in failed
    for query in ("?channel=9", "?q=170", "?status=x"):
        assert rows(console, query) == []
    for query in ("?q=1700000000001", "?q=drawing1", "?status=FAILURE", "?user=person1"):
        assert rows(console, query) == [failed]

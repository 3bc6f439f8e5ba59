"""Static files: texts are packed for those who take it, and are the same for all."""

import gzip
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

SCRIPT = "/static/vendor/chart-4.6.1.umd.min.js"
ON_DISK = Path(settings.BASE_DIR, "chatapi", SCRIPT[1:]).read_bytes()


@pytest.mark.parametrize("accepted", ["gzip, deflate, br", "br;q=1.0, gzip;q=0.8"])
def test_a_text_is_packed(client: Client, accepted: str) -> None:
    answer = client.get(SCRIPT, headers={"accept-encoding": accepted})
    assert (answer["Content-Encoding"], answer["Vary"]) == ("gzip", "Accept-Encoding")
    assert int(answer["Content-Length"]) == len(answer.content) < len(ON_DISK) / 2
    assert gzip.decompress(answer.content) == ON_DISK


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.0, br"])
def test_who_does_not_take_it_gets_it_plain(client: Client, accepted: str) -> None:
    answer = client.get(SCRIPT, headers={"accept-encoding": accepted})
    assert ("Content-Encoding" in answer, answer["Vary"]) == (False, "Accept-Encoding")
    assert answer.content == ON_DISK


def test_parts_and_repetitions_stay_as_they_are(client: Client) -> None:
    headers = {"accept-encoding": "gzip", "range": "bytes=5-9"}
    part = client.get(SCRIPT, headers=headers)
    assert (part.status_code, part.content) == (206, ON_DISK[5:10])
    assert "Content-Encoding" not in part
    etag = client.get(SCRIPT, headers={"accept-encoding": "gzip"})["ETag"]
    again = client.get(SCRIPT, headers={"accept-encoding": "gzip", "if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.django_db
def test_the_first_page_is_small(client: Client) -> None:
    page = client.get("/")
    total = len(page.content)
    for link in page.content.decode().split('"'):
        if link.startswith("/static/"):
            total += len(client.get(link, headers={"accept-encoding": "gzip"}).content)
    assert "Content-Encoding" not in page
    assert total < 100_000

"""What users point at is fetched from public addresses only."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from channels_app import fetcher
from channels_app.fetcher import FetchRefused, fetch_media, fetch_pinned
from chatapi.lib.public_address import is_public

PICTURE = b"\x89PNG" + b"x" * 1000


class Pictures(BaseHTTPRequestHandler):
    """Answers by path, and tells the name it was called by."""

    def do_GET(self) -> None:
        status = {"/moved": 302, "/gone": 404}.get(self.path, 200)
        self.send_response(status)
        self.send_header("content-type", "image/png; charset=binary")
        self.send_header("x-host", self.headers["host"])
        if status == 302:
            self.send_header("location", "http://169.254.169.254/")
        self.end_headers()
        self.wfile.write(PICTURE if self.path != "/big" else b"x" * 100_000)

    def log_message(self, *args: object) -> None:
        """Nothing to say."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Pictures)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1", "::127.0.0.1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"),
        *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "fec0::1", "168.63.129.16", "192.0.0.192"),
    ],
)
def test_inner_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111"])
def test_others_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost/", "http://127.0.0.1/x.png", "http://[::1]/", "http://0/"),
        *("http://2130706433/", "file:///etc/passwd", "ftp://example.com/", "http:///x", "data:,"),
        *("http://user@127.0.0.1/", "http://127.1/", "gopher://127.0.0.1/"),
        *("http://example.com:99999/", "http://example.com:x/", "http://[::1/", "http://a\0b/"),
        *(f"http://{'a' * 70}.com/", "http://ex ample/", "http://[v1.x]/", "http://\ud800/"),
    ],
)
def test_inner_and_strange_addresses_are_refused(url: str) -> None:
    with pytest.raises(FetchRefused):
        asyncio.run(fetch_media(url))


def test_connection_goes_to_the_checked_address(port: int) -> None:
    kind, data = asyncio.run(fetch_pinned(f"http://example.com:{port}/a", "127.0.0.1", 10_000))
    assert kind == "image/png"
    assert base64.b64decode(data) == PICTURE


@pytest.mark.parametrize(
    ("path", "reason"), [("moved", "status 302"), ("gone", "status 404"), ("big", "too large")]
)
def test_redirects_errors_and_large_answers_are_refused(port: int, path: str, reason: str) -> None:
    with pytest.raises(FetchRefused, match=reason):
        asyncio.run(fetch_pinned(f"http://example.com:{port}/{path}", "127.0.0.1", 10_000))


def test_bounds_are_those_that_are_documented() -> None:
    assert (fetcher.MOST_BYTES, fetcher.SECONDS) == (20 * 1024 * 1024, 20.0)

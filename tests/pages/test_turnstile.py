"""Turnstile: a proof for each request, looked at by a server that speaks Cloudflare's protocol."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from constance import config
from django.test import Client
from pytest_django import Settings

from chatapi.accounts.models import LoginAttempt, User
from chatapi.options.secret_options import seal_secret
from tests.pages.conftest import PASSWORD

pytestmark = pytest.mark.django_db
FIELD = "cf-turnstile-response"
ORIGIN = "https://challenges.cloudflare.com"


class Cloudflare:
    """Knows each proof once."""

    def __init__(self) -> None:
        self.proofs = {"good-1", "good-2"}
        self.asked: list[dict[str, str]] = []
        self.body = b""
        """What it says instead, if anything."""

    def answer(self, form: dict[str, str]) -> bytes:
        self.asked.append(form)
        if self.body:
            return self.body
        is_good = form.get("secret") == "s3cret" and form.get("response") in self.proofs
        self.proofs.discard(form.get("response", ""))
        return b'{"success": true}' if is_good else b'{"success": false}'


@pytest.fixture
def cloudflare(db: None, settings: Settings) -> Iterator[Cloudflare]:
    known = Cloudflare()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            text = known.answer({name: values[0] for name, values in parse_qs(body).items()})
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    settings.TURNSTILE_VERIFY_URL = f"http://127.0.0.1:{server.server_address[1]}/siteverify"
    config.TurnstileCheckEnabled, config.TurnstileSiteKey = True, "site-key"
    config.TurnstileSecretKey = seal_secret("TurnstileSecretKey", "s3cret")
    yield known
    server.shutdown()
    server.server_close()
    thread.join()


def register(client: Client, name: str, proof: str) -> Any:
    data = {"username": name, "password1": PASSWORD, "password2": PASSWORD, "invitation": ""}
    return client.post("/register", {**data, FIELD: proof})


def test_a_proof_is_good_for_one_request(client: Client, cloudflare: Cloudflare) -> None:
    assert register(client, "carol", "good-1").status_code == 302
    client.post("/logout")
    answer = register(client, "dora", "good-1")
    assert "confirm that you are human" in answer.content.decode()
    assert User.objects.count() == 1
    assert cloudflare.asked[0]["remoteip"] == "127.0.0.1"


@pytest.mark.parametrize("proof", ["", "bad", "x" * 3000])
def test_without_a_proof_no_password_is_looked_at(
    client: Client, cloudflare: Cloudflare, alice: User, proof: str
) -> None:
    answer = client.post("/login", {"login": "alice", "password": PASSWORD, FIELD: proof})
    assert "confirm that you are human" in answer.content.decode()
    assert not LoginAttempt.objects.exists()
    assert len(cloudflare.asked) == (1 if proof == "bad" else 0)


def test_with_a_proof_one_signs_in(client: Client, cloudflare: Cloudflare, alice: User) -> None:
    data = {"login": "alice", "password": PASSWORD, FIELD: "good-2"}
    assert client.post("/login", data).status_code == 302


def test_a_mail_needs_a_proof_too(client: Client, cloudflare: Cloudflare) -> None:
    page = client.post("/reset", {"email": "a@example.com"}).content.decode()
    assert "confirm that you are human" in page


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"success": "true"}', b"null"])
def test_only_a_plain_yes_counts(
    client: Client, cloudflare: Cloudflare, alice: User, body: bytes
) -> None:
    cloudflare.body = body
    data = {"login": "alice", "password": PASSWORD, FIELD: "good-2"}
    assert client.post("/login", data).status_code == 200


def test_cloudflare_out_of_reach_is_told(
    client: Client, cloudflare: Cloudflare, alice: User, settings: Settings
) -> None:
    settings.TURNSTILE_VERIFY_URL = "http://127.0.0.1:9/"
    data = {"login": "alice", "password": PASSWORD, FIELD: "good-2"}
    assert "out of reach" in client.post("/login", data).content.decode()


def test_root_gets_into_the_console_without_cloudflare(
    client: Client, cloudflare: Cloudflare, root: User
) -> None:
    data = {"username": "root", "password": PASSWORD}
    assert client.post("/admin/login/", data)["Location"] == "/admin/"


def test_only_the_pages_that_ask_may_load_it(client: Client, cloudflare: Cloudflare) -> None:
    for path in ("/login", "/register", "/reset"):
        policy = client.get(path)["Content-Security-Policy"]
        assert f"script-src 'self' {ORIGIN};" in policy
        assert f"frame-src {ORIGIN}" in policy
        assert "unsafe" not in policy
    assert ORIGIN not in client.get("/")["Content-Security-Policy"]
    config.TurnstileCheckEnabled = False
    answer = client.get("/login")
    assert ORIGIN not in answer["Content-Security-Policy"]
    assert "turnstile" not in answer.content.decode()

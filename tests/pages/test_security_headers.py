"""What every answer tells the browser, and cookies behind a proxy for TLS."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from pytest_django import Settings

from chatapi.accounts.models import User
from chatapi.web.security import POLICY
from tests.pages.conftest import PASSWORD

pytestmark = pytest.mark.django_db
PROXY = "10.1.1.1"
TLS: Any = {"headers": {"x-forwarded-proto": "https"}, "REMOTE_ADDR": PROXY}


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(settings.ENV, "TRUSTED_PROXIES", (ip_network(f"{PROXY}/32"),))


@pytest.mark.parametrize("path", ["/", "/nothing", "/admin/login/", "/static/css/site.css"])
def test_every_answer_has_the_policy(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer["Content-Security-Policy"] == POLICY
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_policy_allows_no_inline_script_or_style() -> None:
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY
    assert "frame-ancestors 'none'" in POLICY


def test_no_template_has_inline_scripts_or_styles() -> None:
    from pathlib import Path  # noqa: PLC0415 -- only here

    templates = Path(__file__).resolve().parents[2] / "templates"
    for path in templates.rglob("*.html"):
        if "mail" in {path.parent.name, path.stem}:  # no page: mail programs know no style sheets
            continue
        text = path.read_text(encoding="utf-8")
        assert "style=" not in text, path
        assert "<style" not in text, path
        assert "<script>" not in text, path
        assert " on" + "click=" not in text, path
        assert "|safe" not in text.replace("help_text|safe", ""), path


def test_cookies_are_hidden_from_scripts_and_other_sites(root: User, client: Client) -> None:
    client.post("/admin/login/", {"username": "root", "password": PASSWORD})
    for name in ("sessionid", "csrftoken", "device"):
        cookie = client.cookies[name]
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
        assert not cookie["secure"], f"{name}: this was plain http"


def sign_in_by_tls(client: Client) -> None:
    client.post("/admin/login/", {"username": "root", "password": PASSWORD}, **TLS)


def test_cookies_are_this_hosts_alone_when_the_proxy_speaks_tls(
    root: User, client: Client, proxied: None
) -> None:
    sign_in_by_tls(client)
    assert set(client.cookies) == {"__Host-sessionid", "__Host-csrftoken", "__Host-device"}
    for cookie in client.cookies.values():
        assert cookie["secure"]
        assert cookie["httponly"]
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
    assert client.get("/admin/", **TLS).status_code == 200
    client.post("/admin/logout/", **TLS)
    assert client.cookies["__Host-sessionid"]["max-age"] == 0


def test_a_neighbours_cookies_are_not_believed_over_tls(
    root: User, client: Client, proxied: None, as_user: Callable[..., Client]
) -> None:
    """evil.example.com may set `sessionid` and `csrftoken` for all of example.com."""
    neighbours = as_user(root).cookies["sessionid"].value
    client.cookies["sessionid"] = neighbours
    assert client.get("/admin/", **TLS).status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.cookies["csrftoken"] = "x" * 32
    form = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": "x" * 32}
    assert strict.post("/admin/login/", form, **TLS).status_code == 403
    sign_in_by_tls(client)
    own = client.cookies["__Host-sessionid"].value
    client.cookies["sessionid"] = neighbours
    client.post("/admin/logout/", **TLS)
    assert (session_exists(own), session_exists(neighbours)) == (False, True)


def session_exists(key: str) -> bool:
    return SessionStore().exists(key)


def test_strangers_can_not_claim_tls(client: Client, proxied: None) -> None:
    headers = {"x-forwarded-proto": "https", "host": "api.example.com"}
    page = client.get("/", headers=headers, REMOTE_ADDR="192.0.2.1")
    assert "http://api.example.com/v1" in page.content.decode()
    page = client.get("/", headers=headers, REMOTE_ADDR=PROXY)
    assert "https://api.example.com/v1" in page.content.decode()


def test_browsers_stay_with_https_where_there_is_some(db: None, proxied: None) -> None:
    headers = {"x-forwarded-proto": "https"}
    peers = (PROXY, "192.0.2.1")
    answers = [Client().get("/login", headers=headers, REMOTE_ADDR=peer) for peer in peers]
    found = [answer.headers.get("Strict-Transport-Security") for answer in answers]
    assert found == ["max-age=31536000", None]


def sign_in_from(origin: str, client: Client) -> int:
    client.get("/admin/login/")
    secret = client.cookies["csrftoken"].value
    answer = client.post(
        "/admin/login/",
        {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": secret},
        headers={"origin": origin, "host": "testserver"},
    )
    return answer.status_code


def test_signing_in_works_behind_tls_that_we_were_not_told_of(root: User) -> None:
    """TRUSTED_PROXIES is empty after installing; the browser's Origin says https all the same."""
    client = Client(enforce_csrf_checks=True)
    assert sign_in_from("https://testserver", client) == 302
    assert client.cookies["__Host-sessionid"]["secure"]
    assert client.get("/admin/", headers={"host": "testserver"}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "https://testserver.evil.example"])
def test_forms_of_other_sites_are_refused(root: User, origin: str) -> None:
    assert sign_in_from(origin, Client(enforce_csrf_checks=True)) == 403


def test_console_changes_nothing_without_the_secret(
    root: User, as_user: Callable[..., Client]
) -> None:
    client = as_user(root, strict=True)
    answer = client.post("/admin/accounts/group/add/", {"name": "vip", "ratio": "1"})
    assert answer.status_code == 403

"""Secrets planted through every entry of a gateway are in none of its files and pages."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
import pytest

from tests.harness.gateway import PASSWORD
from tests.relay.live_gateway import HELLO, LiveGateway, client_of
from tests.relay.scripted_provider import ScriptedProvider, sse_error, stream, whole

PAGES = (
    "/admin/",
    "/admin/console/auditentry/",
    "/admin/billing/usage/",
    "/admin/accounts/user/",
    "/admin/accounts/token/",
    "/admin/channels_app/channel/",
    "/admin/constance/config/",
    "/admin/console/taskrun/",
    "/admin/notifications/delivery/",
    "/api/channel/",
    "/api/option/",
    "/api/log/",
    "/api/user/",
    "/api/token/",
    "/security",
    "/profile",
    "/log",
)


class Planter:
    """Hands out secrets and remembers them."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.all: list[str] = []

    def __call__(self, mark: str = "") -> str:
        self.all.append(f"Pl4nt{next(self._numbers):02d}Qz8Kx7Wv3")
        return mark + self.all[-1]

    def found_in(self, text: str) -> list[str]:
        lower = text.lower()
        return [secret for secret in self.all if secret.lower() in lower]


@pytest.fixture(scope="module")
def plant(live: LiveGateway, scripts: ScriptedProvider) -> Planter:
    """All have been sent; the calls among them are shipped."""
    planter = Planter()
    plant_in_calls(live, planter)
    plant_in_errors(live, scripts, planter)
    with browser_of(live) as stranger:
        plant_as_stranger(stranger, planter)
    with browser_of(live, "root") as root:
        plant_as_root(live, root, planter)
    live.usage_of(live.chat("planted"))
    assert len(planter.all) >= 50
    return planter


def plant_in_calls(live: LiveGateway, plant: Planter) -> None:
    live.new_channel("planted")
    live.take_in()
    for name, mark in (
        ("authorization", "Bearer sk-"),
        ("authorization", "Basic "),
        ("x-api-key", "sk-"),
        ("x-goog-api-key", "AIza"),
        ("api-key", ""),
        ("mj-api-secret", ""),
        ("sec-websocket-protocol", "openai-insecure-api-key.sk-"),
    ):
        live.call("POST", "/v1/chat/completions", json={}, headers={name: plant(mark)})
    for name in ("cookie", "proxy-authorization", "x-forwarded-for", "user-agent", "x-secret"):
        live.chat("planted", headers={name: plant("sessionid=" if name == "cookie" else "")})
    for path in (f"/v1/models?key={plant()}", f"/v1/models/sk-{plant()}", f"/v1/{plant()}"):
        live.call("GET", path)
    live.call("POST", f"/v1beta/models/planted:generateContent?key={plant()}", json={}, headers={})
    for field in ("user", "api_key", "base_url", "metadata", "prompt_cache_key"):
        more: dict[str, Any] = {field: plant("sk-")}
        live.chat("planted", **more)
    live.chat("planted", messages=[{"role": "user", "content": plant("my password is ")}])
    live.chat(plant("sk-"))
    live.chat("planted", key=plant())
    live.call("POST", "/v1/chat/completions", content=plant('{"key": "').encode())
    form = {"model": "planted", "prompt": plant()}
    live.call("POST", "/v1/images/edits", data=form, files={"image": (plant(), b"x")})


def plant_in_errors(live: LiveGateway, scripts: ScriptedProvider, plant: Planter) -> None:
    for mark in ("sk-", "Bearer ", "api-key=", "https://u:pw@h.example/?key=", "AIza", "key "):
        model = live.new_name("failing")
        key = plant("sk-" if mark != "key " else "")
        text = f"refused {mark}{plant() if mark != 'key ' else key}, as was {key}"
        body = json.dumps({"error": {"message": text}}).encode()
        live.new_channel(model, url=scripts.say(model, whole(body, "401 Unauthorized")), key=key)
        told = live.new_name("told")
        live.new_channel(told, url=scripts.say(told, *stream(sse_error(text))), key=key)
        live.take_in()
        answers = [live.chat(model), live.chat(told, stream=True)]
        assert plant.found_in(str([(one.text, one.headers) for one in answers])) == []


@contextmanager
def browser_of(live: LiveGateway, name: str = "") -> Iterator[httpx.Client]:
    with client_of(live.url) as client:
        if name:
            send(client, "/login", login=name, password=PASSWORD)
            assert client.get("/security").status_code == 200
        yield client


def send(browser: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """A form of ours, with its token."""
    page = browser.get("/login" if "sessionid" not in browser.cookies else "/security").text
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    return browser.post(path, data={"csrfmiddlewaretoken": found[1], **fields})


def plant_as_stranger(browser: httpx.Client, plant: Planter) -> None:
    send(browser, "/login", login="nobody", password=plant())
    send(browser, "/login", login=plant(), password=plant())
    send(browser, "/register", username="x", password1=plant(), password2=plant())
    send(browser, "/key", key=plant("sk-"))
    send(browser, "/reset/MQ/set-password", new_password1=plant(), new_password2=plant())
    for path in (
        f"/api/log/token?key=sk-{plant()}",
        f"/sk-{plant()}",
        f"/admin/{plant()}/",
        f"/oauth/github?code={plant()}&state={plant()}",
        f"/oauth/telegram?hash={plant()}&id=1",
        f"/register?aff={plant()}",
        f"/api/user/epay/notify?out_trade_no=U1&sign={plant()}&trade_status=TRADE_SUCCESS",
    ):
        browser.get(path)
    browser.post("/api/user/login", json={"username": "nobody", "password": plant()})
    browser.post("/api/stripe/webhook", content=plant(), headers={"stripe-signature": plant()})
    browser.get("/api/user/self", headers={"authorization": plant("Bearer at-")})
    browser.post("/login", data={"csrfmiddlewaretoken": plant(), "password": plant()})


def plant_as_root(live: LiveGateway, browser: httpx.Client, plant: Planter) -> None:
    for path, names in (
        ("/security/password", ("old_password", "new_password1", "new_password2")),
        ("/topup/redeem", ("code",)),
        ("/admin/accounts/user/add/", ("username", "password1", "password2")),
    ):
        send(browser, path, **{name: plant() for name in names})
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get("/security").text)
    assert found is not None
    headers = {"x-csrftoken": found[1]}
    for name in ("EpayKey", "StripeSecretKey", "TurnstileSecretKey", "GitHubClientSecret"):
        body = {"key": name, "value": plant()}
        assert browser.put("/api/option/", json=body, headers=headers).json()["success"]
    channel = {
        "type": 1,
        "name": "planted",
        "key": plant("sk-"),
        "models": "x",
        "groups": "default",
    }
    channel["proxy_url"] = f"http://u:{plant()}@10.0.0.9:1"
    assert browser.post("/api/channel/", json=channel, headers=headers).json()["success"]
    live.call("POST", "/v1/chat/completions", json={"model": "x", "messages": HELLO})
    browser.put("/api/user/self", json={"original_password": plant(), "password": plant()})


def files_of(live: LiveGateway) -> Iterator[tuple[str, str]]:
    for path in live.gateway.folder.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes().decode("utf-8", "replace")


def test_no_file_of_the_gateway_holds_one(live: LiveGateway, plant: Planter) -> None:
    """The log, the database with its write-ahead log, the journals, the queue."""
    found = {name: plant.found_in(text) for name, text in files_of(live)}
    assert "chatapi.db" in found
    assert "serve.log" in found
    assert {name: secrets for name, secrets in found.items() if secrets} == {}


def test_no_page_of_the_console_shows_one(live: LiveGateway, plant: Planter) -> None:
    with browser_of(live, "root") as root:
        for path in PAGES:
            answer: Any = root.get(path)
            assert answer.status_code == 200, path
            assert plant.found_in(answer.text) == [], path

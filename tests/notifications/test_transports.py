"""What each transport says, and what it makes of answers."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from notifications.config import Config, read_config
from notifications.transports import TRANSPORTS
from notifications.transports.base import Message, TransportError
from notifications.transports.webhook import sign
from tests.harness.receiver import Receiver

MESSAGE = Message(
    key="k1",
    event="channel_disabled",
    subject="Channel One was disabled",
    text="The key is refused.",
    html="<p>The key is refused.</p>",
    link="https://example.com/admin/",
    data={"channel": "One"},
    created_at="2026-11-29T20:00:00+00:00",
)
TARGETS: dict[str, dict[str, str]] = {
    "wxpusher": {"uid": "UID_1,UID_2"},
    "telegram": {"chat": "42"},
    "bark": {"url": "", "key": "bark-key"},
    "gotify": {"url": "", "token": "gotify-token"},
    "webhook": {"url": "", "secret": "whsec_c2VjcmV0"},
}
HTTP = tuple(TARGETS)


@pytest.fixture
def config(options: Callable[..., None], receiver: Receiver) -> Config:
    options(
        AppToken="wx-token",
        WxPusherServer=receiver.url,
        TelegramBotToken="1:bot",
        TelegramServer=receiver.url,
    )
    return read_config()


def send(name: str, receiver: Receiver, config: Config, *, is_trusted: bool = True) -> None:
    target = dict(TARGETS[name])
    if "url" in target:
        target["url"] = receiver.url
    TRANSPORTS[name].send(target, MESSAGE, config, is_trusted=is_trusted)


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        (
            "wxpusher",
            "/api/send/message",
            {"appToken": "wx-token", "uids": ["UID_1", "UID_2"], "contentType": 1},
        ),
        ("telegram", "/bot1:bot/sendMessage", {"chat_id": "42"}),
        ("bark", "/push", {"device_key": "bark-key", "title": "Channel One was disabled"}),
        ("gotify", "/message", {"title": "Channel One was disabled", "priority": 5}),
        ("webhook", "/", {"type": "channel_disabled", "timestamp": MESSAGE.created_at}),
    ],
)
def test_it_says_what_its_service_reads(
    name: str, path: str, expected: dict[str, Any], receiver: Receiver, config: Config
) -> None:
    receiver.body = b'{"ok": true, "code": 1000}'
    send(name, receiver, config)
    (posted,) = receiver.posted
    assert posted.path == path
    assert expected.items() <= posted.json.items()
    assert "The key is refused." in json.dumps(posted.json)
    if name == "gotify":
        assert posted.headers["x-gotify-key"] == "gotify-token"


def test_a_webhook_is_signed_as_its_receivers_check_it(receiver: Receiver, config: Config) -> None:
    send("webhook", receiver, config)
    (posted,) = receiver.posted
    key, moment = posted.headers["webhook-id"], posted.headers["webhook-timestamp"]
    signed = f"{key}.{moment}.".encode() + posted.body
    digest = hmac.new(b"secret", signed, hashlib.sha256).digest()
    assert key == "k1"
    assert posted.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of standardwebhooks.com."""
    headers = sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize(("status", "permanent"), [(500, False), (429, False), (302, True)])
def test_statuses_say_whether_it_is_worth_another_try(
    name: str, status: int, *, permanent: bool, receiver: Receiver, config: Config
) -> None:
    receiver.status, receiver.body = status, b"<html>"
    receiver.headers = {"location": "http://169.254.169.254/", "retry-after": "120"}
    with pytest.raises(TransportError) as raised:
        send(name, receiver, config)
    assert raised.value.permanent is permanent
    assert raised.value.retry_seconds == (0 if permanent else 120)
    assert len(receiver.posted) == 1


@pytest.mark.parametrize(
    ("name", "status", "answer", "permanent"),
    [
        ("telegram", 403, {"ok": False, "error_code": 403, "description": "blocked"}, True),
        ("telegram", 400, {"ok": False, "error_code": 400, "description": "no chat"}, True),
        ("telegram", 401, {"ok": False, "error_code": 401, "description": "who?"}, False),
        ("wxpusher", 200, {"code": 1001, "msg": "token"}, False),
        ("wxpusher", 200, {"code": 1000, "data": [{"code": 1001, "status": "gone"}]}, True),
        ("wxpusher", 200, [], False),
        ("gotify", 401, {}, True),
        ("bark", 400, {}, True),
        ("webhook", 410, {}, True),
    ],
)
def test_what_services_answer(
    name: str, status: int, answer: Any, *, permanent: bool, receiver: Receiver, config: Config
) -> None:
    receiver.status, receiver.body = status, json.dumps(answer).encode()
    with pytest.raises(TransportError) as raised:
        send(name, receiver, config)
    assert raised.value.permanent is permanent


def test_telegram_is_given_the_time_it_asks_for(receiver: Receiver, config: Config) -> None:
    answer = {"ok": False, "error_code": 429, "description": "x", "parameters": {"retry_after": 77}}
    receiver.status, receiver.body = 429, json.dumps(answer).encode()
    with pytest.raises(TransportError) as raised:
        send("telegram", receiver, config)
    assert (raised.value.permanent, raised.value.retry_seconds) == (False, 77)


@pytest.mark.parametrize("name", HTTP)
def test_a_huge_answer_is_not_read_to_its_end(
    name: str, receiver: Receiver, config: Config
) -> None:
    receiver.status, receiver.body = 500, b"x" * 50_000_000
    with pytest.raises(TransportError) as raised:
        send(name, receiver, config)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("name", ["bark", "gotify", "webhook"])
@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{port}", "http://localhost:{port}", "http://[::1]:{port}"),
        *("http://2130706433:{port}", "http://0x7f000001:{port}", "http://127.1:{port}"),
        *("http://0:{port}", "http://[::ffff:127.0.0.1]:{port}", "http://0.0.0.0:{port}"),
        *("http://①②⑦.⓪.⓪.①:{port}", "http://127。0。0。1:{port}", "http://LOCALHOST:{port}"),
        *("http://169.254.169.254", "http://metadata.google.internal", "http://10.0.0.1"),
        *("http://[64:ff9b::7f00:1]:{port}", "http://[fec0::1]", "http://168.63.129.16"),
    ],
)
def test_a_users_address_never_leads_inside(
    name: str, url: str, receiver: Receiver, config: Config
) -> None:
    target = {**TARGETS[name], "url": url.format(port=receiver.port)}
    with pytest.raises(TransportError) as raised:
        TRANSPORTS[name].send(target, MESSAGE, config, is_trusted=False)
    assert raised.value.permanent
    assert receiver.posted == []


@pytest.mark.parametrize("name", ["bark", "gotify", "webhook"])
@pytest.mark.parametrize("url", ["http://169.254.169.254", "http://[::ffff:169.254.169.254]"])
def test_not_even_an_operator_reaches_metadata(name: str, url: str, config: Config) -> None:
    with pytest.raises(TransportError) as raised:
        TRANSPORTS[name].send({**TARGETS[name], "url": url}, MESSAGE, config, is_trusted=True)
    assert raised.value.permanent


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *(
            (name, {"key": "k", "token": "t", "url": url})
            for name in ("bark", "gotify", "webhook")
            for url in (
                "",
                "file:///etc/passwd",
                "gopher://example.com",
                "http://a@example.com",
                "http://example.com:25",
                "http://example.com:0",
                "http://example.com\\@127.0.0.1",
                "http://example.com/#x",
                "http://example.com/\r\nx: y",
                "http://" + "a" * 600,
                "http://169.254.169.254/",
                "//example.com",
                "javascript:alert(1)",
            )
        ),
        ("bark", {"url": "https://api.day.app", "key": ""}),
        ("gotify", {"url": "https://example.com", "token": "a\r\nb: c"}),
        *(("telegram", {"chat": chat}) for chat in ("", "abc", "1 2", "@x", "٣", "1" * 30)),
        *(("wxpusher", {"uid": uid}) for uid in ("", "UID", "UID_", "UID_a,UID_b", "UID_é")),
        *(("email", {"address": text}) for text in ("", "x", "a@b.c\r\nBcc: d@e.f", "a@b.c;d@e.f")),
    ],
)
def test_bad_targets_are_refused_by_name(name: str, values: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as raised:
        TRANSPORTS[name].check(values)
    assert set(raised.value.message_dict) <= {field.name for field in TRANSPORTS[name].fields}


def test_good_targets_are_kept() -> None:
    assert TRANSPORTS["email"].check({"address": " a@example.com "}) == {"address": "a@example.com"}
    assert TRANSPORTS["telegram"].check({"chat": "-100123"}) == {"chat": "-100123"}
    url = "https://example.com/hook?x=1"
    kept = TRANSPORTS["webhook"].check({"url": url, "secret": "whsec_old"})
    assert kept == {"url": url, "secret": "whsec_old"}
    assert TRANSPORTS["webhook"].check({"url": url})["secret"].startswith("whsec_")

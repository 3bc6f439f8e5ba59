"""Fifty secrets, planted as they come in and go out, and what must stay readable."""

import json
import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from chatapi.lib.logs import configure_logs, quieten_refusal
from chatapi.lib.masking import mask_text, mask_value

CORE = "Pl4ntedS3cret9xYz"
ENTRIES = [
    f"Authorization: Bearer {CORE}",
    f"authorization=bearer {CORE}",
    f"Authorization: Basic {CORE}==",
    f"Proxy-Authorization: Basic {CORE}",
    f"'authorization': 'Bearer {CORE}'",
    f"(b'authorization', b'Bearer {CORE}')",
    f"bearer {CORE} was refused",
    f"x-api-key: {CORE}",
    f"X-Goog-Api-Key: {CORE}",
    f"api-key={CORE}",
    f'"api_key": "{CORE}"',
    f"apikey={CORE}",
    f"https://a.example/v1?key={CORE}&alt=sse",
    f"GET /api/log/token?key=sk-{CORE}",
    f"/v1beta/models/m:generateContent?alt=sse&key={CORE} HTTP/1.1",
    f"?access_token={CORE}",
    f"refresh_token={CORE}",
    f"client_secret={CORE}",
    f"{{'client_secret': '{CORE}'}}",
    f'{{"secret": "{CORE}"}}',
    f"Cookie: sessionid={CORE}; csrftoken=x{CORE}",
    f"Set-Cookie: sessionid={CORE}; HttpOnly",
    f"csrfmiddlewaretoken={CORE}",
    f"password={CORE}",
    f"password1={CORE}&password2={CORE}",
    f"old_password: {CORE}",
    f'{{"password": "{CORE}\\" and {CORE}"}}',
    f'"{{\\"password\\": \\"{CORE}\\"}}"',
    f"passwd='{CORE}'",
    f"passphrase = {CORE}",
    f"postgres://chat:{CORE}@db.example/chat",
    f"redis://:{CORE}@10.0.0.1:6379/0",
    f"http://user:{CORE}@proxy.example:3128",
    f"sk-{CORE}",
    f"web:k1:{CORE}+/{CORE}==",
    f"/v1/models/web%3Ak1%3A{CORE}%2F{CORE}%3D",
    f"sk-proj-{CORE}_and-more",
    f"sk-ant-api03-{CORE}",
    f"at-{CORE}",
    f"sk_live_{CORE}",
    f"rk_test_{CORE}",
    f"whsec_{CORE}",
    f"AIza{CORE}",
    f"AKIA{CORE}",
    f"ya29.{CORE}",
    f"gsk_{CORE}",
    f"hf_{CORE}",
    f"xai-{CORE}",
    f"ghp_{CORE}",
    f"glpat-{CORE}",
    f"xoxb-{CORE}",
    f"eyJhbGciOiJIUzI1.eyJzdWIiOiIx.{CORE}",
    f"Incorrect API key provided: sk-{CORE}.",
    f"out_trade_no=U1&sign={CORE}&sign_type=MD5",
    f"signature={CORE}",
    f"X-Amz-Security-Token={CORE}",
    f"TELEGRAM_BOT_TOKEN={CORE}",
    "4111 1111 1111 1111",
    "5500-0000-0000-0004",
    "card 378282246310005 declined",
]
PLAIN = [
    "the token's limit was not renewed",
    "tokens: 812, max_tokens=4096",
    "request 20261129231807123456789AbCdEfGh failed",
    "budget 42 holds 4503599627370496 units",
    "Not Found: /admin/billing/usage/",
    "Incorrect API key provided.",
    "model gpt-4o-mini of channel 7 answered 401",
    "https://api.example.com/v1/chat/completions",
    "2026-11-29T23:18:07.123456+00:00",
]


@pytest.mark.parametrize("text", ENTRIES)
def test_a_secret_is_replaced_whole(text: str) -> None:
    for seen in (mask_text(text), str(mask_value({"deep": [text, (text,)]}))):
        assert CORE not in seen
        assert not any(part in seen for part in ("1111 1111", "0000-0000", "282246310"))


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask_text(text) == text


def test_a_value_with_the_name_of_a_secret_goes_whole() -> None:
    given = {"password": "a b c", "headers": {"X-Api-Key": "short"}, "token": 7, "key_count": "3"}
    masked = {"password": "***", "headers": {"X-Api-Key": "***"}, "token": 7, "key_count": "3"}
    assert mask_value(given) == masked


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    """What was logged, line by line."""
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    root.handlers[:], root.level = kept
    structlog.reset_defaults()


def fail(text: str) -> None:
    raise ValueError(text)


def test_every_road_into_the_log_is_masked(lines: Any) -> None:
    configure_logs("info")
    for text in ENTRIES:
        logging.getLogger("library").warning("it said %s", text)
        logging.getLogger("library").warning(json.dumps({"a": [text]}))
        logging.getLogger("library").warning('{"looks like json %s}', text)
        structlog.get_logger("ours").warning("failed", reason=text, more={"deep": [text]})
        try:
            fail(text)
        except ValueError:
            logging.getLogger("library").exception("caught\r\nforged line")
            structlog.get_logger("ours").exception("caught")
    found = lines()
    assert len(found) == 6 * len(ENTRIES)
    whole = json.dumps(found)
    assert CORE not in whole
    assert "1111 1111" not in whole


def test_what_clients_do_wrong_is_one_line_without_a_traceback(lines: Any) -> None:
    configure_logs("info")
    request = SimpleNamespace(META={"chatapi.request_id": "r-1"})
    logger = logging.getLogger("django.request")
    for status in (403, 404, 405, 429, 400, 500):
        try:
            fail("no")
        except ValueError:
            more = {"status_code": status, "request": request}
            logger.warning("Answer: %s", "/path", extra=more, exc_info=sys.exc_info())
    found = lines()
    assert [(line["status"], line["level"]) for line in found] == [
        (403, "info"),
        (400, "info"),
        (500, "warning"),
    ]
    assert ["exception" in line for line in found] == [False, False, True]
    assert {line["request_id"] for line in found} == {"r-1"}


def test_a_refusal_is_heard_when_everything_is() -> None:
    record = logging.makeLogRecord({"levelno": logging.WARNING, "status_code": 404})
    root = logging.getLogger()
    before, root.level = root.level, logging.DEBUG
    assert quieten_refusal(record)
    root.level = before

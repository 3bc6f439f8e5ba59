"""A provider's failure: classified by what it is, told without what is secret."""

import json
import string
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from channels_app.failures import (
    Cause,
    clean_message,
    from_answer,
    parse_retry_after,
    read_error,
)

# (status, error object, cause, whether another channel may be tried)
KNOWN: list[tuple[int, dict[str, Any], Cause, bool]] = [
    (400, {"type": "invalid_request_error"}, Cause.CLIENT, False),
    (422, {}, Cause.CLIENT, False),
    (400, {"code": "context_length_exceeded"}, Cause.TOO_LONG, False),
    (413, {}, Cause.TOO_LONG, False),
    (400, {"type": "exceed_context_size_error", "code": 400}, Cause.TOO_LONG, False),
    (400, {"code": "content_policy_violation"}, Cause.REFUSED, False),
    (400, {"code": "content_filter"}, Cause.REFUSED, False),
    (400, {"code": "ResponsibleAIPolicyViolation"}, Cause.REFUSED, False),
    (401, {"code": "invalid_api_key"}, Cause.CREDENTIAL, True),
    (402, {}, Cause.CREDENTIAL, True),
    (403, {}, Cause.CREDENTIAL, True),
    (429, {"code": "insufficient_quota"}, Cause.CREDENTIAL, True),
    (400, {"code": "billing_hard_limit_reached"}, Cause.CREDENTIAL, True),
    (400, {"code": "account_deactivated"}, Cause.CREDENTIAL, True),
    (429, {"type": "requests", "code": "rate_limit_exceeded"}, Cause.RATE_LIMITED, True),
    (429, {}, Cause.RATE_LIMITED, True),
    (200, {"code": "rate_limit_exceeded"}, Cause.RATE_LIMITED, True),
    (404, {"code": "model_not_found"}, Cause.OVERLOADED, True),
    (404, {"type": "invalid_request_error", "param": "input"}, Cause.MISSING, True),
    (404, {"type": "invalid_request_error", "param": "model"}, Cause.OVERLOADED, True),
    # OpenAI's answer at an address that it does not have.
    (404, {"type": "invalid_request_error", "param": None}, Cause.OVERLOADED, True),
    (408, {}, Cause.TIMEOUT, True),
    (504, {}, Cause.TIMEOUT, True),
    (500, {}, Cause.OVERLOADED, True),
    (503, {}, Cause.OVERLOADED, True),
    (529, {"type": "overloaded_error"}, Cause.OVERLOADED, True),
    (302, {}, Cause.OVERLOADED, True),
    (200, {"type": "server_error"}, Cause.OVERLOADED, True),
]


@pytest.mark.parametrize(("status", "error", "cause", "may_retry"), KNOWN)
def test_failure_is_classified_by_status_type_and_code(
    status: int, error: dict[str, Any], cause: Cause, *, may_retry: bool
) -> None:
    body = json.dumps({"error": {"message": "m", **error}}).encode()
    failure = from_answer(status, body)
    assert (failure.cause, failure.may_retry) == (cause, may_retry)


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8 tokens. However, you requested 9 tokens",
        "This model's maximum prompt length is 8 but the request contains 9 tokens.",
        "The decoder prompt (length 9) is longer than the maximum model length of 8.",
        "The input (9 tokens) is longer than the model's context length (8 tokens).",
    ],
)
def test_servers_that_say_only_in_words_what_is_too_long(message: str) -> None:
    error = {"message": message, "type": "BadRequestError", "param": None, "code": 400}
    assert from_answer(400, json.dumps({"error": error}).encode()).cause == Cause.TOO_LONG
    # As an event of a stream, and as older servers write it.
    assert from_answer(200, json.dumps({"error": error}).encode()).cause == Cause.TOO_LONG
    assert from_answer(400, json.dumps({"object": "error", **error}).encode()).cause == (
        Cause.TOO_LONG
    )
    quoted = {"message": f"bad content: {message}", "type": "BadRequestError", "code": 400}
    assert from_answer(400, json.dumps({"error": quoted}).encode()).cause == Cause.CLIENT


def test_words_that_a_client_wrote_do_not_decide() -> None:
    """A prompt is often quoted in the error: it must not disable a channel."""
    said = (
        "messages: invalid_api_key insufficient_quota account_deactivated context_length_exceeded"
    )
    body = json.dumps({"error": {"message": said, "type": "invalid_request_error"}}).encode()
    assert from_answer(400, body).cause == Cause.CLIENT


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "m", "code": 5}}, "m"),
        ({"error": {"msg": "m"}}, "m"),
        ({"error": "m"}, "m"),
        ({"message": "m"}, "m"),
        ({"msg": "m"}, "m"),
        ({"err": "m"}, "m"),
        ({"error_msg": "m"}, "m"),
        ({"detail": "m"}, "m"),
        ([{"error": {"message": "m", "status": "INVALID"}}], "m"),
        ("m", ""),
        (None, ""),
        ([], ""),
        ({"error": {"message": {"deep": 1}}}, "{'deep': 1}"),
    ],
)
def test_message_is_found_in_the_shapes_that_providers_use(body: Any, message: str) -> None:
    assert read_error(json.dumps(body).encode())[0] == message


@given(st.binary(max_size=300), st.integers(100, 599))
def test_no_answer_is_too_strange_to_be_a_failure(body: bytes, status: int) -> None:
    failure = from_answer(status, body, "x")
    assert failure.message
    assert len(failure.message) <= 500
    assert failure.message.isprintable()


def test_body_of_a_failure_may_be_nested_without_end() -> None:
    assert from_answer(500, b'{"error":' * 100_000).cause == Cause.OVERLOADED


# What must not survive, in the forms that providers are known to print.
PLANTED = {
    "OpenAI key": "sk-proj-AbCdEf0123456789_-xyz",
    "masked key": "sk-abc***********************wxyz",
    "old key": "sk-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefghijkl",
    "Anthropic key": "sk-ant-api03-AbCdEfGh",
    "Groq key": "gsk_AbCdEf0123456789",
    "xAI key": "xai-AbCdEf0123456789",
    "Google key": "AIzaSyA1234567890abcdefghijklmnopqrstuvw",
    "Google token": "ya29.a0AfH6SMBx1234567890",
    "organisation": "org-AbCdEf0123456789",
    "project": "proj_AbCdEf0123456789",
    "URL": "https://internal.example.com:8443/v1/chat?key=abc",
    "URL of another scheme": "grpc://10.0.0.5:50051/model",
    "host": "llm-gateway-7.prod.internal:8080",
    "Azure host": "my-deployment.openai.azure.com",
    "address": "192.168.17.4:8000",
    "IPv6 address": "[fd12:3456:789a::1]:8000",
    "bare IPv6 address": "fe80::1ff:fe23:4567:890a",
    "AWS key": "AKIAIOSFODNN7EXAMPLE",
    "AWS role": "arn:aws:iam::123456789012:role/llm",
    "Hugging Face token": "hf_AbCdEfGhIjKlMnOpQrSt",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.AbCdEf0123456789",
}
AROUND = [
    "{}",
    "key {}.",
    'Post "{}": EOF',
    "({})",
    "api_key={}&x=1",
    "Bearer {}",
    "a\n{}\tb",
    "无效：{}。",
    "密钥{}无效",
]


@pytest.mark.parametrize("name", PLANTED)
def test_planted_secret_never_survives(name: str) -> None:
    secret = PLANTED[name]
    told = {}
    for around in AROUND:
        body = json.dumps({"error": {"message": around.format(secret)}}, ensure_ascii=False)
        told[around] = from_answer(400, body.encode()).message
    # No run of eight of its characters is left either.
    runs = [secret[at : at + 8] for at in range(len(secret) - 7)]
    runs = [run for run in runs if set(run) != {"*"}]
    assert {around: text for around, text in told.items() if any(r in text for r in runs)} == {}


@given(
    secret=st.text(string.ascii_letters + string.digits, min_size=20, max_size=60),
    before=st.text(max_size=40),
    after=st.text(max_size=40),
    prefix=st.sampled_from(["sk-", "sk-proj-", "org-", "Bearer ", "api_key=", "https://h/"]),
)
def test_secret_is_found_in_any_surroundings(
    secret: str, before: str, after: str, prefix: str
) -> None:
    assume(secret not in before + after)
    assert secret not in clean_message(f"{before} {prefix}{secret} {after}")


@pytest.mark.parametrize("field", ["type", "code", "param"])
def test_other_fields_of_an_error_hold_no_secret_and_no_novel_either(field: str) -> None:
    for planted in ("sk-proj-AbCdEf0123456789xyz", "x" * 5000):
        body = json.dumps({"error": {"message": "m", field: planted}}).encode()
        value = str(getattr(from_answer(400, body), field) or "")
        assert planted not in value
        assert len(value) <= 200


@pytest.mark.parametrize(
    "text",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
        "Invalid value: 'tool'. Supported values are: 'system', 'user', and 'assistant'.",
        "Rate limit reached for gpt-4o-mini on tokens per min (TPM): Limit 3, Used 3, Requested 1.",
        "messages.3.content.0.image_url is not a valid field",
        "你的请求过于频繁，请稍后再试。",
        "'temperature' must be between 0.0 and 2.0; version 1.2.3 is required at 12:30",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert clean_message(text) == text


@pytest.mark.parametrize(
    ("given_value", "seconds"),
    [
        (None, None),
        ("30", 30),
        (" 5 ", 5),
        ("0", 1),
        ("99999999", 300),
        ("9" * 400, 300),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_a_bounded_number_of_seconds(
    given_value: str | None, seconds: float | None
) -> None:
    assert parse_retry_after(given_value) == seconds

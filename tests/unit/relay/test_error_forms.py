"""What a client reads of a provider's refusal."""

import json
from typing import Any

import pytest

from channels_app.failures import from_answer
from relay.error_forms import write_error, write_stream_error
from relay.retry import refuse_for

VLLM = "This model's maximum context length is 8 tokens. However, you requested 9 tokens"


def refusal(message: str, code: str | int = 400) -> Any:
    body = {"error": {"message": message, "type": "BadRequestError", "code": code}}
    return refuse_for(from_answer(400, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("message", "code", "told"),
    [
        (VLLM, 400, f"prompt is too long: {VLLM} (request id: r)"),
        ("Too much.", "context_length_exceeded", "prompt is too long: Too much. (request id: r)"),
        (
            "Prompt is too long: 9 tokens > 8 maximum",
            "context_length_exceeded",
            "Prompt is too long: 9 tokens > 8 maximum (request id: r)",
        ),
        ("n must be 1", 400, "n must be 1 (request id: r)"),
    ],
)
def test_claude_code_learns_that_a_prompt_is_too_long(
    message: str, code: str | int, told: str
) -> None:
    body = write_error("anthropic", refusal(message, code), "r", "")
    assert json.loads(body) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": told},
        "request_id": "r",
    }
    event = write_stream_error("anthropic", refusal(message, code), "r", "")
    assert event == b"event: error\ndata: " + body + b"\n\n"


@pytest.mark.parametrize("dialect", ["openai", "gemini", "responses"])
def test_others_read_the_provider_s_words(dialect: str) -> None:
    told = json.loads(write_error(dialect, refusal(VLLM), "r", ""))
    assert told["error"]["message"] == f"{VLLM} (request id: r)"

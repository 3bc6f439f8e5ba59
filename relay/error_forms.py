"""Errors as each dialect writes them.

OpenAI   {"error": {message, type, param, code}}
Claude   {"type": "error", "error": {type, message}, "request_id"}; docs.anthropic.com/en/api/errors
Gemini   {"error": {code, message, status}}; cloud.google.com/apis/design/errors
"""

from collections.abc import Callable

import msgspec

from chatapi.lib.languages import choose_language
from relay.errors import CallRefused

CLAUDE_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
GEMINI_STATES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

TOO_LONG = "prompt is too long"
"""What Anthropic says of it; Claude Code shortens its conversation on these words."""

_encode = msgspec.json.Encoder().encode


def write_error(dialect: str, error: CallRefused, request_id: str, accept_language: str) -> bytes:
    """The body of an error answer, with the request id in its text."""
    message = error.message(choose_language(accept_language))
    write = _WRITERS.get(dialect, _write_openai)
    return write(error, f"{message} (request id: {request_id})", request_id)


def write_stream_error(
    dialect: str, error: CallRefused, request_id: str, accept_language: str
) -> bytes:
    """The same as an event of the dialect's streams, with what ends them."""
    if dialect == "responses":
        message = error.message(choose_language(accept_language))
        told = {
            "type": "error",
            "code": error.code,
            "message": f"{message} (request id: {request_id})",
            "param": error.param,
            "sequence_number": 0,
        }
        return b"event: error\ndata: " + _encode(told) + b"\n\n"
    body = write_error(dialect, error, request_id, accept_language)
    if dialect == "anthropic":
        return b"event: error\ndata: " + body + b"\n\n"
    return b"data: " + body + b"\n\ndata: [DONE]\n\n"


def claude_type(status: int) -> str:
    return CLAUDE_TYPES.get(status, "api_error")


def gemini_state(status: int) -> str:
    return GEMINI_STATES.get(status, "UNKNOWN")


def _write_openai(error: CallRefused, message: str, request_id: str) -> bytes:  # noqa: ARG001 -- one of _WRITERS
    told = {"message": message, "type": error.type, "param": error.param, "code": error.code}
    return _encode({"error": told})


def _write_claude(error: CallRefused, message: str, request_id: str) -> bytes:
    if error.is_too_long and TOO_LONG not in message.lower():
        message = f"{TOO_LONG}: {message}"
    told = {"type": claude_type(error.status), "message": message}
    return _encode({"type": "error", "error": told, "request_id": request_id})


def _write_gemini(error: CallRefused, message: str, request_id: str) -> bytes:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.code,
        "metadata": {"request_id": request_id},
    }
    told = {
        "code": error.status,
        "message": message,
        "status": gemini_state(error.status),
        "details": [info],
    }
    return _encode({"error": told})


_WRITERS: dict[str, Callable[[CallRefused, str, str], bytes]] = {
    "anthropic": _write_claude,
    "gemini": _write_gemini,
}

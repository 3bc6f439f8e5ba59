"""Errors whose meaning only their provider's documents tell, and errors in all shapes."""

import json
from typing import Any

import pytest

from channels_app.catalogue import find_kind
from channels_app.failures import Cause, UpstreamFailure
from channels_app.providers import adaptor_of

CREDIT = "Your credit balance is too low to access the Anthropic API."


def claude(kind: str, message: str = "m") -> Any:
    return {"type": "error", "error": {"type": kind, "message": message}}


def openai(message: str = "m", **fields: Any) -> Any:
    return {"error": {"message": message, **fields}}


ERRORS: list[tuple[str, int, Any, Cause]] = [
    ("anthropic", 400, claude("invalid_request_error"), Cause.CLIENT),
    ("anthropic", 400, claude("invalid_request_error", CREDIT), Cause.CREDENTIAL),
    ("anthropic", 400, claude("invalid_request_error", f"messages: {CREDIT}"), Cause.CLIENT),
    (
        "anthropic",
        400,
        claude("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        Cause.TOO_LONG,
    ),
    ("anthropic", 401, claude("authentication_error"), Cause.CREDENTIAL),
    ("anthropic", 402, claude("billing_error"), Cause.CREDENTIAL),
    ("anthropic", 403, claude("permission_error"), Cause.CREDENTIAL),
    ("anthropic", 404, claude("not_found_error"), Cause.OVERLOADED),
    ("anthropic", 413, claude("request_too_large"), Cause.TOO_LONG),
    ("anthropic", 429, claude("rate_limit_error"), Cause.RATE_LIMITED),
    ("anthropic", 500, claude("api_error"), Cause.OVERLOADED),
    ("anthropic", 504, claude("timeout_error"), Cause.TIMEOUT),
    ("anthropic", 529, claude("overloaded_error"), Cause.OVERLOADED),
    # The same in a stream that has begun with 200.
    ("anthropic", 200, claude("rate_limit_error"), Cause.RATE_LIMITED),
    ("anthropic", 200, claude("overloaded_error"), Cause.OVERLOADED),
    ("anthropic", 200, claude("timeout_error"), Cause.TIMEOUT),
    ("azure", 400, openai(code="content_filter"), Cause.REFUSED),
    (
        "azure",
        400,
        openai(code="400", inner_error={"code": "ResponsibleAIPolicyViolation"}),
        Cause.REFUSED,
    ),
    ("azure-v1", 400, openai(code="contentFilter"), Cause.REFUSED),
    ("azure", 404, openai(code="DeploymentNotFound"), Cause.OVERLOADED),
    ("azure", 401, {"statusCode": 401, "message": "Access denied"}, Cause.CREDENTIAL),
    ("bedrock", 400, {"message": "Input is too long for requested model."}, Cause.TOO_LONG),
    ("bedrock", 400, {"Message": "Malformed input request"}, Cause.CLIENT),
    ("bedrock", 403, {"message": "You don't have access to the model"}, Cause.CREDENTIAL),
    ("bedrock", 424, {"message": "failed while processing the model"}, Cause.OVERLOADED),
    (
        "bedrock-converse",
        400,
        {"__type": "com.amazon.coral.service#AccessDeniedException", "message": "m"},
        Cause.CREDENTIAL,
    ),
    (
        "gemini",
        400,
        openai("API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT"),
        Cause.CREDENTIAL,
    ),
    ("gemini", 400, openai(code=400, status="FAILED_PRECONDITION"), Cause.OVERLOADED),
    (
        "gemini",
        400,
        openai("The input token count (9) exceeds the maximum", status="INVALID_ARGUMENT"),
        Cause.TOO_LONG,
    ),
    (
        "gemini",
        403,
        openai(
            "You do not have permission to access the File x or it may not exist.",
            status="PERMISSION_DENIED",
        ),
        Cause.MISSING,
    ),
    (
        "vertex-gemini",
        403,
        openai("CachedContent not found (or permission denied)", status="PERMISSION_DENIED"),
        Cause.MISSING,
    ),
    ("gemini", 404, openai("models/x is not found", status="NOT_FOUND"), Cause.OVERLOADED),
    ("openai", 404, openai(type="invalid_request_error", param="input"), Cause.MISSING),
    ("vertex-gemini", 200, [openai(code=429, status="RESOURCE_EXHAUSTED")], Cause.RATE_LIMITED),
    ("vertex-gemini", 200, openai(code=504, status="DEADLINE_EXCEEDED"), Cause.TIMEOUT),
    ("vertex", 400, claude("invalid_request_error", "prompt is too long: 9"), Cause.TOO_LONG),
    ("zhipu", 429, openai(code="1113"), Cause.CREDENTIAL),
    ("zai", 429, openai(code="1302"), Cause.RATE_LIMITED),
    ("zhipu", 400, openai(code="1301"), Cause.REFUSED),
    ("zhipu", 400, openai(code="1261"), Cause.TOO_LONG),
    (
        "xai",
        400,
        {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: x"},
        Cause.CREDENTIAL,
    ),
    ("ali", 400, openai(code="Arrearage"), Cause.CREDENTIAL),
    ("ali", 400, openai(code="data_inspection_failed"), Cause.REFUSED),
    ("moonshot", 429, openai(type="exceeded_current_quota_error"), Cause.CREDENTIAL),
    ("coze", 200, {"code": 4013, "msg": "m"}, Cause.RATE_LIMITED),
    ("coze", 200, {"code": 5000, "msg": "m"}, Cause.OVERLOADED),
    ("dify", 400, {"code": "app_unavailable", "message": "m", "status": 400}, Cause.OVERLOADED),
    ("dify", 400, {"code": "invalid_param", "message": "m", "status": 400}, Cause.CLIENT),
    ("deepl", 403, {"message": "Wrong key"}, Cause.CREDENTIAL),
    ("deepl", 529, {"message": "Too many requests"}, Cause.RATE_LIMITED),
    (
        "stability",
        403,
        {"id": "i", "name": "content_moderation", "errors": ["flagged"]},
        Cause.REFUSED,
    ),
    (
        "cloudflare",
        400,
        {"success": False, "errors": [{"code": 7003, "message": "No route"}], "result": None},
        Cause.CLIENT,
    ),
    ("vllm", 422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, Cause.CLIENT),
]


def failure_of(kind: str, status: int, body: Any) -> UpstreamFailure:
    return adaptor_of(find_kind(kind)).failure(status, json.dumps(body).encode(), None)


@pytest.mark.parametrize(("kind", "status", "body", "cause"), ERRORS)
def test_error_means(kind: str, status: int, body: Any, cause: Cause) -> None:
    failure = failure_of(kind, status, body)
    assert (failure.cause, failure.status) == (cause, status)
    assert "status" not in failure.message, "the provider's own words are found"


def test_what_only_one_provider_says_means_nothing_elsewhere() -> None:
    assert failure_of("openai", 400, claude("invalid_request_error", CREDIT)).cause == Cause.CLIENT
    assert failure_of("openai", 400, openai(code="1113")).cause == Cause.CLIENT


def test_googles_reason_is_told_instead_of_a_number() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    body = openai(code=403, status="PERMISSION_DENIED", details=["x", {"links": []}, info])
    failure = failure_of("vertex", 403, body)
    assert (failure.type, failure.code) == ("PERMISSION_DENIED", "SERVICE_DISABLED")

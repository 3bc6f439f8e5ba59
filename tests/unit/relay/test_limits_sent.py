"""No provider is asked for more output than is held, whoever asks in whatever dialect."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import ModelPrice, Quote, Rates
from channels_app.dialects.dialect import Target
from channels_app.dialects.registry import find_dialect
from channels_app.providers.splice import splice
from relay.request import CONTENT, DIALECTS, CallRequest, PathParts, parse_request
from relay.reservation import most_output

QUOTE = Quote(ModelPrice("m", Rates(Decimal(1), Decimal(1))), Decimal(1))
HELLO = [{"role": "user", "content": "hi"}]
WORDS = {
    "messages": HELLO,
    "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    "prompt": "hi",
    "instruction": "hi",
    "input": "hi",
}
MODELS = (
    "claude-3-7-sonnet-20250219",
    "claude-sonnet-4-5",
    "claude-opus-4-8",
    "anthropic.claude-sonnet-4-5-v1:0",
    "amazon.nova-2-lite-v1:0",
    "gemini-2.5-pro",
    "gpt-5",
    "deepseek-chat",
)
PROVIDERS = ("openai", "anthropic", "gemini", "responses", "completions", "converse", "cohere")
TOKENS = st.none() | st.integers(1, 100_000)
EFFORTS = st.sampled_from([None, "minimal", "low", "medium", "high", "xhigh", "max"])
BUDGETS = st.none() | st.integers(1024, 70_000)


@st.composite
def requests(draw: st.DrawFn) -> CallRequest:
    endpoint = draw(st.sampled_from(sorted(DIALECTS)))
    name = CONTENT.get(endpoint, "input")
    limit, effort, budget = draw(TOKENS), draw(EFFORTS), draw(BUDGETS)
    if endpoint == "messages":
        limit = limit or 9
    limits = {"max_tokens": limit, "max_completion_tokens": draw(TOKENS)}
    limits = {} if endpoint in {"responses", "generate"} else limits
    wishes: dict[str, dict[str, Any]] = {
        "chat": {"reasoning_effort": effort},
        "responses": {"max_output_tokens": draw(TOKENS), "reasoning": {"effort": effort}},
        "messages": {
            "thinking": budget and {"type": "enabled", "budget_tokens": budget},
            "output_config": effort and {"effort": effort},
        },
        "generate": {
            "generationConfig": {
                "maxOutputTokens": limit,
                "thinkingConfig": budget and {"thinkingBudget": budget},
            }
        },
    }
    fields = {name: WORDS[name], **limits, **wishes.get(endpoint, {})}
    body = {name: value for name, value in fields.items() if value}
    return parse_request(endpoint, json.dumps(body).encode(), PathParts(model="m"))


def asked_for(body: Any, dialect: str) -> list[int]:
    """All limits of output in a provider's body; the newer name means something in Chat alone."""
    body = msgspec.json.decode(msgspec.json.encode(body))
    names = ["max_tokens", "max_output_tokens"] + ["max_completion_tokens"] * (dialect == "openai")
    inner = (body.get("generationConfig", {}), body.get("inferenceConfig", {}))
    found = [body.get(name) for name in names]
    found += [part.get(name) for part in inner for name in ("maxOutputTokens", "maxTokens")]
    return [limit for limit in found if limit is not None]


@given(request=requests(), provider=st.sampled_from(PROVIDERS), model=st.sampled_from(MODELS))
def test_translated_calls_ask_for_no_more_than_is_held(
    request: CallRequest, provider: str, model: str
) -> None:
    held = most_output(request, QUOTE)
    target = Target(model, provider, held_tokens=held)
    body = find_dialect(provider).render_request(request.conversation(), target).body
    # Responses refuses a limit below 16: the few tokens more are settled from the balance.
    most = max(held, 16) if provider == "responses" else held
    assert all(limit <= most for limit in asked_for(body, provider))
    budget = body.get("thinking", {}).get("budget_tokens")
    assert budget is None or budget < held


@given(
    request=requests(),
    kind=st.sampled_from(["openai", "deepseek"]),
    credit=st.none() | st.integers(1, 100),
)
def test_calls_that_pass_ask_for_no_more_than_is_held(
    request: CallRequest, kind: str, credit: int | None
) -> None:
    held = most_output(request, QUOTE) if credit is None else credit
    dialect = request.dialect
    body = splice(request.fields, dialect, kind, "m", max_tokens=credit)
    assert all(limit <= held for limit in asked_for(body, dialect))


@pytest.mark.parametrize(
    ("kind", "fields", "credit", "sent"),
    [
        ("deepseek", {"max_completion_tokens": 8000}, 79, {"max_tokens": 79}),
        ("deepseek", {"max_completion_tokens": 8000}, None, {"max_tokens": 8000}),
        (
            "deepseek",
            {"max_tokens": 900, "max_completion_tokens": 5},
            None,
            {"max_tokens": 5},
        ),
        ("deepseek", {"max_tokens": 9}, None, {"max_tokens": 9}),
        ("openai", {"max_completion_tokens": 8000}, 79, {"max_completion_tokens": 79}),
        ("openai", {"max_tokens": 8000}, 79, {"max_tokens": 79}),
        (
            "openai",
            {"max_tokens": 900, "max_completion_tokens": 800},
            79,
            {"max_completion_tokens": 79},
        ),
        ("openai", {}, 79, {"max_completion_tokens": 79}),
        ("openai", {"max_completion_tokens": None}, None, {"max_completion_tokens": None}),
    ],
)
def test_chat_is_limited_by_the_name_that_the_provider_knows(
    kind: str, fields: dict[str, Any], credit: int | None, sent: dict[str, Any]
) -> None:
    body = json.dumps({"model": "m", "messages": HELLO, **fields}).encode()
    told = splice(parse_request("chat", body).fields, "openai", kind, "m", max_tokens=credit)
    told = msgspec.json.decode(msgspec.json.encode(told))
    assert told == {"model": "m", "messages": HELLO, **sent}

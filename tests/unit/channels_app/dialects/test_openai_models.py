"""What models of OpenAI's refuse is not sent to them for clients of other dialects."""

from typing import Any

import pytest

from channels_app.dialects.openai_models import efforts_of, is_new_model
from channels_app.providers.splice import splice
from tests.unit.channels_app.dialects.test_across import TEXT, ask

USUAL = ("low", "medium", "high")


@pytest.mark.parametrize(
    ("model", "efforts"),
    [
        ("gpt-4o", ()),
        ("gpt-5-chat-latest", ()),
        ("gpt-5-search-api", ()),
        ("o1-mini", ()),
        ("o3-deep-research", ("medium",)),
        ("o4-mini-2025-04-16", USUAL),
        ("ft:o4-mini-2025-04-16:me::1", USUAL),
        ("codex-mini-latest", USUAL),
        ("gpt-oss-120b", USUAL),
        ("gpt-5-mini", ("minimal", *USUAL)),
        ("gpt-5-codex", USUAL),
        ("gpt-5-pro", ("high",)),
        ("openai/gpt-5.1", ("none", *USUAL)),
        ("gpt-5.1-codex-max", (*USUAL, "xhigh")),
        ("gpt-5.2-2025-12-11", ("none", *USUAL, "xhigh")),
        ("gpt-5.4-pro", ("medium", "high", "xhigh")),
        ("gpt-5.6-sol", ("none", *USUAL, "xhigh", "max")),
        ("gpt-6-luna", ("none", *USUAL, "xhigh", "max")),
        ("gpt-6.1-sol", (*USUAL, "xhigh", "max")),
    ],
)
def test_efforts_that_models_take(model: str, efforts: tuple[str, ...]) -> None:
    assert efforts_of(model) == efforts


@pytest.mark.parametrize(
    ("model", "kind", "chat", "responses"),
    [
        ("gpt-5.6-sol", "openai", "xhigh", "max"),
        ("gpt-5.2", "azure", "xhigh", "xhigh"),
        ("gpt-5", "openai-compatible", "high", "high"),
        ("gpt-4o", "openai", None, None),
        ("qwen3", "openai-compatible", "high", "max"),
    ],
)
def test_most_effort_of_a_claude_client(
    model: str, kind: str, chat: str | None, responses: str | None
) -> None:
    body = TEXT | {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}
    told = ask("anthropic", "openai", body, model, kind)
    assert told.body.get("reasoning_effort") == chat
    assert told.dropped == ([] if chat else ["reasoning"])
    told = ask("anthropic", "responses", body, model, kind)
    assert told.body.get("reasoning") == ({"effort": responses} if responses else None)
    assert ("include" in told.body) == bool(responses)


@pytest.mark.parametrize(
    ("client", "off"),
    [
        ("anthropic", TEXT | {"thinking": {"type": "disabled"}}),
        (
            "gemini",
            {
                "contents": [{"parts": [{"text": "Hi"}]}],
                "generationConfig": {"thinkingConfig": {"thinkingBudget": 0}},
            },
        ),
    ],
)
@pytest.mark.parametrize("kind", ["openai", "openai-compatible", "mistral"])
def test_thinking_that_is_off_is_not_mentioned(client: str, off: dict[str, Any], kind: str) -> None:
    told = ask(client, "openai", off, "gpt-5", kind)
    assert "reasoning_effort" not in told.body
    assert told.dropped == []


def test_effort_of_a_responses_client_is_taken_at_its_word() -> None:
    body = {"input": "Hi", "reasoning": {"effort": "none"}}
    assert ask("responses", "openai", body, "gpt-5.1").body["reasoning_effort"] == "none"
    assert ask("responses", "openai", body, "gpt-5").body["reasoning_effort"] == "minimal"
    assert ask("responses", "openai", body, "gpt-4o").dropped == []
    body = {"input": "Hi", "reasoning": {"effort": "minimal"}}
    assert ask("responses", "openai", body, "gpt-5.1").body["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("model", "effort", "is_told"),
    [
        ("gpt-4o", None, True),
        ("gpt-5", None, False),
        ("gpt-5.2", None, True),
        ("gpt-5.2", "low", False),
        ("gpt-6-luna", "none", True),
    ],
)
@pytest.mark.parametrize(("client", "provider"), [("openai", "responses"), ("responses", "openai")])
def test_sampling_is_not_told_to_models_that_think(
    client: str, provider: str, model: str, effort: str | None, *, is_told: bool
) -> None:
    asked: dict[str, Any] = {"temperature": 0.5, "top_p": 1}
    if client == "openai":
        asked |= TEXT | ({"reasoning_effort": effort} if effort else {})
    else:
        asked |= {"input": "Hi"} | ({"reasoning": {"effort": effort}} if effort else {})
    told = ask(client, provider, asked, model)
    assert {"temperature", "top_p"} <= told.body.keys() or not is_told
    assert ("temperature" in told.body, "top_p" in told.body) == (is_told, is_told)
    assert told.dropped == ([] if is_told else ["temperature"])


def test_sampling_that_was_dropped_is_named() -> None:
    asked = TEXT | {"temperature": 0, "top_p": 0.1, "logprobs": True}
    assert ask("openai", "responses", asked, "gpt-5").dropped == [
        "temperature",
        "top_p",
        "logprobs",
    ]


def test_names_of_models_that_want_the_new_limit() -> None:
    new = ("o1", "gpt-5", "openai/gpt-5.1-chat", "azure/openai/o3-mini", "gpt-6-sol")
    assert [is_new_model(name) for name in new] == [True] * len(new)
    old = ("gpt-4o", "gpt-oss-20b", "olmo-2", "openai/gpt-4.1", "qwen3", "o")
    assert [is_new_model(name) for name in old] == [False] * len(old)


@pytest.mark.parametrize(
    ("model", "is_told"),
    [("gpt-4o-search-preview", True), ("gpt-5-search-api", True), ("gpt-4o", False)],
)
def test_only_models_that_search_are_told_to(model: str, *, is_told: bool) -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    told = ask("anthropic", "openai", TEXT | {"tools": [search]}, model)
    assert told.body.get("web_search_options") == ({} if is_told else None)
    assert told.dropped == ([] if is_told else ["web_search"])


@pytest.mark.parametrize(
    ("kind", "model", "name"),
    [
        ("openai-compatible", "openai/gpt-5.4", "max_completion_tokens"),
        ("newapi", "o4-mini", "max_completion_tokens"),
        ("openai-compatible", "gpt-4o", "max_tokens"),
        ("mistral", "mistral-large", "max_tokens"),
        ("openai", "gpt-4o", "max_completion_tokens"),
    ],
)
def test_limit_of_output_by_the_name_that_the_model_knows(kind: str, model: str, name: str) -> None:
    told = ask("anthropic", "openai", TEXT, model, kind).body
    spliced = splice({}, "openai", kind, model, max_tokens=100)
    for body in (told, spliced):
        assert {key: value for key, value in body.items() if "tokens" in key} == {name: 100}

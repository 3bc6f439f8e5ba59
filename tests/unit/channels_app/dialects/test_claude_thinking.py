"""How much Claude shall think: by a budget or adaptively, and what must give way to it."""

from typing import Any

import pytest

from channels_app.dialects.claude import DIALECT
from channels_app.dialects.conversation import (
    Conversation,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from channels_app.dialects.dialect import Rendered, Target

BY_BUDGET = "claude-sonnet-4-5-20250929"
ADAPTIVE = "claude-opus-4-6"
ONLY_ADAPTIVE = "claude-opus-4-8"
ALWAYS = "claude-opus-5-5"
HELLO = Turn("user", [Text("Hi")])
TOOL = Tool("f", parameters={"type": "object", "properties": {}})


def render(model: str = ADAPTIVE, *, target: Target | None = None, **fields: Any) -> Rendered:
    conversation = Conversation("openai", model, fields.pop("turns", [HELLO]))
    for name, value in fields.items():
        setattr(conversation, name, value)
    return DIALECT.render_request(conversation, target or Target(model))


@pytest.mark.parametrize(
    ("effort", "max_tokens", "credit", "told"),
    [
        ("low", 4096, None, (2048, 4096)),
        ("medium", 1000, None, (8192, 9192)),
        ("high", 1000, 10000, (9000, 10000)),
        ("max", 8192, None, (55808, 64000)),
        ("medium", 1000, 1500, None),
    ],
)
def test_thinking_by_budget(
    effort: str, max_tokens: int, credit: int | None, told: tuple[int, int] | None
) -> None:
    rendered = render(
        BY_BUDGET,
        max_tokens=max_tokens,
        reasoning=Reasoning(effort=effort),
        target=Target(BY_BUDGET, max_tokens=credit),
    )
    thinking = rendered.body.get("thinking")
    if told is None:
        assert thinking is None
        assert rendered.dropped == ["thinking"]
        assert rendered.body["max_tokens"] == max_tokens
    else:
        assert thinking == {"type": "enabled", "budget_tokens": told[0]}
        assert rendered.body["max_tokens"] == told[1]


def test_budget_is_at_least_1024() -> None:
    told = render(BY_BUDGET, reasoning=Reasoning(budget=200))
    assert told.body["thinking"]["budget_tokens"] == 1024


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "effort"),
    [
        (ADAPTIVE, Reasoning(effort="minimal"), {"type": "adaptive"}, "low"),
        (ADAPTIVE, Reasoning(effort="xhigh"), {"type": "adaptive"}, "high"),
        (ADAPTIVE, Reasoning(budget=9000), {"type": "adaptive"}, "medium"),
        (
            "us.anthropic.claude-opus-4-7-v1:0",
            Reasoning(effort="xhigh"),
            {"type": "adaptive", "display": "summarized"},
            "xhigh",
        ),
        (
            "claude-sonnet-5",
            Reasoning(effort="high", shows=False),
            {"type": "adaptive", "display": "omitted"},
            "high",
        ),
        ("claude-sonnet-5", Reasoning(effort="none"), {"type": "disabled"}, None),
        ("claude-sonnet-5-5", Reasoning(effort="none"), {"type": "between_tools"}, None),
        (ALWAYS, Reasoning(effort="none"), None, "low"),
        (ADAPTIVE, Reasoning(effort="none"), None, None),
        ("claude-3-5-haiku-20241022", Reasoning(effort="high"), None, None),
        ("glm-5", Reasoning(effort="none"), {"type": "disabled"}, None),
    ],
)
def test_thinking_by_generation(
    model: str, reasoning: Reasoning, thinking: dict[str, str] | None, effort: str | None
) -> None:
    body = render(model, reasoning=reasoning).body
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "effort"),
    [
        (ADAPTIVE, Reasoning(effort="medium", is_adaptive=True), None, "medium"),
        (BY_BUDGET, Reasoning(effort="medium", is_adaptive=True), None, None),
        (
            BY_BUDGET,
            Reasoning(effort="low"),
            {"type": "enabled", "budget_tokens": 2048},
            None,
        ),
        (
            ADAPTIVE,
            Reasoning(is_enabled=True, budget=2000),
            {"type": "enabled", "budget_tokens": 2000},
            None,
        ),
        (ONLY_ADAPTIVE, Reasoning(is_enabled=True, budget=2000), {"type": "adaptive"}, None),
        (
            BY_BUDGET,
            Reasoning(is_enabled=True, is_adaptive=True, effort="low"),
            {"type": "enabled", "budget_tokens": 2048},
            None,
        ),
        ("deepseek-v4", Reasoning(is_enabled=True, is_adaptive=True), {"type": "adaptive"}, None),
        ("claude-opus-5", Reasoning(is_enabled=False, effort="max"), {"type": "disabled"}, "high"),
        (BY_BUDGET, Reasoning(is_enabled=False), {"type": "disabled"}, None),
    ],
)
def test_thinking_that_a_claude_client_asked_for(
    model: str, reasoning: Reasoning, thinking: dict[str, Any] | None, effort: str | None
) -> None:
    body = render(model, reasoning=reasoning, dialect="anthropic").body
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort


def test_thinking_gives_way_to_a_forced_tool() -> None:
    asked: dict[str, Any] = {"reasoning": Reasoning(effort="low"), "tools": [TOOL]}
    for model in (BY_BUDGET, ADAPTIVE):
        told = render(model, tool_choice=ToolChoice("required"), **asked)
        assert "thinking" not in told.body
        assert told.dropped == ["thinking"]
    told = render(ONLY_ADAPTIVE, tool_choice=ToolChoice("required"), **asked)
    assert told.body["thinking"]["type"] == "adaptive"
    assert told.body["tool_choice"] == {"type": "any"}


def test_newest_models_can_not_be_forced_to_call() -> None:
    told = render(ALWAYS, tools=[TOOL], tool_choice=ToolChoice("tool", ["f"]))
    assert told.body["tool_choice"] == {"type": "auto"}
    assert told.dropped == ["tool_choice"]


@pytest.mark.parametrize(
    ("thought", "after", "is_on"),
    [
        (Thinking("t", "sig"), [], True),
        (Thinking(redacted="r"), [], True),
        (Thinking("t"), [], False),
        (Thinking("t"), [Turn("assistant", [Text("done")]), HELLO], True),
    ],
)
def test_thinking_needs_the_signed_thoughts_of_the_tool_loop(
    thought: Thinking, after: list[Turn], *, is_on: bool
) -> None:
    told = render(
        BY_BUDGET,
        dialect="anthropic",
        reasoning=Reasoning(effort="low"),
        tools=[TOOL],
        turns=[
            HELLO,
            Turn("assistant", [thought, ToolCall("c", "f", "{}")]),
            Turn("user", [ToolResult("c", [Text("r")])]),
            *after,
        ],
    )
    assert ("thinking" in told.body) is is_on
    assert told.dropped == ([] if is_on else ["thinking"])


def test_unsigned_thoughts_go_back_to_others_than_anthropic() -> None:
    turns = [HELLO, Turn("assistant", [Thinking("t"), Text("a")])]
    told = render("kimi-k3", turns=turns, dialect="anthropic").body["messages"][1]["content"]
    assert told[0] == {"type": "thinking", "thinking": "t", "signature": ""}
    assert render(ADAPTIVE, turns=turns, dialect="anthropic").body["messages"][1]["content"] == "a"


@pytest.mark.parametrize(
    ("model", "asked", "told", "dropped"),
    [
        (BY_BUDGET, (0.5, None, 5), (0.5, None, 5), []),
        (BY_BUDGET, (0.5, 0.9, None), (0.5, None, None), ["top_p"]),
        (BY_BUDGET, (1.0, 0.9, None), (None, 0.9, None), []),
        (BY_BUDGET, (1.7, None, None), (1, None, None), ["temperature"]),
        ("claude-3-opus-20240229", (0.5, 0.9, None), (0.5, 0.9, None), []),
        (ONLY_ADAPTIVE, (0.5, 0.99, 5), (None, None, None), ["temperature", "top_k", "top_p"]),
        (ONLY_ADAPTIVE, (1, 1, None), (None, None, None), []),
        ("deepseek-v4", (1.7, 0.9, None), (1.7, 0.9, None), []),
    ],
)
def test_sampling(
    model: str, asked: tuple[Any, Any, Any], told: tuple[Any, Any, Any], dropped: list[str]
) -> None:
    rendered = render(model, temperature=asked[0], top_p=asked[1], top_k=asked[2])
    body = rendered.body
    assert (body.get("temperature"), body.get("top_p"), body.get("top_k")) == told
    assert rendered.dropped == dropped


def test_sampling_beside_thinking() -> None:
    told = render(
        BY_BUDGET, reasoning=Reasoning(effort="low"), temperature=0.3, top_p=0.97, top_k=4
    )
    assert "temperature" not in told.body
    assert told.body["top_p"] == 0.97
    assert told.dropped == ["temperature", "top_k"]

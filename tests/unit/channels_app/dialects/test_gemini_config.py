"""What a request asks of the model, said as Gemini says it, and what it can't say is named."""

from typing import Any

import pytest

from channels_app.dialects.conversation import (
    Conversation,
    OutputFormat,
    Reasoning,
    ServerTool,
    Text,
    Tool,
    ToolChoice,
    Turn,
)
from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.gemini import DIALECT


def ask(*turns: Turn, **rest: Any) -> Conversation:
    return Conversation("openai", "m", list(turns) or [Turn("user", [Text("hi")])], **rest)


def render(conversation: Conversation, model: str = "gemini-2.5-flash") -> Rendered:
    return DIALECT.render_request(conversation, Target(model, "gemini"))


def config_of(conversation: Conversation, model: str = "gemini-2.5-flash") -> dict[str, Any]:
    found: dict[str, Any] = render(conversation, model).body.get("generationConfig", {})
    return found


@pytest.mark.parametrize(
    ("model", "reasoning", "told"),
    [
        ("gemini-2.5-flash", Reasoning(effort="low"), {"thinkingBudget": 2048}),
        ("gemini-2.5-flash", Reasoning(effort="max"), {"thinkingBudget": 24576}),
        ("gemini-2.5-pro", Reasoning(effort="max"), {"thinkingBudget": 32768}),
        ("gemini-2.5-flash", Reasoning(is_enabled=True, budget=4000), {"thinkingBudget": 4000}),
        (
            "gemini-2.5-flash",
            Reasoning(is_enabled=True, is_adaptive=True),
            {"thinkingBudget": -1},
        ),
        ("gemini-3-pro-preview", Reasoning(effort="medium"), {"thinkingLevel": "HIGH"}),
        ("gemini-3-flash-preview", Reasoning(effort="minimal"), {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.8-flash", Reasoning(effort="minimal"), {"thinkingLevel": "LOW"}),
        ("gemini-4-argon", Reasoning(effort="xhigh"), {"thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro-preview", Reasoning(budget=3000), {"thinkingLevel": "LOW"}),
        ("gemini-3-pro-preview", Reasoning(is_enabled=True, is_adaptive=True), {}),
    ],
)
def test_effort_and_budget_are_said_as_the_model_knows_them(
    model: str, reasoning: Reasoning, told: dict[str, Any]
) -> None:
    config = config_of(ask(reasoning=reasoning), model)
    assert config["thinkingConfig"] == {**told, "includeThoughts": True}


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("gemini-2.5-flash", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"thinkingBudget": 128}),
        ("gemini-3-pro-preview", {"thinkingLevel": "LOW"}),
        ("gemini-2.0-flash", None),
    ],
)
def test_no_thinking_is_as_little_as_the_model_can(model: str, told: dict[str, Any] | None) -> None:
    assert config_of(ask(reasoning=Reasoning(effort="none")), model).get("thinkingConfig") == told


def test_models_before_thinking_are_not_asked_for_it() -> None:
    rendered = render(ask(reasoning=Reasoning(effort="high")), "gemini-2.0-flash")
    assert ("generationConfig" in rendered.body, rendered.dropped) == (False, ["reasoning"])


def test_what_new_models_refuse_is_left_out_and_named() -> None:
    wanted = ask(
        temperature=0.1, top_p=0.5, choices=2, presence_penalty=0.1, logprobs=True, seed=2**40
    )
    new = render(wanted, "gemini-4-argon")
    assert "generationConfig" not in new.body
    assert new.dropped == ["temperature", "top_p", "n", "presence_penalty", "seed", "logprobs"]
    old = render(wanted, "gemini-2.0-flash")
    assert old.body["generationConfig"] == {
        "temperature": 0.1,
        "topP": 0.5,
        "candidateCount": 2,
        "presencePenalty": 0.1,
        "responseLogprobs": True,
    }
    assert old.dropped == ["seed"]


def test_what_gemini_has_no_word_for_is_named() -> None:
    rendered = render(
        ask(
            parallel_tool_calls=False,
            user="u",
            metadata={"a": "b"},
            service_tier="flex",
            verbosity="low",
            stop=list("abcdef"),
            extra={"logit_bias": {}},
        )
    )
    assert rendered.body["generationConfig"] == {"stopSequences": list("abcde")}
    assert rendered.dropped == [
        "parallel_tool_calls",
        "stop",
        "verbosity",
        "user",
        "metadata",
        "service_tier",
        "logit_bias",
    ]


def test_server_tools_stand_beside_functions_where_the_model_takes_both() -> None:
    tools = [Tool("f"), ServerTool("web_search"), ServerTool("computer_use", "anthropic", {})]
    wanted = ask(tools=tools, tool_choice=ToolChoice("allowed", ["f"]))
    declared = {"functionDeclarations": [{"name": "f"}]}
    old = render(wanted)
    assert old.body["tools"] == [declared]
    assert old.dropped == ["computer_use", "web_search"]
    new = render(wanted, "gemini-3-flash-preview")
    assert new.body["tools"] == [declared, {"googleSearch": {}}]
    assert new.body["toolConfig"] == {
        "includeServerSideToolInvocations": True,
        "functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
    }
    alone = render(ask(tools=[ServerTool("code_execution"), ServerTool("url_context")]))
    assert alone.body["tools"] == [{"codeExecution": {}}, {"urlContext": {}}]


def test_json_without_a_schema() -> None:
    body = render(ask(output=OutputFormat("json"))).body
    assert body["generationConfig"] == {"responseMimeType": "application/json"}

"""How much to think, as each provider of Chat Completions wants to be told."""

from typing import Any

from channels_app.dialects.conversation import Conversation, Reasoning
from channels_app.dialects.dialect import Target
from channels_app.dialects.efforts import budget_of, effort_of
from channels_app.dialects.openai_models import (
    COMMON_EFFORTS,
    OPENAI_KINDS,
    efforts_of,
    nearest_effort,
)

NAME = "openai"
THINKS_BY_TYPE = frozenset({"deepseek", "zhipu", "zai", "doubao", "moonshot"})
"""Who switches thinking by {"thinking": {"type": "enabled"}}."""
THINKS_BY_FLAG = frozenset({"ali", "siliconflow"})


def put_reasoning(
    body: dict[str, Any], conversation: Conversation, target: Target, dropped: list[str]
) -> None:
    reasoning = conversation.reasoning
    if reasoning is None:
        return
    effort = effort_of(reasoning)
    if target.kind in THINKS_BY_TYPE:
        if effort is not None or reasoning.is_enabled is not None:
            body["thinking"] = {"type": "disabled" if effort == "none" else "enabled"}
    elif target.kind in THINKS_BY_FLAG:
        body["enable_thinking"] = effort != "none"
        if reasoning.budget:
            body["thinking_budget"] = reasoning.budget
    elif target.kind == "openrouter":
        budget = budget_of(reasoning) if reasoning.budget else None
        body["reasoning"] = {"max_tokens": budget} if budget else {"effort": effort}
    elif conversation.dialect == NAME:
        if effort is not None:
            body["reasoning_effort"] = effort
    else:
        _put_effort(body, reasoning, target, dropped)


def _put_effort(
    body: dict[str, Any], reasoning: Reasoning, target: Target, dropped: list[str]
) -> None:
    """For clients of other dialects, who don't know what the model takes."""
    effort = effort_of(reasoning)
    if effort is None or (effort == "none" and reasoning.effort is None):
        return
    # `max` is for Responses.
    known = tuple(name for name in efforts_of(target.model) if name != "max")
    if known:
        body["reasoning_effort"] = nearest_effort(effort, known)
    elif target.kind not in OPENAI_KINDS:
        body["reasoning_effort"] = nearest_effort(effort, ("none", *COMMON_EFFORTS))
    elif effort != "none":
        dropped.append("reasoning")

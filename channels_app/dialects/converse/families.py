"""What the families of models behind Converse take, told by the model's name. Pure."""

import re
from typing import Any

from channels_app.dialects.conversation import Conversation, Thinking, ToolCall
from channels_app.dialects.efforts import BUDGETS, LEAST_BUDGET, budget_of, effort_of
from channels_app.dialects.fitting import asks_to_think

FAMILIES = {
    "claude": "claude",
    "anthropic.": "claude",
    "nova": "nova",
    "mistral": "mistral",
    "cohere": "cohere",
    "gpt-oss": "gpt-oss",
}
TAKES_CACHE_MARKS = frozenset({"claude", "nova", "unknown"})
"""https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html"""
TAKES_STATUS = frozenset({"claude", "nova", "unknown"})
"""Of a tool's result: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html"""
FORCES_TOOLS = frozenset({"claude", "nova", "mistral", "unknown"})
"""https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html"""
TOP_K = {"claude": "top_k", "mistral": "top_k", "cohere": "k"}
"""Its name among the model's own fields. Nova has it deeper down."""
_CLAUDE = re.compile(r"claude-[a-z]+-(\d+)(?:-(\d{1,2})(?!\d))?(?!\d)")
_ADAPTIVE = (4, 6)
_UNSAMPLED = (4, 7)
_ONE_SAMPLER = (4, 1)
_EFFORTS = {"minimal": "low", "xhigh": "high", "max": "high"}


def family_of(model: str) -> str:
    """`unknown` for the ARN of somebody's inference profile, which doesn't tell; '' for others."""
    name = model.lower()
    for word, family in FAMILIES.items():
        if word in name:
            return family
    return "unknown" if name.startswith("arn:") else ""


def claude_version(model: str) -> tuple[int, int]:
    """(4, 5) of …claude-sonnet-4-5-20250929-v1:0; (0, 0) for those that wrote it the other way
    round, up to 3.7.
    """
    name = model.lower()
    if "mythos-preview" in name:
        return _UNSAMPLED
    found = _CLAUDE.search(name)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def thinking_fields(
    conversation: Conversation,
    model: str,
    limit: int | None,
    dropped: list[str],
    *,
    held: int | None = None,
) -> dict[str, Any]:
    """The model's own fields that make it think as the client asked; {} where it is not asked to
    or can't. A budget stays below `limit`, the most output tokens, or else what is held for them.
    """
    reasoning = conversation.reasoning
    if reasoning is None or not asks_to_think(conversation):
        return {}
    effort = effort_of(reasoning)
    family = family_of(model)
    if family == "claude" and not _is_call_forced(conversation):
        fields = _claude_thinking(conversation, model, held if limit is None else limit)
    elif family == "nova" and "nova-2" in model.lower():
        level = _EFFORTS.get(effort or "medium", effort or "medium")
        # https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html: the
        # highest takes no limit of the output.
        level = "medium" if level == "high" and limit is not None else level
        fields = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}
    elif family == "gpt-oss" and effort is not None:
        fields = {"reasoning_effort": _EFFORTS.get(effort, effort)}
    else:
        fields = {}
    if not fields:
        dropped.append("reasoning_effort")
    return fields


def _claude_thinking(conversation: Conversation, model: str, limit: int | None) -> dict[str, Any]:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html:
    newer models decide themselves and take an effort, older ones want a budget.
    """
    reasoning = conversation.reasoning
    if reasoning is None:
        return {}
    version = claude_version(model)
    if version >= _ADAPTIVE:
        fields: dict[str, Any] = {"thinking": {"type": "adaptive"}}
        if (effort := effort_of(reasoning)) is not None:
            names = {"minimal": "low"} if version >= _UNSAMPLED else _EFFORTS | {"max": "max"}
            fields["output_config"] = {"effort": names.get(effort, effort)}
        return fields
    budget = budget_of(reasoning)
    budget = max(budget, LEAST_BUDGET) if budget and budget > 0 else BUDGETS["medium"]
    if limit is not None:
        # Something of the limit must be left for the answer.
        budget = min(budget, limit * 4 // 5)
    if budget < LEAST_BUDGET or _lacks_thoughts(conversation):
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _is_call_forced(conversation: Conversation) -> bool:
    """Claude can't think when it must call a tool."""
    choice = conversation.tool_choice
    return choice is not None and (choice.mode in {"required", "tool"} or choice.must_call)


def _lacks_thoughts(conversation: Conversation) -> bool:
    """Claude with a budget wants the thoughts back that led to the last call of a tool."""
    for turn in reversed(conversation.turns):
        if turn.role == "assistant":
            has_call = any(isinstance(part, ToolCall) for part in turn.parts)
            return has_call and not any(
                isinstance(part, Thinking) and (part.signature or part.redacted)
                for part in turn.parts
            )
    return False


def forbidden_samplers(
    model: str, thinking: dict[str, Any], *, has_temperature: bool
) -> frozenset[str]:
    """Which of temperature, top_p and top_k the model refuses, thinking as it was told to.

    https://platform.claude.com/docs/en/about-claude/models/migration-guide
    """
    match family_of(model), thinking:
        case "nova", {"reasoningConfig": {"maxReasoningEffort": "high"}}:
            return frozenset({"temperature", "top_p"})
        case "claude", _ if thinking or claude_version(model) >= _UNSAMPLED:
            return frozenset({"temperature", "top_p", "top_k"})
        case "claude", _ if has_temperature and claude_version(model) >= _ONE_SAMPLER:
            return frozenset({"top_p"})
        case _:
            return frozenset()

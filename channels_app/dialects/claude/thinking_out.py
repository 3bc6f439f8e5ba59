"""How much to think, and what of the sampling Claude takes beside it.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility
"""

from typing import Any

from channels_app.dialects.claude.blocks_in import NAME
from channels_app.dialects.claude.models import Traits
from channels_app.dialects.claude.turns_out import has_unsigned_calls
from channels_app.dialects.conversation import Conversation, Reasoning
from channels_app.dialects.dialect import Target
from channels_app.dialects.efforts import BUDGETS, LEAST_BUDGET, budget_of, effort_of

KNOWN_EFFORTS = ("low", "medium", "high", "xhigh", "max")
LEAST_TOP_P = 0.95


def put_limits(body: dict[str, Any], conversation: Conversation, target: Target) -> None:
    wanted = conversation.max_tokens
    limits = [wanted, target.max_tokens]
    if wanted is None:
        limits += [target.default_max_tokens, target.held_tokens]
    body["max_tokens"] = min(limit for limit in limits if limit is not None)


def put_thinking(
    body: dict[str, Any],
    conversation: Conversation,
    target: Target,
    traits: Traits,
    dropped: list[str],
) -> None:
    """Needs what messages, tool_choice and max_tokens are in `body`, and may raise max_tokens."""
    reasoning = conversation.reasoning
    if reasoning is None:
        return
    is_own = conversation.dialect == NAME
    if _is_off(reasoning):
        _stop(body, reasoning, traits, dropped, is_own=is_own)
    elif not _is_on(reasoning):
        _put_effort(body, reasoning.effort, traits, dropped, is_own=is_own)
    elif not traits.can_think:
        dropped.append("thinking")
    elif _is_adaptive(reasoning, traits, is_own=is_own):
        _adapt(body, reasoning, traits, dropped, is_own=is_own)
    else:
        _think(body, reasoning, target, traits, dropped, is_own=is_own)


def _is_off(reasoning: Reasoning) -> bool:
    return reasoning.is_enabled is False or reasoning.effort == "none" or reasoning.budget == 0


def _is_on(reasoning: Reasoning) -> bool:
    """Claude's own effort leaves thinking to the model; that of others asks for it."""
    if reasoning.is_enabled or reasoning.budget is not None:
        return True
    return reasoning.effort is not None and not reasoning.is_adaptive


def _is_adaptive(reasoning: Reasoning, traits: Traits, *, is_own: bool) -> bool:
    if not traits.is_claude:
        return reasoning.is_adaptive
    if not traits.takes_budget:
        return True
    is_by_budget = is_own and reasoning.budget is not None and not reasoning.is_adaptive
    return traits.is_adaptive and not is_by_budget


def _stop(
    body: dict[str, Any], reasoning: Reasoning, traits: Traits, dropped: list[str], *, is_own: bool
) -> None:
    effort = reasoning.effort if reasoning.effort != "none" else None
    if not traits.can_stop_thinking:
        dropped.append("thinking")
        _put_effort(body, effort or "low", traits, dropped, is_own=is_own)
        return
    if is_own or traits.thinks_unasked or not traits.is_claude:
        body["thinking"] = {"type": traits.stop_type}
    if traits.thinks_unasked and effort in {"xhigh", "max"}:
        # Claude 5 refuses more than high where it shall not think.
        effort = "high"
    _put_effort(body, effort, traits, dropped, is_own=is_own)


def _adapt(
    body: dict[str, Any], reasoning: Reasoning, traits: Traits, dropped: list[str], *, is_own: bool
) -> None:
    if _is_forced(body) and not traits.forces_tools_while_adaptive:
        dropped.append("thinking")
        return
    thinking = {"type": "adaptive"}
    shows = reasoning.shows
    if shows is None and not is_own and traits.is_claude and not traits.takes_budget:
        # The models that know nothing but adaptive thinking hide it unless asked.
        shows = True
    if shows is not None:
        thinking["display"] = "summarized" if shows else "omitted"
    body["thinking"] = thinking
    effort = reasoning.effort if is_own else effort_of(reasoning)
    _put_effort(body, effort, traits, dropped, is_own=is_own)


def _think(
    body: dict[str, Any],
    reasoning: Reasoning,
    target: Target,
    traits: Traits,
    dropped: list[str],
    *,
    is_own: bool,
) -> None:
    """By a budget, which max_tokens must exceed."""
    wanted = budget_of(reasoning)
    if wanted is None or wanted < 0:
        wanted = BUDGETS["medium"]
    budget, limit = _share(max(wanted, LEAST_BUDGET), body["max_tokens"], target, traits)
    if budget < LEAST_BUDGET or _is_forced(body) or has_unsigned_calls(body["messages"]):
        dropped.append("thinking")
        return
    body["max_tokens"] = limit
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if is_own and reasoning.shows is not None:
        body["thinking"]["display"] = "summarized" if reasoning.shows else "omitted"
    if is_own and reasoning.budget is not None:
        _put_effort(body, reasoning.effort, traits, dropped, is_own=is_own)


def _share(budget: int, limit: int, target: Target, traits: Traits) -> tuple[int, int]:
    """(budget, max_tokens): what the client wants to read is added to the thinking as far as what
    is held and the model allow, else thinking gets what is left.
    """
    if budget < limit:
        return budget, limit
    most = (target.max_tokens, target.held_tokens, traits.most_output)
    bounds = [n for n in most if n is not None]
    raised = max(min([budget + limit, *bounds]), limit)
    for_answer = min(limit, raised // 2)
    return min(budget, raised - for_answer), raised


def _is_forced(body: dict[str, Any]) -> bool:
    return body.get("tool_choice", {}).get("type") in {"any", "tool"}


def _put_effort(
    body: dict[str, Any], effort: str | None, traits: Traits, dropped: list[str], *, is_own: bool
) -> None:
    """The nearest effort below that the model has."""
    if effort is None:
        return
    known = "low" if effort == "minimal" else effort
    if not traits.is_claude and is_own:
        fitting = [known]
    elif known in KNOWN_EFFORTS:
        below = KNOWN_EFFORTS[: KNOWN_EFFORTS.index(known) + 1]
        fitting = [name for name in below if name in traits.efforts]
    else:
        fitting = []
    if fitting:
        body.setdefault("output_config", {})["effort"] = fitting[-1]
    else:
        dropped.append("effort")


def put_sampling(
    body: dict[str, Any], conversation: Conversation, traits: Traits, dropped: list[str]
) -> None:
    """temperature, top_p and top_k, as far as the model takes them beside each other."""
    is_thinking = body.get("thinking", {}).get("type") in {"enabled", "adaptive"}
    temperature, top_p, top_k = conversation.temperature, conversation.top_p, conversation.top_k
    if traits.is_claude and (is_thinking or not traits.takes_sampling):
        if temperature is not None and temperature != 1:
            dropped.append("temperature")
        if top_k is not None:
            dropped.append("top_k")
        temperature = top_k = None
        if top_p is not None and (not traits.takes_sampling or not LEAST_TOP_P <= top_p <= 1):
            if top_p != 1:
                dropped.append("top_p")
            top_p = None
    if traits.is_claude and temperature is not None and temperature > 1:
        dropped.append("temperature")
        temperature = 1
    if temperature is not None and top_p is not None and not traits.takes_both_samplings:
        if temperature == 1:
            temperature = None
        else:
            if top_p != 1:
                dropped.append("top_p")
            top_p = None
    told = {"temperature": temperature, "top_p": top_p, "top_k": top_k}
    body |= {name: value for name, value in told.items() if value is not None}

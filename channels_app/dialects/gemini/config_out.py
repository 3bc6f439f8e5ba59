"""Tools and generationConfig of a request to Gemini.

https://ai.google.dev/api/caching#Tool
https://ai.google.dev/api/generate-content#generationconfig
"""

from typing import Any

from channels_app.dialects.conversation import (
    Conversation,
    OutputFormat,
    Reasoning,
    ServerTool,
    Tool,
    ToolChoice,
)
from channels_app.dialects.dialect import Target
from channels_app.dialects.efforts import budget_of, effort_of
from channels_app.dialects.gemini.abilities import Abilities, nearest_level
from channels_app.dialects.gemini.schema import to_gemini

SERVER_TOOLS = {
    "web_search": "googleSearch",
    "web_search_preview": "googleSearch",
    "code_execution": "codeExecution",
    "code_interpreter": "codeExecution",
    "url_context": "urlContext",
    "web_fetch": "urlContext",
}
MOST_STOPS = 5
MOST_SEED = 2**31 - 1


def put_tools(
    body: dict[str, Any],
    conversation: Conversation,
    can: Abilities,
    dropped: list[str],
    *,
    is_own: bool,
) -> None:
    """tools and toolConfig."""
    declared = [
        _declaration(tool, is_own=is_own) for tool in conversation.tools if isinstance(tool, Tool)
    ]
    tools, served = _tools(conversation, declared, dropped, is_own=is_own)
    config: dict[str, Any] = {}
    if declared and served and not is_own:
        if not can.mixes_tools:
            # Older models take one or the other: the client's own functions it can't do without.
            tools = [{"functionDeclarations": declared}]
            dropped += served
        elif not can.is_vertex:
            config["includeServerSideToolInvocations"] = True
    if tools:
        body["tools"] = tools
    if conversation.tool_choice is not None and (declared or is_own):
        config["functionCallingConfig"] = _choice(conversation.tool_choice)
    if config:
        body["toolConfig"] = config
    if conversation.parallel_tool_calls is False:
        dropped.append("parallel_tool_calls")


def put_config(
    body: dict[str, Any],
    conversation: Conversation,
    target: Target,
    can: Abilities,
    dropped: list[str],
) -> None:
    is_own = conversation.dialect == "gemini"
    config = _numbers(conversation, can, dropped, is_own=is_own)
    limits = [n for n in (conversation.max_tokens, target.max_tokens) if n is not None]
    if limits:
        config["maxOutputTokens"] = min(limits)
    if conversation.stop:
        config["stopSequences"] = conversation.stop if is_own else conversation.stop[:MOST_STOPS]
        if len(conversation.stop) > len(config["stopSequences"]):
            dropped.append("stop")
    if conversation.modalities and (is_own or set(conversation.modalities) != {"text"}):
        config["responseModalities"] = [name.upper() for name in conversation.modalities]
    if conversation.output is not None:
        config |= _output(conversation.output, is_own=is_own)
    if conversation.reasoning is not None:
        thinking = _thinking(conversation.reasoning, can, is_own=is_own)
        if thinking:
            config["thinkingConfig"] = thinking
        elif not can.thinks and effort_of(conversation.reasoning) not in {None, "none"}:
            dropped.append("reasoning")
    if config:
        body["generationConfig"] = config
    unknown = ("verbosity", "user", "metadata")
    dropped += [name for name in unknown if getattr(conversation, name)]
    if conversation.service_tier not in {None, "auto", "default"}:
        dropped.append("service_tier")


def _tools(
    conversation: Conversation, declared: list[dict[str, Any]], dropped: list[str], *, is_own: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """(tools in their order, all functions where the first one stood; kinds of server tools)"""
    tools: list[dict[str, Any]] = []
    served: list[str] = []
    for tool in conversation.tools:
        if isinstance(tool, Tool):
            functions = {"functionDeclarations": declared}
            tools += [] if functions in tools else [functions]
        elif (told := _server_tool(tool, is_own=is_own)) is None:
            dropped.append(tool.kind)
        else:
            tools.append(told)
            served.append(tool.kind)
    return tools, served


def _server_tool(tool: ServerTool, *, is_own: bool) -> dict[str, Any] | None:
    if is_own and isinstance(tool.value, dict):
        return tool.value
    name = SERVER_TOOLS.get(tool.kind)
    return None if name is None else {name: {}}


def _declaration(tool: Tool, *, is_own: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"name": tool.name}
    if tool.description:
        told["description"] = tool.description
    if tool.parameters is not None:
        told["parametersJsonSchema"] = tool.parameters if is_own else to_gemini(tool.parameters)
    return told | tool.extra if is_own else told


def _choice(choice: ToolChoice) -> dict[str, Any]:
    """https://ai.google.dev/api/caching#FunctionCallingConfig: names go with ANY and VALIDATED."""
    match choice.mode:
        case "auto" | "none":
            return {"mode": choice.mode.upper()}
        case "required":
            return {"mode": "ANY"}
        case "tool":
            return {"mode": "ANY", "allowedFunctionNames": choice.names}
        case _:
            mode = "ANY" if choice.must_call else "VALIDATED"
            return {"mode": mode, "allowedFunctionNames": choice.names}


def _numbers(
    conversation: Conversation, can: Abilities, dropped: list[str], *, is_own: bool
) -> dict[str, Any]:
    """Sampling; what the model would refuse is left out, unless the client knew whom it asked."""
    seed = conversation.seed or 0
    choices = conversation.choices
    rows = (
        ("temperature", "temperature", can.has_sampling),
        ("topP", "top_p", can.has_sampling),
        ("topK", "top_k", can.has_sampling),
        ("candidateCount", "choices", can.has_candidates or choices == 1),
        ("presencePenalty", "presence_penalty", can.has_penalties),
        ("frequencyPenalty", "frequency_penalty", can.has_penalties),
        ("seed", "seed", abs(seed) <= MOST_SEED),
        ("responseLogprobs", "logprobs", can.has_logprobs),
        ("logprobs", "top_logprobs", can.has_logprobs),
    )
    config: dict[str, Any] = {}
    for name, ours, is_known in rows:
        value = getattr(conversation, ours)
        if value is None:
            continue
        if is_own or is_known:
            config[name] = value
        elif value:
            dropped.append("n" if ours == "choices" else ours)
    return config


def _output(output: OutputFormat, *, is_own: bool) -> dict[str, Any]:
    if output.kind == "text":
        return {"responseMimeType": "text/plain"} if is_own else {}
    told: dict[str, Any] = {"responseMimeType": "application/json"}
    if output.schema is not None:
        told["responseJsonSchema"] = output.schema if is_own else to_gemini(output.schema)
    return told


def _thinking(reasoning: Reasoning, can: Abilities, *, is_own: bool) -> dict[str, Any]:
    """Levels for models that have them, else a budget, and nothing for those that don't think."""
    if not can.thinks and not is_own:
        return {}
    effort = effort_of(reasoning)
    levels = can.levels
    told = _budget(reasoning, can) if levels is None else _level(reasoning, effort, levels)
    if is_own:
        if reasoning.budget is not None:
            told = {"thinkingBudget": reasoning.budget}
        elif reasoning.is_adaptive:
            told = {"thinkingBudget": -1}
        elif reasoning.effort is not None:
            told = {"thinkingLevel": reasoning.effort.upper()}
        shows = reasoning.shows
    else:
        shows = (reasoning.shows is not False and effort != "none") or None
    return told if shows is None else told | {"includeThoughts": shows}


def _level(reasoning: Reasoning, effort: str | None, levels: tuple[str, ...]) -> dict[str, Any]:
    if effort is None or (reasoning.is_adaptive and reasoning.effort is None):
        return {}
    level = nearest_level(effort, levels)
    return {} if level is None else {"thinkingLevel": level.upper()}


def _budget(reasoning: Reasoning, can: Abilities) -> dict[str, Any]:
    budget = budget_of(reasoning)
    if budget is None:
        return {"thinkingBudget": -1} if reasoning.is_adaptive else {}
    if budget < 0:
        return {"thinkingBudget": -1}
    least, most = can.budgets or (1, 2**31 - 1)
    if budget == 0 and can.may_stop_thinking:
        return {"thinkingBudget": 0}
    return {"thinkingBudget": min(max(budget, least), most)}

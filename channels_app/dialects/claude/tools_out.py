"""Tools and what is said about their choice become Claude's."""

from typing import Any

from channels_app.dialects.claude.blocks_in import NAME
from channels_app.dialects.claude.models import Traits
from channels_app.dialects.claude.schema import fit_schema
from channels_app.dialects.conversation import Conversation, ServerTool, Tool, ToolChoice
from channels_app.dialects.reading import cache_control

SERVER_TOOLS: dict[str, dict[str, Any]] = {
    "web_search": {"type": "web_search_20250305", "name": "web_search"},
    "code_execution": {"type": "code_execution_20250825", "name": "code_execution"},
    "url_context": {"type": "web_fetch_20250910", "name": "web_fetch"},
}
"""What Anthropic calls the tools that other providers run too."""


def put_tools(
    body: dict[str, Any], conversation: Conversation, traits: Traits, dropped: list[str]
) -> None:
    """Needs the messages in `body`."""
    is_own = conversation.dialect == NAME
    choice = conversation.tool_choice
    # Claude can't be told a choice of several: it gets no others.
    names = frozenset(choice.names) if choice and choice.mode == "allowed" else None
    tools = [
        told
        for tool in conversation.tools
        if (names is None or _name_of(tool) in names)
        and (told := _tool(tool, traits, dropped, is_own=is_own)) is not None
    ]
    if not tools:
        _put_tools_of_history(body, is_own=is_own)
        return
    body["tools"] = tools
    told_choice = _choice(choice, traits, dropped)
    if conversation.parallel_tool_calls is False and told_choice != {"type": "none"}:
        told_choice = {**(told_choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if told_choice is not None:
        body["tool_choice"] = told_choice


def _name_of(tool: Tool | ServerTool) -> str:
    return tool.name if isinstance(tool, Tool) else tool.kind


def _tool(
    tool: Tool | ServerTool, traits: Traits, dropped: list[str], *, is_own: bool
) -> dict[str, Any] | None:
    if isinstance(tool, ServerTool):
        if tool.dialect == NAME and isinstance(tool.value, dict):
            return tool.value
        if tool.kind not in SERVER_TOOLS:
            dropped.append(tool.kind)
            return None
        return dict(SERVER_TOOLS[tool.kind])
    told: dict[str, Any] = {"name": tool.name}
    if tool.description:
        told["description"] = tool.description
    told["input_schema"] = _schema(tool.parameters)
    if tool.strict is not None and (tool.strict or is_own):
        if traits.takes_schema and (traits.is_claude or is_own):
            told["strict"] = tool.strict
            if not is_own:
                told["input_schema"] = fit_schema(told["input_schema"])
        else:
            dropped.append("strict")
    if tool.cache:
        told["cache_control"] = cache_control(tool.cache)
    if is_own:
        told |= tool.extra
    else:
        dropped += tool.extra
    return told


def _schema(parameters: dict[str, Any] | None) -> dict[str, Any]:
    if not parameters:
        return {"type": "object", "properties": {}}
    return parameters if "type" in parameters else {"type": "object", **parameters}


def _choice(choice: ToolChoice | None, traits: Traits, dropped: list[str]) -> dict[str, Any] | None:
    match choice:
        case None:
            return None
        case ToolChoice(mode="none" | "auto" as mode):
            return {"type": mode}
        case ToolChoice(mode="allowed", must_call=False):
            return {"type": "auto"}
        case _ if not traits.takes_forced_tools:
            dropped.append("tool_choice")
            return {"type": "auto"}
        case ToolChoice(mode="tool", names=[name, *_]):
            return {"type": "tool", "name": name}
        case _:
            return {"type": "any"}


def _put_tools_of_history(body: dict[str, Any], *, is_own: bool) -> None:
    """Calls among the messages want their tools declared, also when none may be called now."""
    names = {
        block["name"]: None
        for message in body["messages"]
        for block in message["content"]
        if block.get("type") == "tool_use"
    }
    if names and not is_own:
        body["tools"] = [{"name": name, "input_schema": _schema(None)} for name in names]
        body["tool_choice"] = {"type": "none"}

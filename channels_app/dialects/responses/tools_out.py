"""Tools and the choice of them, for a request and for the answer that repeats them."""

from typing import Any

from channels_app.dialects.conversation import Conversation, ServerTool, Tool, ToolChoice
from channels_app.dialects.fitting import whole_schema
from channels_app.dialects.responses.own import NAME, OwnChoice, OwnTool


def put_tools(body: dict[str, Any], conversation: Conversation, dropped: list[str]) -> None:
    tools = render_tools(conversation, dropped)
    if tools:
        body["tools"] = tools
    if tools or conversation.dialect == NAME:
        if conversation.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = conversation.parallel_tool_calls
        if conversation.tool_choice is not None:
            body["tool_choice"] = render_choice(conversation.tool_choice, conversation)


def render_tools(conversation: Conversation, dropped: list[str]) -> list[dict[str, Any]]:
    is_own = conversation.dialect == NAME
    tools = []
    for tool in conversation.tools:
        if isinstance(tool, Tool):
            tools.append(_custom(tool) if tool.is_custom else _function(tool, is_own=is_own))
        elif tool.dialect == NAME and isinstance(tool.value, dict):
            tools.append(tool.value)
        else:
            tools += _server_tool(tool, dropped)
    return tools


def _function(tool: Tool, *, is_own: bool) -> dict[str, Any]:
    """Tools are strict here unless they say that they are not; elsewhere it is the other way round
    (https://developers.openai.com/api/docs/guides/migrate-to-responses).
    """
    told: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description:
        told["description"] = tool.description
    if not is_own:
        told["parameters"] = whole_schema(tool.parameters)
    elif tool.parameters is not None:
        told["parameters"] = tool.parameters
    if tool.strict is not None or not is_own:
        told["strict"] = bool(tool.strict)
    return told | (tool.rest if isinstance(tool, OwnTool) else {})


def _custom(tool: Tool) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "custom", "name": tool.name}
    if tool.description:
        told["description"] = tool.description
    match tool.extra.get("format"):
        case {"grammar": dict(grammar), **rest}:
            told["format"] = {**rest, **grammar}
        case dict(form):
            told["format"] = form
    return told | (tool.rest if isinstance(tool, OwnTool) else {})


def _server_tool(tool: ServerTool, dropped: list[str]) -> list[dict[str, Any]]:
    """What another dialect, or the gateway, asked for."""
    match tool.kind:
        case "web_search":
            return [_web_search(tool.value)]
        case "code_execution":
            return [{"type": "code_interpreter", "container": {"type": "auto"}}]
        case "image_generation":
            return [{"type": "image_generation"}]
        case kind:
            dropped.append(kind)
            return []


def _web_search(value: Any) -> dict[str, Any]:
    """Claude's tool says the user's place as this one does, Chat Completions one level deeper."""
    told: dict[str, Any] = {"type": "web_search"}
    options = value.get("web_search_options", value) if isinstance(value, dict) else None
    if not isinstance(options, dict):
        return told
    if isinstance(place := options.get("user_location"), dict):
        inner = place.get("approximate")
        told["user_location"] = place | (inner if isinstance(inner, dict) else {})
        told["user_location"].pop("approximate", None)
    if isinstance(size := options.get("search_context_size"), str):
        told["search_context_size"] = size
    if isinstance(domains := options.get("allowed_domains"), list):
        told["filters"] = {"allowed_domains": domains}
    return told


def render_choice(choice: ToolChoice, conversation: Conversation) -> Any:
    if isinstance(choice, OwnChoice) and conversation.dialect == NAME:
        return choice.value
    customs = {
        tool.name for tool in conversation.tools if isinstance(tool, Tool) and tool.is_custom
    }
    named = [
        {"type": "custom" if name in customs else "function", "name": name} for name in choice.names
    ]
    if choice.mode == "allowed":
        mode = "required" if choice.must_call else "auto"
        return {"type": "allowed_tools", "mode": mode, "tools": named}
    if choice.mode == "tool":
        return named[0] if named else "required"
    return choice.mode

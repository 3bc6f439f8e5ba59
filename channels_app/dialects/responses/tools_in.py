"""Tools and the choice of them, from a request."""

from typing import Any

from channels_app.dialects import reading
from channels_app.dialects.conversation import (
    BadConversation,
    Conversation,
    Namespace,
    ServerTool,
    Tool,
    ToolChoice,
)
from channels_app.dialects.responses.content_in import rest_of
from channels_app.dialects.responses.own import NAME, OwnChoice, OwnTool

KINDS = {
    "web_search": "web_search",
    "web_search_2025_08_26": "web_search",
    "web_search_preview": "web_search",
    "web_search_preview_2025_03_11": "web_search",
    "code_interpreter": "code_execution",
    "computer": "computer_use",
    "computer_use": "computer_use",
    "computer_use_preview": "computer_use",
}
"""What the provider's own tools are called in the hub; the others keep their names."""


def take_tools(conversation: Conversation, values: dict[str, Any]) -> None:
    """Raises BadConversation."""
    conversation.tools = read_tools(values.pop("tools", []), "tools")
    conversation.tool_choice = _choice(values.pop("tool_choice", None))
    conversation.parallel_tool_calls = reading.flag(
        values.pop("parallel_tool_calls", None), "parallel_tool_calls"
    )


def read_tools(values: Any, where: str) -> list[Tool | ServerTool]:
    """Raises BadConversation."""
    held = reading.items(values, where)
    return [read_tool(value, f"{where}[{index}]") for index, value in enumerate(held)]


def read_tool(value: Any, where: str) -> Tool | ServerTool:
    """Raises BadConversation."""
    tool = reading.mapping(value, where)
    kind = reading.text(tool.get("type"), f"{where}.type")
    if kind == "function":
        return _function(tool, where)
    if kind == "custom":
        return _custom(tool, where)
    if kind == "namespace":
        return _namespace(tool, where)
    return ServerTool(KINDS.get(kind, kind), NAME, tool)


def _namespace(value: dict[str, Any], where: str) -> Namespace:
    """https://developers.openai.com/api/docs/guides/function-calling: functions and custom tools
    that are called by their name and that of the namespace, which says what they have in common.
    """
    name = reading.text(value.get("name"), f"{where}.name")
    tools = read_tools(value.get("tools"), f"{where}.tools")
    known = [tool for tool in tools if isinstance(tool, Tool)]
    for tool in known:
        tool.namespace = name
    return Namespace("namespace", NAME, value, known)


def _function(tool: dict[str, Any], where: str) -> Tool:
    parameters = tool.get("parameters")
    return OwnTool(
        reading.text(tool.get("name"), f"{where}.name"),
        reading.optional_text(tool.get("description"), f"{where}.description"),
        None if parameters is None else reading.mapping(parameters, f"{where}.parameters"),
        reading.flag(tool.get("strict"), f"{where}.strict"),
        rest=rest_of(tool, "type", "name", "description", "parameters", "strict"),
    )


def _custom(tool: dict[str, Any], where: str) -> Tool:
    """The hub keeps the grammar in the form of Chat Completions: {"format": {"type": "grammar",
    "grammar": {…}}}; here it lies flat.
    """
    extra: dict[str, Any] = {}
    if (form := tool.get("format")) is not None:
        form = reading.mapping(form, f"{where}.format")
        inner = rest_of(form, "type")
        extra["format"] = form if not inner else {"type": form.get("type"), "grammar": inner}
    return OwnTool(
        reading.text(tool.get("name"), f"{where}.name"),
        reading.optional_text(tool.get("description"), f"{where}.description"),
        is_custom=True,
        extra=extra,
        rest=rest_of(tool, "type", "name", "description", "format"),
    )


def _choice(value: Any) -> ToolChoice | None:
    """A choice of the provider's own tools is no more than `auto` to others, who may not have
    them.
    """
    match value:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(value)
        case {"type": "function" | "custom", "name": str(name)}:
            return OwnChoice("tool", [name], value=value)
        case {"type": "allowed_tools", "tools": [*tools]}:
            names = [name for tool in tools for name in _names_in(tool)]
            must_call = value.get("mode") == "required"
            return OwnChoice("allowed", names, must_call=must_call, value=value)
        case {"type": str()}:
            return OwnChoice("auto", value=value)
        case _:
            raise BadConversation("tool_choice", "is not known")


def _names_in(tool: Any) -> list[str]:
    match tool:
        case {"type": "function" | "custom", "name": str(name)}:
            return [name]
        case _:
            return []

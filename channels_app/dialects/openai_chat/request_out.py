"""A Conversation becomes a Chat Completions request, for OpenAI and for those who copied it."""

from typing import Any

from channels_app.dialects.conversation import (
    Audio,
    Conversation,
    File,
    Image,
    Opaque,
    OutputFormat,
    Part,
    Refusal,
    ServerTool,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.end_users import short_user
from channels_app.dialects.fitting import whole_schema
from channels_app.dialects.openai_chat.reasoning_out import (
    THINKS_BY_FLAG,
    THINKS_BY_TYPE,
    put_reasoning,
)
from channels_app.dialects.openai_models import OPENAI_KINDS, drop_sampling, is_new_model
from channels_app.dialects.provenance import TAKES_SIGNED_CALLS
from channels_app.dialects.reading import cache_control, data_url

NAME = "openai"
KEEPS_CACHE_MARKS = frozenset({"openrouter", "newapi", "oneapi", "ali"})
"""Who takes Claude's cache marks in this dialect."""
RETURNS_THOUGHTS = THINKS_BY_TYPE | THINKS_BY_FLAG | {"openrouter", "newapi", "vllm"}
"""Who wants the thoughts of earlier turns back, as reasoning_content."""
TAKES_PARTIAL = frozenset({"ali", "moonshot"})
"""Who goes on with a last message that says so: https://help.aliyun.com/en/model-studio/partial-mode,
https://platform.moonshot.cn/docs/api/partial.
"""


def render_request(conversation: Conversation, target: Target) -> Rendered:
    is_own = conversation.dialect == NAME
    dropped: list[str] = []
    body: dict[str, Any] = {"model": target.model}
    body["messages"] = _messages(conversation, target, dropped)
    if conversation.begins_answer and target.kind in TAKES_PARTIAL:
        body["messages"][-1]["partial"] = True
    if conversation.is_stream:
        body["stream"] = True
        if target.asks_usage:
            body["stream_options"] = {"include_usage": True}
    _put_tools(body, conversation, target, dropped, is_own=is_own)
    _put_numbers(body, conversation, target, dropped)
    _put_forms(body, conversation, target, dropped)
    if is_own:
        body |= {name: value for name, value in conversation.extra.items() if name not in body}
    else:
        dropped += conversation.extra
        drop_sampling(body, target, body.get("reasoning_effort"), dropped)
    return Rendered(body, list(dict.fromkeys(dropped)))


def _messages(
    conversation: Conversation, target: Target, dropped: list[str]
) -> list[dict[str, Any]]:
    """Tool results stand alone here, right behind their calls. Pictures can't stand in a tool's
    message of OpenAI's: they follow as the user's, unless the client knew better.
    """
    is_own = conversation.dialect == NAME
    messages: list[dict[str, Any]] = []
    shown: list[Part] = []
    for turn in conversation.turns:
        rest: list[Part] = []
        for part in turn.parts:
            if isinstance(part, ToolResult):
                messages.append(_tool_message(part, target, dropped, is_own=is_own))
                shown += [one for one in part.parts if not (isinstance(one, Text) or is_own)]
            else:
                rest.append(part)
        if turn.parts and not rest:
            continue
        if turn.role == "user":
            rest, shown = shown + rest, []
        else:
            shown = _show(messages, shown, target, dropped)
        messages.append(_message(turn, rest, target, dropped, is_own=is_own))
    _show(messages, shown, target, dropped)
    return messages


def _show(
    messages: list[dict[str, Any]], shown: list[Part], target: Target, dropped: list[str]
) -> list[Part]:
    """What is left to show: nothing."""
    if content := _content(shown, target, dropped):
        messages.append({"role": "user", "content": content})
    return []


def _message(
    turn: Turn, parts: list[Part], target: Target, dropped: list[str], *, is_own: bool
) -> dict[str, Any]:
    role: str = turn.role
    if role == "developer" and not is_own and target.kind not in OPENAI_KINDS:
        role = "system"
    message: dict[str, Any] = {"role": role}
    if turn.name:
        message["name"] = turn.name
    if role == "assistant":
        _fill_assistant(message, parts, target, dropped)
    else:
        message["content"] = _content(parts, target, dropped) or ""
    return message


def _tool_message(
    result: ToolResult, target: Target, dropped: list[str], *, is_own: bool
) -> dict[str, Any]:
    words = [part for part in result.parts if isinstance(part, Text) or is_own]
    content = _content(list(words), target, dropped)
    if result.is_error and isinstance(content, str):
        content = f"Error: {content}"
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _fill_assistant(
    message: dict[str, Any], parts: list[Part], target: Target, dropped: list[str]
) -> None:
    said = [part for part in parts if isinstance(part, Text | Image | File | Opaque)]
    message["content"] = (_content(list(said), target, dropped) or "") if said else None
    calls = [_call(part, target) for part in parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = calls
    for part in parts:
        match part:
            case Refusal():
                message["refusal"] = message.get("refusal", "") + part.text
            case Thinking() if target.kind in RETURNS_THOUGHTS and part.text:
                message["reasoning_content"] = message.get("reasoning_content", "") + part.text
            case Thinking():
                dropped.append("thinking")
            case Audio() if part.id:
                message["audio"] = {"id": part.id}
            case _:
                pass


def _call(call: ToolCall, target: Target) -> dict[str, Any]:
    if call.is_custom:
        body = {"name": call.name, "input": call.arguments}
        return {"id": call.id, "type": "custom", "custom": body}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    told: dict[str, Any] = {"id": call.id, "type": "function", "function": function}
    if call.signature and target.kind in TAKES_SIGNED_CALLS:
        told["extra_content"] = {"google": {"thought_signature": call.signature}}
    return told


def _content(parts: list[Part], target: Target, dropped: list[str]) -> str | list[Any]:
    """A plain text where one will do: some who copied this dialect take nothing else."""
    keeps_marks = target.kind in KEEPS_CACHE_MARKS
    texts = [part for part in parts if isinstance(part, Text) and not (part.cache and keeps_marks)]
    if len(texts) == len(parts) and (len(parts) <= 1 or target.kind not in OPENAI_KINDS):
        return "\n".join(part.text for part in texts)
    told = []
    for part in parts:
        value = _part(part, dropped)
        if value is None:
            continue
        if keeps_marks and isinstance(part, Text | Image | File) and part.cache:
            value["cache_control"] = cache_control(part.cache)
        told.append(value)
    return told


def _part(part: Part, dropped: list[str]) -> dict[str, Any] | None:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image() if not part.file_id:
            url = part.url or data_url(part.media_type, part.data)
            image = {"url": url, "detail": part.detail} if part.detail else {"url": url}
            return {"type": "image_url", "image_url": image}
        case Audio():
            audio = {"data": part.data, "format": part.format or "wav"}
            return {"type": "input_audio", "input_audio": audio}
        case File():
            return _file(part)
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case Opaque(dialect="openai", value=value):
            return dict(value)
        case Opaque():
            kind = part.value.get("type") if isinstance(part.value, dict) else None
            dropped.append(str(kind or "part"))
        case _:
            dropped.append(type(part).__name__.lower())
    return None


def _file(file: File) -> dict[str, Any]:
    if file.text:
        return {"type": "text", "text": file.text}
    if file.file_id:
        return {"type": "file", "file": {"file_id": file.file_id}}
    data = file.url or data_url(file.media_type or "application/pdf", file.data)
    told = {"filename": file.name or "document.pdf", "file_data": data}
    return {"type": "file", "file": told}


def _put_tools(
    body: dict[str, Any],
    conversation: Conversation,
    target: Target,
    dropped: list[str],
    *,
    is_own: bool,
) -> None:
    tools = []
    for tool in conversation.tools:
        if isinstance(tool, Tool):
            tools.append(_tool(tool, target, is_own=is_own))
        elif isinstance(tool.value, dict) and "web_search_options" in tool.value and is_own:
            body["web_search_options"] = tool.value["web_search_options"]
        elif is_own and tool.value is not None:
            tools.append(tool.value)
        else:
            _put_server_tool(body, tool, target, dropped)
    if tools:
        body["tools"] = tools
        if conversation.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = conversation.parallel_tool_calls
        if conversation.tool_choice is not None:
            body["tool_choice"] = _choice(conversation.tool_choice, conversation.tools)


def _put_server_tool(
    body: dict[str, Any], tool: ServerTool, target: Target, dropped: list[str]
) -> None:
    """A search that the gateway or another dialect asked for, by the provider's own switch."""
    if tool.kind != "web_search":
        dropped.append(tool.kind)
    elif target.kind in OPENAI_KINDS and "-search-" in target.model:
        body["web_search_options"] = {}
    elif target.kind == "ali":
        body["enable_search"] = True
    elif target.kind == "openrouter":
        body["plugins"] = [{"id": "web"}]
    else:
        dropped.append("web_search")


def _tool(tool: Tool, target: Target, *, is_own: bool) -> dict[str, Any]:
    if tool.is_custom:
        custom = {"name": tool.name, "description": tool.description, **tool.extra}
        return {"type": "custom", "custom": {k: v for k, v in custom.items() if v != ""}}
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters if is_own else whole_schema(tool.parameters)
    if tool.strict is not None:
        function["strict"] = tool.strict
    told: dict[str, Any] = {"type": "function", "function": function}
    if tool.cache and target.kind in KEEPS_CACHE_MARKS:
        told["cache_control"] = cache_control(tool.cache)
    return told


def _choice(choice: ToolChoice, tools: list[Tool | ServerTool]) -> Any:
    customs = {tool.name for tool in tools if isinstance(tool, Tool) and tool.is_custom}
    kinds = [("custom" if name in customs else "function", name) for name in choice.names]
    named = [{"type": kind, kind: {"name": name}} for kind, name in kinds]
    if choice.mode == "tool":
        return named[0]
    if choice.mode == "allowed":
        mode = "required" if choice.must_call else "auto"
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}
    return choice.mode


def _put_numbers(
    body: dict[str, Any], conversation: Conversation, target: Target, dropped: list[str]
) -> None:
    limits = [n for n in (conversation.max_tokens, target.max_tokens) if n is not None]
    if limits:
        # Reasoning models of OpenAI refuse max_tokens; those who copied it know nothing else.
        is_new = target.kind in OPENAI_KINDS or is_new_model(target.model)
        body["max_completion_tokens" if is_new else "max_tokens"] = min(limits)
    for name in (
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "logprobs",
        "top_logprobs",
    ):
        value = getattr(conversation, name)
        if value is not None:
            body[name] = value
    if conversation.choices is not None:
        body["n"] = conversation.choices
    if conversation.stop:
        body["stop"] = conversation.stop
    if conversation.top_k is not None:
        if target.kind in OPENAI_KINDS:
            dropped.append("top_k")
        else:
            body["top_k"] = conversation.top_k


def _put_forms(
    body: dict[str, Any], conversation: Conversation, target: Target, dropped: list[str]
) -> None:
    if conversation.output is not None:
        body["response_format"] = _output(conversation.output)
    put_reasoning(body, conversation, target, dropped)
    for name in ("verbosity", "user", "service_tier"):
        value: Any = getattr(conversation, name)
        if value is not None:
            body[name] = value
    if conversation.user is not None and conversation.dialect != NAME:
        body["user"] = short_user(conversation.user)
    if conversation.metadata:
        body["metadata"] = conversation.metadata
    if conversation.modalities:
        body["modalities"] = conversation.modalities


def _output(output: OutputFormat) -> dict[str, Any]:
    if output.kind == "text":
        return {"type": "text"}
    if output.kind == "json":
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": output.name or "answer"}
    if output.description:
        schema["description"] = output.description
    if output.schema is not None:
        schema["schema"] = output.schema
    if output.strict is not None:
        schema["strict"] = output.strict
    return {"type": "json_schema", "json_schema": schema}

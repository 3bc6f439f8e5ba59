"""A Chat Completions request becomes a Conversation."""

from typing import Any

from channels_app.dialects import reading
from channels_app.dialects.conversation import (
    Audio,
    BadConversation,
    Conversation,
    File,
    Image,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
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
from channels_app.dialects.dialect import Fields
from channels_app.dialects.responses.tools_in import read_tool

NAME = "openai"
ROLES = {"system", "developer", "user", "assistant"}
ANSWER_FIELDS = ("reasoning_content", "reasoning")
"""What providers call the model's thoughts in a message: DeepSeek and most, OpenRouter."""


def parse_request(fields: Fields, model: str, is_stream: bool) -> Conversation:  # noqa: FBT001 -- Dialect.parse_request
    values = reading.decode_fields(fields)
    for name in ("model", "stream", "stream_options"):
        values.pop(name, None)
    turns = [
        turn
        for index, message in enumerate(reading.items(values.pop("messages", None), "messages"))
        for turn in _turns_of(reading.mapping(message, f"messages[{index}]"), index)
    ]
    conversation = Conversation(NAME, model, turns, is_stream)
    _take_tools(conversation, values)
    _take_numbers(conversation, values)
    _take_forms(conversation, values)
    conversation.extra = values
    return conversation


def _turns_of(message: dict[str, Any], index: int) -> list[Turn]:
    where = f"messages[{index}]"
    role = reading.text(message.get("role"), f"{where}.role")
    content = message.get("content")
    name = reading.optional_text(message.get("name"), f"{where}.name")
    if role in {"tool", "function"}:
        call_id = message.get("tool_call_id") or name
        parts: Any = _parts(content, f"{where}.content")
        cache = reading.cache_mark(message.get("cache_control"))
        return [Turn("user", [ToolResult(reading.text(call_id, where), parts, name, cache=cache)])]
    if role not in ROLES:
        raise BadConversation(f"{where}.role", "is not known")
    turn = Turn(role, _parts(content, f"{where}.content"), name)  # type: ignore[arg-type]
    if role == "assistant":
        turn.parts = _thoughts(message) + turn.parts + _calls(message, where)
        if refusal := reading.optional_text(message.get("refusal"), f"{where}.refusal"):
            turn.parts.append(Refusal(refusal))
        if isinstance(audio := message.get("audio"), dict):
            turn.parts.append(Audio(id=reading.optional_text(audio.get("id"), f"{where}.audio.id")))
    return [turn]


def _thoughts(message: dict[str, Any]) -> list[Part]:
    for name in ANSWER_FIELDS:
        if isinstance(thought := message.get(name), str) and thought:
            return [Thinking(thought)]
    return []


def _calls(message: dict[str, Any], where: str) -> list[Part]:
    calls: list[Part] = []
    for index, value in enumerate(reading.items(message.get("tool_calls") or [], where)):
        field = f"{where}.tool_calls[{index}]"
        call = reading.mapping(value, field)
        is_custom = call.get("type") == "custom"
        body = reading.mapping(call.get("custom" if is_custom else "function"), field)
        calls.append(
            ToolCall(
                reading.optional_text(call.get("id"), f"{field}.id"),
                reading.text(body.get("name"), f"{field}.name"),
                reading.optional_text(body.get("input" if is_custom else "arguments"), field),
                _gemini_signature(call),
                is_custom,
            )
        )
    if isinstance(old := message.get("function_call"), dict):
        name = reading.text(old.get("name"), f"{where}.function_call.name")
        calls.append(ToolCall(name, name, reading.optional_text(old.get("arguments"), where)))
    return calls


def _gemini_signature(call: dict[str, Any]) -> str:
    """https://ai.google.dev/gemini-api/docs/thought-signatures: extra_content of OpenAI's form."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else ""


def _parts(content: Any, where: str) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    return [
        _part(reading.mapping(value, f"{where}[{index}]"), f"{where}[{index}]")
        for index, value in enumerate(reading.items(content, where))
    ]


def _part(part: dict[str, Any], where: str) -> Part:
    cache = reading.cache_mark(part.get("cache_control"))
    match part.get("type", "text"):
        case "text":
            return Text(reading.text(part.get("text"), f"{where}.text"), cache)
        case "refusal":
            return Refusal(reading.text(part.get("refusal"), f"{where}.refusal"))
        case "image_url":
            return _image(part.get("image_url"), f"{where}.image_url", cache)
        case "input_audio":
            audio = reading.mapping(part.get("input_audio"), f"{where}.input_audio")
            data = reading.text(audio.get("data"), f"{where}.input_audio.data")
            return Audio(data, reading.optional_text(audio.get("format"), where) or "wav")
        case "file":
            return _file(reading.mapping(part.get("file"), f"{where}.file"), where, cache)
        case _:
            return Opaque(NAME, part)


def _image(value: Any, where: str, cache: Any) -> Image:
    image: dict[str, Any] = {"url": value} if isinstance(value, str) else {}
    image = image or reading.mapping(value, where)
    url = reading.text(image.get("url"), f"{where}.url")
    detail = reading.optional_text(image.get("detail"), f"{where}.detail")
    data = reading.split_data_url(url)
    if data is None:
        return Image(url=url, detail=detail, cache=cache)
    return Image(data[0], data[1], detail=detail, cache=cache)


def _file(file: dict[str, Any], where: str, cache: Any) -> File:
    name = reading.optional_text(file.get("filename"), where)
    if file_id := reading.optional_text(file.get("file_id"), where):
        return File(file_id=file_id, name=name, cache=cache)
    url = reading.text(file.get("file_data"), f"{where}.file.file_data")
    data = reading.split_data_url(url)
    if data is None:
        if url.startswith(("http://", "https://")):
            return File(url=url, name=name, cache=cache)
        return File("application/pdf", url, name=name, cache=cache)
    return File(data[0], data[1], name=name, cache=cache)


def _take_tools(conversation: Conversation, values: dict[str, Any]) -> None:
    for index, value in enumerate(reading.items(values.pop("tools", []), "tools")):
        conversation.tools.append(_tool(reading.mapping(value, f"tools[{index}]"), index))
    for index, value in enumerate(reading.items(values.pop("functions", []), "functions")):
        function = reading.mapping(value, f"functions[{index}]")
        conversation.tools.append(_function(function, {}, f"functions[{index}]"))
    if (options := values.pop("web_search_options", None)) is not None:
        value = {"web_search_options": options}
        conversation.tools.append(ServerTool("web_search", NAME, value))
    conversation.tool_choice = _choice(values.pop("tool_choice", values.pop("function_call", None)))
    conversation.parallel_tool_calls = reading.flag(
        values.pop("parallel_tool_calls", None), "parallel_tool_calls"
    )


def _tool(tool: dict[str, Any], index: int) -> Tool | ServerTool:
    where = f"tools[{index}]"
    kind = reading.text(tool.get("type", "function"), f"{where}.type")
    if kind in {"function", "custom"} and kind not in tool and "name" in tool:
        # As Responses has them: Cursor writes some of its tools so.
        return read_tool({"type": kind, **tool}, where)
    if kind == "function":
        return _function(reading.mapping(tool.get("function"), f"{where}.function"), tool, where)
    if kind == "custom":
        custom = dict(reading.mapping(tool.get("custom"), f"{where}.custom"))
        name = reading.text(custom.pop("name", None), f"{where}.custom.name")
        words = reading.optional_text(custom.pop("description", None), where)
        return Tool(name, words, is_custom=True, extra=custom)
    return ServerTool(kind, NAME, tool)


def _function(function: dict[str, Any], tool: dict[str, Any], where: str) -> Tool:
    parameters = function.get("parameters")
    return Tool(
        reading.text(function.get("name"), f"{where}.name"),
        reading.optional_text(function.get("description"), f"{where}.description"),
        None if parameters is None else reading.mapping(parameters, f"{where}.parameters"),
        reading.flag(function.get("strict"), f"{where}.strict"),
        cache=reading.cache_mark(tool.get("cache_control")),
    )


def _choice(value: Any) -> ToolChoice | None:
    match value:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(value)
        case {"type": "function", "function": {"name": str(name)}}:
            return ToolChoice("tool", [name])
        case {"type": "custom", "custom": {"name": str(name)}}:
            return ToolChoice("tool", [name])
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [*tools]}}:
            return _allowed(mode, tools)
        case {"type": "allowed_tools", "mode": mode, "tools": [*tools]}:
            return _allowed(mode, tools)
        case {"name": str(name)}:
            return ToolChoice("tool", [name])
        case _:
            raise BadConversation("tool_choice", "is not known")


def _allowed(mode: Any, tools: list[Any]) -> ToolChoice:
    names = [name for tool in tools for name in _names_in(tool)]
    return ToolChoice("allowed", names, must_call=mode == "required")


def _names_in(tool: Any) -> list[str]:
    match tool:
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}}:
            return [name]
        case {"name": str(name)}:
            return [name]
        case _:
            return []


def _take_numbers(conversation: Conversation, values: dict[str, Any]) -> None:
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        setattr(conversation, name, reading.number(values.pop(name, None), name))
    for name in ("top_k", "seed", "top_logprobs"):
        setattr(conversation, name, reading.integer(values.pop(name, None), name))
    limits = [
        reading.integer(values.pop(name, None), name)
        for name in ("max_completion_tokens", "max_tokens")
    ]
    conversation.max_tokens = limits[1] if limits[0] is None else limits[0]
    conversation.choices = reading.integer(values.pop("n", None), "n")
    conversation.logprobs = reading.flag(values.pop("logprobs", None), "logprobs")
    stop = values.pop("stop", None) or []
    stops = [stop] if isinstance(stop, str) else reading.items(stop, "stop")
    conversation.stop = [reading.text(item, "stop") for item in stops]


def _take_forms(conversation: Conversation, values: dict[str, Any]) -> None:
    conversation.output = _output(values.pop("response_format", None))
    conversation.reasoning = _reasoning(values)
    for name in ("verbosity", "user", "service_tier"):
        value = values.pop(name, None)
        setattr(conversation, name, None if value is None else reading.text(value, name))
    conversation.metadata = reading.mapping(values.pop("metadata", {}), "metadata")
    modalities = reading.items(values.pop("modalities", []), "modalities")
    conversation.modalities = [reading.text(item, "modalities") for item in modalities]


def _output(value: Any) -> OutputFormat | None:
    match value:
        case None:
            return None
        case {"type": "text"}:
            return OutputFormat("text")
        case {"type": "json_object"}:
            return OutputFormat("json")
        case {"type": "json_schema", "json_schema": {"name": str(name), **rest}}:
            schema = rest.get("schema")
            return OutputFormat(
                "schema",
                name,
                None if schema is None else reading.mapping(schema, "response_format.schema"),
                reading.flag(rest.get("strict"), "response_format.strict"),
                reading.optional_text(rest.get("description"), "response_format.description"),
            )
        case _:
            raise BadConversation("response_format", "is not known")


def _reasoning(values: dict[str, Any]) -> Reasoning | None:
    """reasoning_effort (OpenAI); `thinking` (DeepSeek, Zhipu, Doubao: {"type": "enabled"});
    `reasoning` (OpenRouter); enable_thinking and thinking_budget (Qwen).
    """
    effort = values.pop("reasoning_effort", None)
    if effort is not None:
        return Reasoning(effort=reading.text(effort, "reasoning_effort"))
    if isinstance(thinking := values.get("thinking"), dict):
        values.pop("thinking")
        budget = reading.integer(thinking.get("budget_tokens"), "thinking.budget_tokens")
        return Reasoning(thinking.get("type") != "disabled", budget=budget)
    if isinstance(found := values.get("reasoning"), dict):
        values.pop("reasoning")
        budget = reading.integer(found.get("max_tokens"), "reasoning.max_tokens")
        is_enabled = reading.flag(found.get("enabled"), "reasoning.enabled")
        effort = reading.optional_text(found.get("effort"), "reasoning.effort") or None
        return Reasoning(is_enabled, effort, budget)
    if isinstance(values.get("enable_thinking"), bool):
        is_enabled = values.pop("enable_thinking")
        budget = reading.integer(values.pop("thinking_budget", None), "thinking_budget")
        return Reasoning(is_enabled, budget=budget)
    return None

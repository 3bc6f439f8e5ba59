"""Fits the hub to dialects of single providers, which can say less. Pure."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from channels_app.dialects.conversation import (
    Conversation,
    File,
    Opaque,
    Part,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from channels_app.dialects.dialect import Target
from channels_app.dialects.efforts import effort_of
from channels_app.dialects.reply import UsageDelta
from channels_app.dialects.usage import UsageUnreadable, read_usage

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def unmet_wishes(conversation: Conversation, met: AbstractSet[str] = frozenset()) -> list[str]:
    """What was asked for by a field of the request that is not in `met`, by OpenAI's names, and
    then by the client's own where OpenAI has none.
    """
    asked = {
        "tools": bool(conversation.tools),
        "tool_choice": conversation.tool_choice is not None,
        "parallel_tool_calls": conversation.parallel_tool_calls is False,
        "max_tokens": conversation.max_tokens is not None,
        "temperature": conversation.temperature is not None,
        "top_p": conversation.top_p is not None,
        "top_k": conversation.top_k is not None,
        "stop": bool(conversation.stop),
        "seed": conversation.seed is not None,
        "presence_penalty": bool(conversation.presence_penalty),
        "frequency_penalty": bool(conversation.frequency_penalty),
        "n": conversation.choices not in {None, 1},
        "logprobs": bool(conversation.logprobs),
        "top_logprobs": bool(conversation.top_logprobs),
        "reasoning_effort": asks_to_think(conversation),
        "response_format": conversation.output is not None and conversation.output.kind != "text",
        "verbosity": conversation.verbosity is not None,
        "user": conversation.user is not None,
        "service_tier": conversation.service_tier not in {None, "auto", "default"},
        "metadata": bool(conversation.metadata),
        "modalities": any(name != "text" for name in conversation.modalities),
    }
    wishes = [name for name, is_asked in asked.items() if is_asked]
    return [name for name in [*wishes, *conversation.extra] if name not in met]


def asks_to_think(conversation: Conversation) -> bool:
    reasoning = conversation.reasoning
    if reasoning is None:
        return False
    effort = effort_of(reasoning)
    return effort != "none" and (effort is not None or bool(reasoning.is_enabled))


def limit_of(conversation: Conversation, target: Target) -> int | None:
    """The most output tokens: what the client asked for, and what the credit pays."""
    limits = [n for n in (conversation.max_tokens, target.max_tokens) if n is not None]
    return min(limits) if limits else None


def functions_of(conversation: Conversation, dropped: list[str]) -> list[Tool]:
    """The tools that any provider knows, without those that the choice rules out. What runs at
    the provider or takes free text is dropped.
    """
    found = []
    for tool in conversation.tools:
        if isinstance(tool, Tool) and not tool.is_custom:
            found.append(tool)
        else:
            dropped.append("tools" if isinstance(tool, Tool) else tool.kind)
    choice = conversation.tool_choice
    if choice is not None and choice.mode == "allowed":
        names = frozenset(choice.names)
        return [tool for tool in found if tool.name in names]
    return found


def whole_schema(parameters: dict[str, Any] | None) -> dict[str, Any]:
    """With what OpenAI wants said of a function's arguments, also where there are none: "schema
    must be a JSON Schema of 'type: "object"'", "object schema missing properties".
    """
    told = dict(parameters or {})
    if told.get("type") is None:
        told["type"] = "object"
    if told["type"] == "object" and told.get("properties") is None:
        told["properties"] = {}
    return told


def input_of(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object; other text as its member `input`."""
    if not call.arguments:
        return {}
    try:
        value = _decode(call.arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"input": call.arguments}


def words_of(parts: Iterable[Part], dropped: list[str]) -> str:
    """All that can be said in plain text, a line for each part; the rest is dropped."""
    words = []
    for part in parts:
        match part:
            case Text() | Refusal():
                words.append(part.text)
            case File(text=text) if text:
                words.append(text)
            case ToolResult():
                words.append(words_of(part.parts, dropped))
            case _:
                dropped.append(name_of(part))
    return "\n".join(text for text in words if text)


def name_of(part: Part) -> str:
    """What a part that can't be carried over is called in the list of what was dropped."""
    match part:
        case Opaque(value={"type": str(name)}):
            return name
        case ToolCall() | ToolResult():
            return "tool_calls"
        case _:
            return "part" if isinstance(part, Opaque) else type(part).__name__.lower()


def last_question(conversation: Conversation, dropped: list[str]) -> str:
    """The words of the last user turn that has any; other turns are dropped as `messages`."""
    chosen: Turn | None = None
    words = ""
    for turn in reversed(conversation.turns):
        if turn.role == "user" and (words := words_of(turn.parts, dropped)):
            chosen = turn
            break
    if any(turn is not chosen for turn in conversation.turns):
        dropped.append("messages")
    return words


def told_usage(counts: dict[str, Any]) -> UsageDelta:
    """Counts by OpenAI's names, as the provider told them: None where they are no counts."""
    try:
        return UsageDelta(read_usage(_encode(counts)))
    except UsageUnreadable:
        return UsageDelta(None)


def lenient_text(value: Any) -> str:
    """What a provider sent where a text belongs: '' if it is none."""
    return value if isinstance(value, str) else ""


def lenient_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))

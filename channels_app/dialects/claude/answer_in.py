"""A provider's Claude answer, whole or streamed, becomes a Reply or deltas.

https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from channels_app.dialects.claude.blocks_in import NAME
from channels_app.dialects.claude.opaque_block import OpaqueBlock
from channels_app.dialects.claude.tool_input import write_arguments
from channels_app.dialects.claude.usage import UsageTally
from channels_app.dialects.consumed import Consumed
from channels_app.dialects.conversation import Opaque, Part, Text, Thinking, ToolCall
from channels_app.dialects.reply import (
    BadAnswer,
    Choice,
    CitationDelta,
    Delta,
    Failed,
    Finished,
    FinishReason,
    RedactedDelta,
    Reply,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
)

FINISHES: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "pause",
    "model_context_window_exceeded": "context",
}


class Event(msgspec.Struct):
    """Any event of a stream, and a whole answer."""

    type: str | None = None
    index: int | None = None
    message: Any = None
    content_block: Any = None
    delta: Any = None
    usage: Any = None
    error: Any = None


class Answer(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    model: str | None = None
    content: list[Any] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Any = None
    error: Any = None


_decode_event = msgspec.json.Decoder(Event).decode
_decode_answer = msgspec.json.Decoder(Answer).decode


def read_answer(body: bytes) -> Reply:
    """Raises BadAnswer when it is none; an error in disguise is in `error`."""
    try:
        answer = _decode_answer(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "the provider's answer is not what it should be"
        raise BadAnswer(msg) from error
    if answer.error or answer.type == "error":
        return Reply(error=body)
    if answer.content is None:
        msg = "the provider's answer is empty"
        raise BadAnswer(msg)
    blocks = [block for block in answer.content if isinstance(block, dict)]
    choice = Choice(
        [part for block in blocks for part in _parts(block)],
        FINISHES.get(answer.stop_reason or "", "stop"),
        answer.stop_sequence,
        citations=[_citation(value) for block in blocks for value in _citations(block)],
    )
    reply = Reply(answer.id or "", answer.model or "", 0, [choice])
    for delta in UsageTally().read(answer.usage):
        reply.consumed, reply.is_usage_bad = delta.consumed, delta.consumed is None
    return reply


def _parts(block: dict[str, Any]) -> list[Part]:
    match block:
        case {"type": "text"}:
            words = _words(block, "text")
            return [Text(words, citations=_citations(block))] if words else []
        case {"type": "thinking"}:
            return [Thinking(_words(block, "thinking"), _words(block, "signature"))]
        case {"type": "redacted_thinking"}:
            return [Thinking(redacted=_words(block, "data"))]
        case {"type": "tool_use"}:
            arguments = write_arguments(block.get("input") or {})
            return [ToolCall(_words(block, "id"), _words(block, "name"), arguments)]
        case _:
            return [Opaque(NAME, block)]


def _words(block: dict[str, Any], name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""


def _citations(block: dict[str, Any]) -> list[Any]:
    if block.get("type") != "text":
        return []
    value = block.get("citations")
    return value if isinstance(value, list) else []


def _citation(value: Any) -> CitationDelta:
    if not isinstance(value, dict):
        return CitationDelta(dialect=NAME, value=value)
    return CitationDelta(
        _words(value, "url") or _words(value, "source"),
        _words(value, "title") or _words(value, "document_title"),
        _words(value, "cited_text"),
        NAME,
        value,
    )


class ClaudeReader:
    """Reads the events of a Messages stream."""

    def __init__(self) -> None:
        self.is_done = False
        self._tally = UsageTally()
        self._calls: dict[int, int] = {}
        """Tool calls by the index of their block, counted from 0."""
        self._begun = 0
        self._inputs: dict[int, Any] = {}
        """What a call's block began with: told when nothing else comes."""
        self._opaque: dict[int, OpaqueBlock] = {}
        self.open_block: int | None = None
        self.has_reason = False

    @property
    def consumed(self) -> Consumed:
        return self._tally.consumed()

    def read(self, data: bytes, name: str = "") -> Sequence[Delta]:
        """Raises msgspec.DecodeError."""
        if data.strip() == b"[DONE]":
            self.is_done = True
            return ()
        try:
            event = _decode_event(data)
        except (UnicodeDecodeError, RecursionError) as error:
            msg = "an event can't be read"
            raise msgspec.DecodeError(msg) from error
        kind = event.type or name
        if event.error or kind == "error":
            return (Failed(data),)
        index = event.index or 0
        match kind:
            case "content_block_delta":
                return self._read_delta(index, _fields(event.delta))
            case "content_block_start":
                self.open_block = index
                return self._read_start(index, _fields(event.content_block))
            case "content_block_stop":
                self.open_block = None
                return self._read_stop(index)
            case "message_start":
                return self._read_message(_fields(event.message))
            case "message_delta":
                return self._read_end(_fields(event.delta), event.usage)
            case "message_stop":
                self.is_done = True
                return [delta for block in list(self._opaque) for delta in self._read_stop(block)]
            case _:
                return ()

    def _read_message(self, message: dict[str, Any]) -> list[Delta]:
        started = Started(_words(message, "id"), _words(message, "model"))
        return [started, *self._tally.read(message.get("usage"))]

    def _read_start(self, index: int, block: dict[str, Any]) -> list[Delta]:
        match block.get("type"):
            case "text":
                told: list[Delta] = [_citation(value) for value in _citations(block)]
                words = _words(block, "text")
                return [TextDelta(words), *told] if words else told
            case "thinking":
                return self._read_delta(index, {**block, "type": "thinking_delta"}) + (
                    self._read_delta(index, {**block, "type": "signature_delta"})
                )
            case "redacted_thinking":
                return [RedactedDelta(_words(block, "data"))]
            case "tool_use":
                self._calls[index] = self._begun
                self._begun += 1
                self._inputs[index] = block.get("input") or {}
                return [ToolStarted(self._calls[index], _words(block, "id"), _words(block, "name"))]
            case str():
                self._opaque[index] = OpaqueBlock(block)
        return []

    def _read_delta(self, index: int, delta: dict[str, Any]) -> list[Delta]:
        if index in self._opaque:
            self._opaque[index].add(delta)
            return []
        match delta:
            case {"type": "text_delta", "text": str(words)} if words:
                return [TextDelta(words)]
            case {"type": "input_json_delta", "partial_json": str(words)} if words:
                self._inputs.pop(index, None)
                call = self._calls.get(index)
                return [] if call is None else [ToolDelta(call, words)]
            case {"type": "thinking_delta", "thinking": str(words)} if words:
                return [ThinkingDelta(words)]
            case {"type": "signature_delta", "signature": str(words)} if words:
                return [SignatureDelta(words)]
            case {"type": "citations_delta", "citation": value}:
                return [_citation(value)]
            case _:
                return []

    def _read_stop(self, index: int) -> list[Delta]:
        if (block := self._opaque.pop(index, None)) is not None:
            return [block.delta()]
        if (value := self._inputs.pop(index, None)) is not None:
            return [ToolDelta(self._calls[index], write_arguments(value))]
        return []

    def _read_end(self, delta: dict[str, Any], usage: Any) -> list[Delta]:
        deltas: list[Delta] = []
        if reason := _words(delta, "stop_reason"):
            self.has_reason = True
            sequence = _words(delta, "stop_sequence") or None
            deltas.append(Finished(FINISHES.get(reason, "stop"), sequence))
        return deltas + list(self._tally.read(usage))


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

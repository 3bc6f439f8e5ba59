"""Deltas become a Claude stream: one block after the other, whatever order the deltas have.

https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from channels_app.dialects.claude.answer_in import ClaudeReader
from channels_app.dialects.claude.answer_out import (
    call_id,
    image_link,
    stop_reason,
    write_citation,
    write_head,
)
from channels_app.dialects.claude.blocks_in import NAME
from channels_app.dialects.claude.tool_input import ObjectEnd, read_input, write_arguments
from channels_app.dialects.claude.usage import write_usage
from channels_app.dialects.consumed import Consumed
from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.provenance import mark
from channels_app.dialects.reply import (
    AudioDelta,
    CitationDelta,
    Delta,
    Finished,
    ImageDelta,
    OpaqueDelta,
    RedactedDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageDelta,
)

ERRORS = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
        "rate_limit_error",
        "timeout_error",
        "api_error",
        "overloaded_error",
    }
)
"""https://docs.anthropic.com/en/api/errors"""
_encode = msgspec.json.Encoder().encode


class Block:
    """A block that is being told, or waits until those before it are complete."""

    def __init__(
        self, begin: dict[str, Any], *, is_custom: bool = False, spare_signature: str = ""
    ) -> None:
        self.begin = begin
        self._spare_signature = spare_signature
        self.kind: str = begin["type"]
        self.is_custom = is_custom
        self.is_signed = False
        self.waiting: list[dict[str, Any]] = []
        self._arguments: list[str] = []
        self._checked = 0
        self._object = ObjectEnd()

    def add_arguments(self, text: str) -> None:
        self._arguments.append(text)
        if not self.is_custom:
            self.waiting.append({"type": "input_json_delta", "partial_json": text})

    def is_complete(self) -> bool:
        """Nothing more can come, once another block has begun: a call may still get pieces."""
        if self.kind != "tool_use":
            return True
        if self.is_custom:
            return False
        for text in self._arguments[self._checked :]:
            self._object.feed(text)
        self._checked = len(self._arguments)
        return self._object.is_found

    def ending(self) -> list[dict[str, Any]]:
        """What must be told before the block stops."""
        if self.kind == "thinking" and not self.is_signed:
            return [{"type": "signature_delta", "signature": self._spare_signature}]
        if self.kind == "tool_use" and (self.is_custom or not self._arguments):
            given = read_input("".join(self._arguments), is_custom=self.is_custom)
            return [{"type": "input_json_delta", "partial_json": write_arguments(given)}]
        return []


class ClaudeWriter:
    """Writes the events of a Messages stream."""

    def __init__(self, options: WriteOptions) -> None:
        self._options = options
        self._id = self._model = ""
        self._has_started = False
        self._has_begun = False
        self._blocks: deque[Block] = deque()
        self._is_open = False
        self._index = 0
        self._calls: dict[int, Block] = {}
        self._has_refused = False
        self._finished: Finished | None = None
        self._consumed: Consumed | None = None

    def write(self, deltas: Sequence[Delta]) -> bytes:
        told = b"".join([self._write(delta) for delta in deltas])
        # The first usage comes with or right after the start, and belongs into it.
        return told or (self._begin() if self._has_started else b"")

    def end(self) -> bytes:
        told = self._begin() + self._advance(ends=True)
        finished = self._finished or Finished("stop")
        reason = stop_reason(
            finished.reason,
            finished.stop_sequence,
            has_calls=bool(self._calls),
            has_refused=self._has_refused,
        )
        return told + _end(reason, finished.stop_sequence, self._consumed)

    def fail(self, message: str, type_: str, code: str) -> bytes:  # noqa: ARG002 -- Writer
        """What still waits is told before."""
        told = self._advance(fails=True)
        kind = type_ if type_ in ERRORS else "api_error"
        return told + _event("error", {"error": {"type": kind, "message": message}})

    def _write(self, delta: Delta) -> bytes:
        match delta:
            case Started():
                self._has_started = True
                self._id, self._model = delta.id or self._id, delta.model or self._model
            case UsageDelta():
                self._consumed = delta.consumed or self._consumed
            case Finished(choice=0):
                self._finished = delta
                return self._advance(ends=True)
            case _ if getattr(delta, "choice", 0) == 0:
                self._take(delta)
                return self._advance()
        return b""

    def _take(self, delta: Delta) -> None:
        match delta:
            case TextDelta(text=words) | RefusalDelta(text=words) if words:
                self._has_refused = self._has_refused or isinstance(delta, RefusalDelta)
                self._say(words)
            case AudioDelta(transcript=words) if words:
                self._say(words)
            case ImageDelta(url=url) if url:
                self._say(image_link(url))
            case ThinkingDelta(text=words) if words:
                self._last("thinking").waiting.append({"type": "thinking_delta", "thinking": words})
            case SignatureDelta(signature=signature) if signature:
                # SDKs take each signature for a whole one.
                block = self._last("thinking")
                told = mark(signature, self._options.signer, NAME)
                block.waiting.append({"type": "signature_delta", "signature": told})
                block.is_signed = True
            case RedactedDelta():
                self._blocks.append(Block({"type": "redacted_thinking", "data": delta.data}))
            case ToolStarted():
                told = call_id(delta.id, self._told_id(), delta.index)
                begin = {"type": "tool_use", "id": told, "name": delta.name, "input": {}}
                self._calls[delta.index] = Block(begin, is_custom=delta.is_custom)
                self._blocks.append(self._calls[delta.index])
            case ToolDelta(arguments=words) if words and delta.index in self._calls:
                self._calls[delta.index].add_arguments(words)
            case CitationDelta():
                self._cite(delta)
            case OpaqueDelta(dialect=dialect, value={"type": str()} as value) if dialect == NAME:
                self._blocks.append(_opaque(value))
            case _:
                pass

    def _say(self, words: str) -> None:
        self._last("text").waiting.append({"type": "text_delta", "text": words})

    def _last(self, kind: str) -> Block:
        """The block that more of this kind belongs to."""
        if self._blocks:
            last = self._blocks[-1]
            if last.kind == kind and not last.is_signed:
                return last
        begin = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
        unsigned = mark("", self._options.signer, NAME)
        self._blocks.append(Block(begin, spare_signature=unsigned))
        return self._blocks[-1]

    def _cite(self, citation: CitationDelta) -> None:
        """A source has its place with its text only."""
        value = write_citation(citation)
        if value is not None and self._blocks and self._blocks[-1].kind == "text":
            told = {"type": "citations_delta", "citation": value}
            self._blocks[-1].waiting.append(told)

    def _advance(self, *, ends: bool = False, fails: bool = False) -> bytes:
        """Tells the first block what it has, and goes on to the next where nothing can follow; to
        the last one where it `fails`.
        """
        events = []
        while self._blocks:
            block = self._blocks[0]
            if not self._is_open:
                self._is_open = True
                begun = {"index": self._index, "content_block": block.begin}
                events += [self._begin(), _event("content_block_start", begun)]
            events += [self._piece(delta) for delta in block.waiting]
            block.waiting.clear()
            is_last = len(self._blocks) == 1
            if not ends and (is_last or not (fails or block.is_complete())):
                if fails and block.is_custom:
                    events += [self._piece(delta) for delta in block.ending()]
                break
            events += [self._piece(delta) for delta in block.ending()]
            events.append(_event("content_block_stop", {"index": self._index}))
            self._blocks.popleft()
            self._is_open = False
            self._index += 1
        return b"".join(events)

    def _piece(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", {"index": self._index, "delta": delta})

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        message = write_head(self._id, self._model, self._options)
        message["usage"] = write_usage(self._consumed)
        return _event("message_start", {"message": message})

    def _told_id(self) -> str:
        return self._id if self._id.startswith("msg_") else self._options.id


def end_early(reader: ClaudeReader) -> bytes:
    """Ends a provider's own stream after what was read of it, for its length."""
    if reader.has_reason:
        return b"" if reader.is_done else _event("message_stop", {})
    closing = b""
    if reader.open_block is not None:
        closing = _event("content_block_stop", {"index": reader.open_block})
    return closing + _end("max_tokens", None, reader.consumed)


def _end(reason: str, sequence: str | None, consumed: Consumed | None) -> bytes:
    delta = {"stop_reason": reason, "stop_sequence": sequence}
    told = _event("message_delta", {"delta": delta, "usage": write_usage(consumed)})
    return told + _event("message_stop", {})


def _opaque(value: dict[str, Any]) -> Block:
    """The input of a server tool's call is told as Claude tells it: after the start."""
    given = value.get("input")
    if not value["type"].endswith("tool_use") or not isinstance(given, dict) or not given:
        return Block(value)
    block = Block({**value, "input": {}})
    block.waiting.append({"type": "input_json_delta", "partial_json": write_arguments(given)})
    return block


def _event(name: str, fields: dict[str, Any]) -> bytes:
    data = _encode({"type": name, **fields})
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"

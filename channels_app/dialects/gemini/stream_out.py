"""Deltas become a stream of GenerateContentResponses: server-sent events, or one JSON list.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.conversation import Audio, Image, ToolCall
from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.gemini.answer_in import GeminiReader
from channels_app.dialects.gemini.answer_out import (
    FINISHES,
    sign_first_call,
    usable_signature,
    write_call,
    write_part,
    write_probabilities,
    write_sources,
)
from channels_app.dialects.gemini.contents_out import is_object, write_thought
from channels_app.dialects.gemini.usage import write_usage
from channels_app.dialects.reply import (
    AudioDelta,
    CitationDelta,
    Delta,
    Finished,
    FinishReason,
    ImageDelta,
    LogprobsDelta,
    OpaqueDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageDelta,
)

STATES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""https://cloud.google.com/apis/design/errors#handling_errors"""
CODES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "insufficient_user_quota": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "upstream_rate_limited": 429,
    "overloaded_error": 503,
    "timeout_error": 504,
}
Json = dict[str, Any]
_encode = msgspec.json.Encoder().encode


class GeminiWriter:
    """Writes server-sent events. Calls are written whole, so their pieces wait for whatever comes
    after them; the last event waits for the usage, until `end`.
    """

    def __init__(self, options: WriteOptions) -> None:
        self._model, self._id, self._signer = options.model, options.id, options.signer
        self._choices: dict[int, _Written] = {}
        self._consumed: Consumed | None = None

    def write(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join([self._write(delta) for delta in deltas])

    def end(self) -> bytes:
        if not self._choices:
            self._choices[0] = _Written()
        held = b"".join([self._release(choice) for choice in sorted(self._choices)])
        candidates = [
            {
                "content": {"parts": [{"text": ""}], "role": "model"},
                "finishReason": FINISHES[written.finish],
                "index": choice,
                **write_sources(written.citations),
                **write_probabilities(written.logprobs),
            }
            for choice, written in sorted(self._choices.items())
        ]
        last: Json = {"candidates": candidates}
        if self._consumed is not None:
            last["usageMetadata"] = write_usage(self._consumed)
        return held + self._frame(last | self._names()) + self._close()

    def fail(self, message: str, type_: str, code: str) -> bytes:
        """Calls that wait are told before, without those that were cut: here a call looks whole."""
        for written in self._choices.values():
            written.drop_cut_calls()
        held = b"".join([self._release(choice) for choice in sorted(self._choices)])
        number = int(code) if code.isdecimal() and int(code) in STATES else 0
        number = number or CODES.get(code) or CODES.get(type_) or 500
        error = {"code": number, "message": message, "status": STATES[number]}
        return held + self._frame({"error": error}) + self._close()

    def _write(self, delta: Delta) -> bytes:
        match delta:
            case Started():
                self._id = delta.id or self._id
                self._model = delta.model or self._model
                return b""
            case UsageDelta():
                self._consumed = delta.consumed or self._consumed
                return b""
            case ToolStarted() | ToolDelta():
                self._written(delta.choice).add_call(delta)
                return b""
            case CitationDelta():
                self._written(delta.choice).citations.append(delta)
                return b""
            case LogprobsDelta():
                self._written(delta.choice).add_logprobs(delta.value)
                return b""
            case Finished():
                self._written(delta.choice).finish = delta.reason
                return self._release(delta.choice)
            case _:
                parts = self._parts(delta)
                return self._tell(delta.choice, parts) if parts else b""  # type: ignore[union-attr]

    def _parts(self, delta: Delta) -> list[Json]:
        match delta:
            case TextDelta() | RefusalDelta():
                return [{"text": delta.text}]
            case ThinkingDelta():
                self._written(delta.choice).is_thinking = True
                return [write_thought(delta.text, "")]
            case SignatureDelta():
                return self._sign(delta)
            case AudioDelta():
                sound = Audio(delta.data, delta.format, delta.transcript)
                words = [{"text": delta.transcript}] if delta.transcript and delta.data else []
                told = write_part(sound)
                return words if told is None else [*words, told]
            case ImageDelta():
                told = write_part(Image(delta.media_type, delta.data, delta.url))
                return [] if told is None else [told]
            case OpaqueDelta(dialect="gemini", value=dict(value)):
                return [value]
            case _:
                return []

    def _sign(self, delta: SignatureDelta) -> list[Json]:
        """What it signs is already told: an empty part of the same kind carries it."""
        signature = usable_signature(delta.signature, self._signer)
        if not signature:
            return []
        if self._written(delta.choice).is_thinking:
            return [write_thought("", signature)]
        return [{"text": "", "thoughtSignature": signature}]

    def _tell(self, choice: int, parts: list[Json]) -> bytes:
        """An event with these parts, after the calls that came before them."""
        held = self._release(choice)
        if not parts[0].get("thought"):
            self._written(choice).is_thinking = False
        return held + self._event(choice, parts)

    def _release(self, choice: int) -> bytes:
        parts = [write_call(call) for call in self._written(choice).take_calls()]
        sign_first_call(parts, self._signer)
        return self._event(choice, parts) if parts else b""

    def _written(self, choice: int) -> "_Written":
        return self._choices.setdefault(choice, _Written())

    def _event(self, choice: int, parts: list[Json]) -> bytes:
        candidate = {"content": {"parts": parts, "role": "model"}, "index": choice}
        return self._frame({"candidates": [candidate]} | self._names())

    def _names(self) -> Json:
        return {"modelVersion": self._model, "responseId": self._id}

    def _frame(self, answer: Json) -> bytes:
        return b"data: " + _encode(answer) + b"\n\n"

    def _close(self) -> bytes:
        return b""


class ArrayWriter(GeminiWriter):
    """Writes the stream as one JSON list, as Google does without alt=sse."""

    def __init__(self, options: WriteOptions) -> None:
        super().__init__(options)
        self._has_begun = False

    def _frame(self, answer: Json) -> bytes:
        before = b",\r\n" if self._has_begun else b"["
        self._has_begun = True
        return before + _encode(answer) + b"\n"

    def _close(self) -> bytes:
        return b"]\n"


def end_early(reader: GeminiReader) -> bytes:
    """Ends a provider's own stream after what was read of it, for its length."""
    if reader.finishes:
        return b""
    candidate = {"content": {"parts": [{"text": ""}], "role": "model"}, "index": 0}
    told: Json = {"candidates": [candidate | {"finishReason": FINISHES["length"]}]}
    names = {"modelVersion": reader.model, "responseId": reader.id}
    return b"data: " + _encode(told | {n: v for n, v in names.items() if v}) + b"\n\n"


class _Written:
    """What of one candidate waits to be told."""

    def __init__(self) -> None:
        self._calls: dict[int, tuple[ToolCall, list[str]]] = {}
        self.citations: list[CitationDelta] = []
        self.logprobs: Json = {"content": []}
        self.finish: FinishReason = "stop"
        self.is_thinking = False

    def add_call(self, delta: ToolStarted | ToolDelta) -> None:
        if isinstance(delta, ToolStarted):
            call = ToolCall(delta.id, delta.name, "", delta.signature, is_custom=delta.is_custom)
            self._calls[delta.index] = call, []
        elif delta.index in self._calls:
            self._calls[delta.index][1].append(delta.arguments)

    def take_calls(self) -> list[ToolCall]:
        """Those that wait, as far as they came."""
        held = [self._calls[index] for index in sorted(self._calls)]
        self._calls.clear()
        for call, pieces in held:
            call.arguments = "".join(pieces)
        return [call for call, _ in held]

    def drop_cut_calls(self) -> None:
        for index, (call, pieces) in list(self._calls.items()):
            if call.is_custom or not is_object("".join(pieces)):
                del self._calls[index]

    def add_logprobs(self, value: Any) -> None:
        tokens = value.get("content") if isinstance(value, dict) else None
        if isinstance(tokens, list):
            self.logprobs["content"] += tokens

"""Gemini's answer, whole or streamed, becomes a Reply or deltas: each event of a stream is a whole
GenerateContentResponse.

https://ai.google.dev/api/generate-content#generatecontentresponse
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from channels_app.dialects.gemini.logprobs import read_logprobs
from channels_app.dialects.gemini.media import read_format
from channels_app.dialects.gemini.usage import read_usage
from channels_app.dialects.reply import (
    AudioDelta,
    BadAnswer,
    CitationDelta,
    Delta,
    Failed,
    Finished,
    FinishReason,
    ImageDelta,
    LogprobsDelta,
    OpaqueDelta,
    Reply,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    collect,
)

NAME = "gemini"
MOST_CANDIDATES = 128
FINISHES: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read_answer(body: bytes) -> Reply:
    """Raises BadAnswer when it is none; an error in disguise is in `error`."""
    try:
        reply = collect(GeminiReader().read(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "the provider's answer is not JSON"
        raise BadAnswer(msg) from error
    if not reply.choices and not reply.error:
        msg = "the provider's answer is empty"
        raise BadAnswer(msg)
    return reply


class GeminiReader:
    """Reads GenerateContentResponse events. No event is the last one: the stream just ends."""

    def __init__(self) -> None:
        self.is_done = False
        self.id = self.model = ""
        self._has_started = False
        self._ids = 0
        self._calls: dict[int, int] = {}
        self.finishes: dict[int, FinishReason] = {}
        self._sources: set[tuple[int, str, str]] = set()

    def read(self, data: bytes, name: str = "") -> Sequence[Delta]:  # noqa: ARG002 -- Reader
        """Raises msgspec.DecodeError."""
        value = _decode(data)
        deltas: list[Delta] = []
        # Errors come in a list of one; a stream without events is one list of all answers.
        for answer in value if isinstance(value, list) else [value]:
            if not isinstance(answer, dict):
                continue
            if answer.get("error"):
                return (*deltas, Failed(data))
            self._read(answer, deltas)
        return deltas

    def _read(self, answer: dict[str, Any], deltas: list[Delta]) -> None:
        candidates = _list(answer.get("candidates"))
        feedback = _dict(answer.get("promptFeedback"))
        self.id = self.id or _text(answer.get("responseId"))
        self.model = self.model or _text(answer.get("modelVersion"))
        if not self._has_started and (candidates or feedback or self.id):
            self._has_started = True
            deltas.append(Started(self.id, _text(answer.get("modelVersion"))))
        for position, candidate in enumerate(candidates):
            if isinstance(candidate, dict):
                self._read_candidate(candidate, position, deltas)
        if not candidates and feedback.get("blockReason"):
            deltas.append(Finished("content_filter"))
        deltas += read_usage(answer.get("usageMetadata"))

    def _read_candidate(self, value: dict[str, Any], position: int, deltas: list[Delta]) -> None:
        choice = _index(value.get("index"), position)
        for part in _list(_dict(value.get("content")).get("parts")):
            if isinstance(part, dict) and part:
                self._read_part(part, choice, deltas)
        self._read_sources(_dict(value.get("groundingMetadata")), choice, deltas)
        if (logprobs := read_logprobs(value.get("logprobsResult"))) is not None:
            deltas.append(LogprobsDelta(logprobs, choice))
        if reason := _text(value.get("finishReason")):
            finish = FINISHES.get(reason, "stop")
            if finish == "stop" and reason == "STOP" and self._calls.get(choice):
                finish = "tool_calls"
            # Some models repeat it in every event.
            if self.finishes.get(choice) != finish:
                self.finishes[choice] = finish
                deltas.append(Finished(finish, choice=choice))

    def _read_part(self, part: dict[str, Any], choice: int, deltas: list[Delta]) -> None:
        signature = _text(part.get("thoughtSignature"))
        match part:
            case {"functionCall": dict(call)}:
                self._read_call(call, signature, choice, deltas)
                return
            case {"text": str(text), "thought": True}:
                deltas += [ThinkingDelta(text, choice)] if text else []
            case {"text": str(text)}:
                deltas += [TextDelta(text, choice)] if text else []
            case {"inlineData": {"mimeType": str(kind), "data": str(data)}} if not part.get(
                "thought"
            ) and kind.startswith(("image/", "audio/")):
                if kind.startswith("image/"):
                    deltas.append(ImageDelta(kind, data, choice=choice))
                else:
                    deltas.append(AudioDelta(data, format=read_format(kind), choice=choice))
            case {"fileData": {"mimeType": str(kind), "fileUri": str(uri)}} if kind.startswith(
                "image/"
            ):
                deltas.append(ImageDelta(kind, url=uri, choice=choice))
            case _:
                deltas.append(OpaqueDelta(NAME, part, choice))
                return
        if signature:
            deltas.append(SignatureDelta(signature, choice=choice))

    def _read_call(
        self, call: dict[str, Any], signature: str, choice: int, deltas: list[Delta]
    ) -> None:
        index = self._calls.get(choice, 0)
        self._calls[choice] = index + 1
        call_id = _text(call.get("id")) or f"call_{self.id or 0}_{self._ids}"
        self._ids += 1
        deltas.append(
            ToolStarted(index, call_id, _text(call.get("name")), signature, choice=choice)
        )
        deltas.append(ToolDelta(index, _encode(_dict(call.get("args"))).decode(), choice))

    def _read_sources(self, grounding: dict[str, Any], choice: int, deltas: list[Delta]) -> None:
        """Sources are told again in later events: each is passed on once."""
        quotes = _quotes(grounding)
        for number, chunk in enumerate(_list(grounding.get("groundingChunks"))):
            for source in chunk.values() if isinstance(chunk, dict) else ():
                url, title = (_text(_dict(source).get(name)) for name in ("uri", "title"))
                if (url or title) and (choice, url, title) not in self._sources:
                    self._sources.add((choice, url, title))
                    quote = quotes.get(number, "")
                    deltas.append(CitationDelta(url, title, quote, NAME, chunk, choice))


def _quotes(grounding: dict[str, Any]) -> dict[int, str]:
    """The words that each source supports first, by the source's number."""
    quotes: dict[int, str] = {}
    for support in _list(grounding.get("groundingSupports")):
        match support:
            case {"segment": {"text": str(text)}, "groundingChunkIndices": [*numbers]}:
                for number in numbers:
                    if isinstance(number, int):
                        quotes.setdefault(number, text)
    return quotes


def _index(value: Any, position: int) -> int:
    return value if type(value) is int and 0 <= value < MOST_CANDIDATES else position


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

"""text_completion objects, whole and streamed, read and written.

https://platform.openai.com/docs/api-reference/completions/object
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.conversation import Refusal, Text
from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.openai_chat.answer_out import DONE, write_usage
from channels_app.dialects.reply import (
    BadAnswer,
    Choice,
    Delta,
    Failed,
    Finished,
    FinishReason,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    UsageDelta,
    collect,
)
from channels_app.dialects.usage import UsageUnreadable, read_usage

MOST_CHOICES = 128
READ: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "content_filter": "content_filter",
}
WRITTEN: dict[FinishReason, str] = {
    "stop": "stop",
    "tool_calls": "stop",
    "pause": "stop",
    "length": "length",
    "context": "length",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read_answer(body: bytes) -> Reply:
    """Raises BadAnswer when it is none; an error in disguise is in `error`."""
    try:
        reply = collect(CompletionsReader().read(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "the provider's answer is not JSON"
        raise BadAnswer(msg) from error
    if not reply.choices and not reply.error:
        msg = "the provider's answer is empty"
        raise BadAnswer(msg)
    return reply


class CompletionsReader:
    """Reads text_completion events: in a stream they look like whole answers."""

    def __init__(self) -> None:
        self.is_done = False
        self._has_started = False

    def read(self, data: bytes, name: str = "") -> Sequence[Delta]:  # noqa: ARG002 -- Reader
        """Raises msgspec.DecodeError."""
        if data.strip() == b"[DONE]":
            self.is_done = True
            return ()
        answer = _decode(data)
        if not isinstance(answer, dict):
            return ()
        if answer.get("error"):
            return (Failed(data),)
        deltas: list[Delta] = []
        choices = answer.get("choices")
        choices = choices if isinstance(choices, list) else []
        if not self._has_started and (choices or answer.get("id")):
            self._has_started = True
            created = answer.get("created")
            created = created if isinstance(created, int) else 0
            deltas.append(Started(_text(answer.get("id")), _text(answer.get("model")), created))
        for position, choice in enumerate(choices):
            if isinstance(choice, dict):
                deltas += _read_choice(choice, position)
        return [*deltas, *_read_usage(answer.get("usage"))]


def _read_choice(choice: dict[str, Any], position: int) -> list[Delta]:
    index = choice.get("index")
    index = index if type(index) is int and 0 <= index < MOST_CHOICES else position
    told: list[Delta] = []
    if text := _text(choice.get("text")):
        told.append(TextDelta(text, index))
    if reason := _text(choice.get("finish_reason")):
        told.append(Finished(READ.get(reason, "stop"), choice=index))
    return told


def _read_usage(usage: Any) -> list[UsageDelta]:
    if not usage:
        return []
    try:
        return [UsageDelta(read_usage(_encode(usage)))]
    except UsageUnreadable:
        return [UsageDelta(None)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def write_answer(reply: Reply, options: WriteOptions) -> bytes:
    body: dict[str, Any] = {
        "id": reply.id or options.id,
        "object": "text_completion",
        "created": reply.created or options.created,
        "model": reply.model or options.model,
        "choices": [
            _choice(index, words_of(choice), WRITTEN[choice.finish])
            for index, choice in enumerate(reply.choices)
        ],
    }
    if reply.consumed is not None:
        body["usage"] = write_usage(reply.consumed)
    return _encode(body)


def words_of(choice: Choice) -> str:
    return "".join([part.text for part in choice.parts if isinstance(part, Text | Refusal)])


def _choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}


class CompletionsWriter:
    """Writes text_completion events. Thoughts and calls have no place in them."""

    def __init__(self, options: WriteOptions) -> None:
        self._wants_usage = options.wants_usage
        self._head: dict[str, Any] = {
            "id": options.id,
            "object": "text_completion",
            "created": options.created,
            "model": options.model,
        }
        self._begun: set[int] = {0}
        self._finished: set[int] = set()
        self._consumed: Consumed | None = None

    def write(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join([self._write(delta) for delta in deltas])

    def end(self) -> bytes:
        left = sorted(self._begun - self._finished)
        closing = b"".join([self._event(choice, "", "stop") for choice in left])
        if self._wants_usage and self._consumed is not None:
            closing += self._frame({"choices": [], "usage": write_usage(self._consumed)})
        return closing + DONE

    def fail(self, message: str, type_: str, code: str) -> bytes:
        error = {"message": message, "type": type_, "param": None, "code": code}
        return b"data: " + _encode({"error": error}) + b"\n\n" + DONE

    def _write(self, delta: Delta) -> bytes:
        match delta:
            case Started():
                self._head["id"] = delta.id or self._head["id"]
                self._head["model"] = delta.model or self._head["model"]
                self._head["created"] = delta.created or self._head["created"]
                return b""
            case UsageDelta():
                self._consumed = delta.consumed or self._consumed
                return b""
            case TextDelta() | RefusalDelta():
                self._begun.add(delta.choice)
                return self._event(delta.choice, delta.text, None)
            case Finished():
                self._finished.add(delta.choice)
                return self._event(delta.choice, "", WRITTEN[delta.reason])
            case _:
                return b""

    def _event(self, choice: int, text: str, finish: str | None) -> bytes:
        return self._frame({"choices": [_choice(choice, text, finish)]})

    def _frame(self, body: dict[str, Any]) -> bytes:
        return b"data: " + _encode({**self._head, **body}) + b"\n\n"

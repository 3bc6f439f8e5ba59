"""Answers of any kind as deltas, and as the streams of providers whose dialect no client speaks."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.frames import Frames, SseFrames
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import (
    Delta,
    Finished,
    FinishReason,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageDelta,
    collect,
)
from channels_app.providers.framing import AwsFrames, LineFrames, read_converse
from tests.harness.wires.amazon import frame
from tests.unit.channels_app.dialects.pairs.gist import Said, said_in

WORDS = st.text('ab é日😀\n{}"\\', min_size=1, max_size=6)
NAMES = st.sampled_from(["weather", "get-time"])
COUNT = st.integers(0, 500)


def objects() -> st.SearchStrategy[str]:
    """Arguments of a call, as JSON."""
    value = WORDS | st.integers(-9, 9) | st.lists(st.booleans(), max_size=2)
    return st.dictionaries(WORDS, value, max_size=2).map(json.dumps)


@st.composite
def calls(draw: st.DrawFn, first: int) -> list[Delta]:
    """Parallel calls that tell their arguments by turns."""
    count = draw(st.integers(1, 3))
    started: list[Delta] = [
        ToolStarted(i, f"call_x{i}", draw(NAMES)) for i in range(first, first + count)
    ]
    waiting = [(index, draw(objects())) for index in range(first, first + count)]
    if draw(st.booleans()):
        # One after the other.
        return [
            delta
            for start, (index, text) in zip(started, waiting, strict=True)
            for delta in (start, *pieces_of(index, text, draw(st.integers(1, 9))))
        ]
    told = list(started)
    while waiting:
        index, text = waiting.pop(0)
        size = draw(st.integers(1, 9))
        told.append(ToolDelta(index, text[:size]))
        if text[size:]:
            waiting.append((index, text[size:]))
    return told


def pieces_of(index: int, text: str, size: int) -> list[Delta]:
    return [ToolDelta(index, text[at : at + size]) for at in range(0, len(text), size)]


@st.composite
def answers(draw: st.DrawFn) -> list[Delta]:
    """One choice, as providers tell it: thoughts, words and calls in any order."""
    deltas: list[Delta] = [Started("id-1", "model-1", 5)]
    begun = 0
    for kind in draw(st.lists(st.sampled_from(["text", "thought", "calls"]), max_size=4)):
        if kind == "text":
            deltas += [TextDelta(text) for text in draw(st.lists(WORDS, min_size=1, max_size=3))]
        elif kind == "thought":
            deltas += [
                ThinkingDelta(text) for text in draw(st.lists(WORDS, min_size=1, max_size=2))
            ]
            deltas += [SignatureDelta("RXE=")] * draw(st.integers(0, 1))
        else:
            more = draw(calls(begun))
            begun += sum(isinstance(delta, ToolStarted) for delta in more)
            deltas += more
    reasons: list[FinishReason] = ["tool_calls" if begun else "stop", "length", "content_filter"]
    if not begun and draw(st.booleans()):
        deltas += [RefusalDelta(text) for text in draw(st.lists(WORDS, min_size=1, max_size=2))]
        reasons = ["stop"]
    deltas.append(Finished(draw(st.sampled_from(reasons))))
    return [*deltas, UsageDelta(draw(consumed()))]


@st.composite
def consumed(draw: st.DrawFn) -> Consumed:
    prompt, answer = draw(COUNT), draw(COUNT)
    return Consumed(
        prompt_tokens=prompt,
        completion_tokens=answer,
        cached_tokens=draw(st.integers(0, prompt)),
        reasoning_tokens=draw(st.integers(0, answer)),
    )


def told_in(dialect: str, said: Said) -> Said:
    """What is left of it in a dialect: refusals in words are words elsewhere than at OpenAI's."""
    if dialect in {"anthropic", "gemini"}:
        said.words += said.refusal
    if dialect == "anthropic" and (said.refusal or said.finish == "content_filter"):
        said.finish = "refusal"
    elif said.finish == "refusal":
        said.finish = "content_filter"
    if dialect in {"anthropic", "gemini"}:
        said.refusal = ""
    return said


# --- Streams as bytes ---


def options_of(dialect: str) -> WriteOptions:
    prefix = {"openai": "chatcmpl-", "responses": "resp_", "anthropic": "msg_"}.get(dialect, "")
    return WriteOptions(f"{prefix}1", "m", 7)


def stream_of(provider: str, deltas: Sequence[Delta]) -> list[bytes]:
    """The pieces in which a provider of this dialect may send it."""
    if provider in ENCODERS:
        return ENCODERS[provider](deltas)
    writer = find_dialect(provider).writer(options_of(provider))
    return [piece for delta in deltas if (piece := writer.write([delta]))] + [writer.end()]


def frames_of(provider: str) -> Frames:
    match provider:
        case "converse":
            return AwsFrames(read_converse)
        case "ollama":
            return LineFrames()
        case _:
            return SseFrames()


def _cohere(deltas: Sequence[Delta]) -> list[bytes]:
    events: list[dict[str, Any]] = [{"type": "message-start", "id": "id-1"}]
    for delta in deltas:
        match delta:
            case TextDelta(text=text) | RefusalDelta(text=text):
                events.append(_cohere_event("content-delta", 0, {"content": {"text": text}}))
            case ThinkingDelta(text=text):
                events.append(_cohere_event("tool-plan-delta", 0, {"tool_plan": text}))
            case ToolStarted():
                function = {"name": delta.name, "arguments": ""}
                call = {"id": delta.id, "type": "function", "function": function}
                events.append(_cohere_event("tool-call-start", delta.index, {"tool_calls": call}))
            case ToolDelta():
                call = {"function": {"arguments": delta.arguments}}
                events.append(_cohere_event("tool-call-delta", delta.index, {"tool_calls": call}))
            case Finished():
                reasons = {"length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}
                reasons["content_filter"] = "ERROR_TOXIC"
                reason = reasons.get(delta.reason, "COMPLETE")
                tokens = {"tokens": {"input_tokens": 3, "output_tokens": 2}}
                told = {"finish_reason": reason, "usage": tokens}
                events.append({"type": "message-end", "delta": told})
            case _:
                pass
    return [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events]


def _cohere_event(kind: str, index: int, message: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def _ollama(deltas: Sequence[Delta]) -> list[bytes]:
    """Calls come whole, and at the end."""
    chunks: list[dict[str, Any]] = []
    for delta in deltas:
        match delta:
            case TextDelta(text=text) | RefusalDelta(text=text):
                chunks.append({"content": text})
            case ThinkingDelta(text=text):
                chunks.append({"content": "", "thinking": text})
            case _:
                pass
    (said,) = said_in(collect(deltas))
    for call_id, name, arguments in said.calls:
        call = {"id": call_id, "function": {"name": name, "arguments": arguments}}
        chunks.append({"content": "", "tool_calls": [call]})
    lines = [{"model": "m", "message": {"role": "assistant", **c}, "done": False} for c in chunks]
    reason = "length" if said.finish == "length" else "stop"
    counts = {"prompt_eval_count": 3, "eval_count": 2}
    last = {"model": "m", "message": {"content": ""}, "done": True, "done_reason": reason}
    return [json.dumps(line).encode() + b"\n" for line in [*lines, last | counts]]


def _converse(deltas: Sequence[Delta]) -> list[bytes]:
    """A block for each call; words and thoughts may share theirs."""
    messages = [frame("messageStart", {"role": "assistant"})]
    finish: str = "end_turn"
    for delta in deltas:
        match delta:
            case TextDelta(text=text) | RefusalDelta(text=text):
                messages.append(_converse_delta(0, {"text": text}))
            case ThinkingDelta(text=text):
                messages.append(_converse_delta(0, {"reasoningContent": {"text": text}}))
            case SignatureDelta():
                signed = {"reasoningContent": {"signature": delta.signature}}
                messages.append(_converse_delta(0, signed))
            case ToolStarted():
                start = {"toolUse": {"toolUseId": delta.id, "name": delta.name}}
                told = {"contentBlockIndex": delta.index + 1, "start": start}
                messages.append(frame("contentBlockStart", told))
            case ToolDelta():
                told = {"toolUse": {"input": delta.arguments}}
                messages.append(_converse_delta(delta.index + 1, told))
            case Finished():
                reasons = {"length": "max_tokens", "tool_calls": "tool_use"}
                reasons["content_filter"] = "content_filtered"
                finish = reasons.get(delta.reason, "end_turn")
            case _:
                pass
    usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    ends = [frame("messageStop", {"stopReason": finish}), frame("metadata", {"usage": usage})]
    return messages + ends


def _converse_delta(index: int, delta: dict[str, Any]) -> bytes:
    return frame("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})


ENCODERS: dict[str, Callable[[Sequence[Delta]], list[bytes]]] = {
    "cohere": _cohere,
    "ollama": _ollama,
    "converse": _converse,
}

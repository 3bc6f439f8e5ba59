"""What a model answers, free of any dialect: as a whole, or as the deltas of a stream."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.conversation import (
    Audio,
    Image,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)

FinishReason = Literal[
    "stop", "length", "tool_calls", "content_filter", "refusal", "pause", "context"
]
"""`pause`: the provider's own tools need another turn. `context`: the window is full."""


class BadAnswer(ValueError):
    """Not an answer of this dialect: HTML, a cut body, nothing in it."""


class BadStream(ValueError):
    """The bytes are no stream that anybody could use."""


class Started(msgspec.Struct):
    """The provider's name of the answer and of the model; may come again with more."""

    id: str = ""
    model: str = ""
    created: int = 0


class TextDelta(msgspec.Struct):
    text: str
    choice: int = 0


class ThinkingDelta(msgspec.Struct):
    text: str
    choice: int = 0


class SignatureDelta(msgspec.Struct):
    """The signature of the thought just told; `id` where the dialect names its thoughts."""

    signature: str
    id: str = ""
    choice: int = 0


class RedactedDelta(msgspec.Struct):
    data: str
    choice: int = 0


class RefusalDelta(msgspec.Struct):
    text: str
    choice: int = 0


class ToolStarted(msgspec.Struct):
    """A tool call begins; `index` counts the tool calls of this choice from 0. `namespace` as in
    ToolCall.
    """

    index: int
    id: str
    name: str
    signature: str = ""
    is_custom: bool = False
    choice: int = 0
    namespace: str = ""


class ToolDelta(msgspec.Struct):
    """More of the arguments' text of tool call `index`."""

    index: int
    arguments: str
    choice: int = 0


class AudioDelta(msgspec.Struct):
    data: str = ""
    transcript: str = ""
    id: str = ""
    format: str = ""
    choice: int = 0


class ImageDelta(msgspec.Struct):
    """A whole picture."""

    media_type: str
    data: str = ""
    url: str = ""
    choice: int = 0


class CitationDelta(msgspec.Struct):
    """A source of the text just told: url, title and text where known; `value` as it came."""

    url: str = ""
    title: str = ""
    text: str = ""
    dialect: str = ""
    value: Any = None
    choice: int = 0


class LogprobsDelta(msgspec.Struct):
    """In OpenAI's form: {"content": [...], "refusal": [...]}."""

    value: Any
    choice: int = 0


class OpaqueDelta(msgspec.Struct):
    """Something that only `dialect` knows."""

    dialect: str
    value: Any
    choice: int = 0


class UsageDelta(msgspec.Struct):
    """What was consumed so far; the last one counts. None: it was told, but can't be read."""

    consumed: Consumed | None


class Finished(msgspec.Struct):
    reason: FinishReason
    stop_sequence: str | None = None
    choice: int = 0


class Failed(msgspec.Struct):
    """An error in the middle of a stream; `body` as it came."""

    body: bytes


Delta = (
    Started
    | TextDelta
    | ThinkingDelta
    | SignatureDelta
    | RedactedDelta
    | RefusalDelta
    | ToolStarted
    | ToolDelta
    | AudioDelta
    | ImageDelta
    | CitationDelta
    | LogprobsDelta
    | OpaqueDelta
    | UsageDelta
    | Finished
    | Failed
)


class Choice(msgspec.Struct):
    """One answer of those asked for with `n`."""

    parts: list[Part] = []
    finish: FinishReason = "stop"
    stop_sequence: str | None = None
    logprobs: Any = None
    citations: list[CitationDelta] = []


class Reply(msgspec.Struct):
    """A whole answer. `extra` is what only the dialect it came from knows."""

    id: str = ""
    model: str = ""
    created: int = 0
    choices: list[Choice] = []
    consumed: Consumed | None = None
    is_usage_bad: bool = False
    error: bytes = b""


def replay(reply: Reply) -> list[Delta]:
    """The deltas that a stream of this answer would have had."""
    deltas: list[Delta] = [Started(reply.id, reply.model, reply.created)]
    for index, choice in enumerate(reply.choices):
        tools = 0
        for part in choice.parts:
            deltas += _part_deltas(part, index, tools)
            tools += isinstance(part, ToolCall)
        deltas += choice.citations
        if choice.logprobs is not None:
            deltas.append(LogprobsDelta(choice.logprobs, index))
        deltas.append(Finished(choice.finish, choice.stop_sequence, index))
    if reply.consumed is not None or reply.is_usage_bad:
        deltas.append(UsageDelta(reply.consumed))
    return deltas


def _part_deltas(part: Part, choice: int, tools: int) -> list[Delta]:
    match part:
        case Text():
            return [TextDelta(part.text, choice)]
        case Thinking(redacted=redacted) if redacted:
            return [RedactedDelta(redacted, choice)]
        case Thinking():
            told: list[Delta] = [ThinkingDelta(part.text, choice)] if part.text else []
            if part.signature or part.id:
                told.append(SignatureDelta(part.signature, part.id, choice))
            return told
        case ToolCall():
            start = ToolStarted(tools, part.id, part.name, part.signature, part.is_custom, choice)
            start.namespace = part.namespace
            return [start, ToolDelta(tools, part.arguments, choice)]
        case Refusal():
            return [RefusalDelta(part.text, choice)]
        case Audio():
            return [AudioDelta(part.data, part.transcript, part.id, part.format, choice)]
        case Image():
            return [ImageDelta(part.media_type, part.data, part.url, choice)]
        case Opaque():
            return [OpaqueDelta(part.dialect, part.value, choice)]
        case _:
            return []


def collect(deltas: Iterable[Delta]) -> Reply:
    """The whole answer that a stream told; an error in it is in `error`."""
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.reply


class Collector:
    """Puts deltas together again. Texts are joined when the reply is asked for: to let them grow
    piece by piece would take the square of their length.
    """

    def __init__(self) -> None:
        self._reply = Reply()
        self._calls: dict[tuple[int, int], ToolCall] = {}
        self._pieces: dict[tuple[int, str], tuple[Part, list[str]]] = {}

    @property
    def reply(self) -> Reply:
        for (_, name), (part, pieces) in self._pieces.items():
            pieces[:] = ["".join(pieces)]
            setattr(part, name, pieces[0])
        return self._reply

    @reply.setter
    def reply(self, reply: Reply) -> None:
        self._reply = reply
        self._pieces.clear()

    def add(self, delta: Delta) -> None:
        reply = self._reply
        match delta:
            case Started():
                reply.id = reply.id or delta.id
                reply.model = reply.model or delta.model
                reply.created = reply.created or delta.created
            case UsageDelta():
                reply.consumed, reply.is_usage_bad = delta.consumed, delta.consumed is None
            case Failed():
                reply.error = reply.error or delta.body
            case _:
                self._add_to(self._choice(delta.choice), delta)

    def _choice(self, index: int) -> Choice:
        choices = self._reply.choices
        while len(choices) <= index:
            choices.append(Choice(parts=[], citations=[]))
        return choices[index]

    def _add_to(self, choice: Choice, delta: Any) -> None:
        parts = choice.parts
        last = parts[-1] if parts else None
        match delta:
            case TextDelta():
                self._say(parts, last if isinstance(last, Text) else Text(""), delta.text)
            case ThinkingDelta():
                self._say(parts, last if _is_open(last) else Thinking(), delta.text)
            case RefusalDelta():
                self._say(parts, last if isinstance(last, Refusal) else Refusal(""), delta.text)
            case SignatureDelta():
                _sign(parts, delta)
            case ToolStarted():
                call = ToolCall(delta.id, delta.name, "", delta.signature, delta.is_custom)
                call.namespace = delta.namespace
                parts.append(call)
                self._calls[delta.choice, delta.index] = call
            case ToolDelta():
                key = delta.choice, delta.index
                if key not in self._calls:
                    self._calls[key] = ToolCall("", "")
                    parts.append(self._calls[key])
                self._grow(self._calls[key], "arguments", delta.arguments)
            case AudioDelta():
                self._sound(parts, last if isinstance(last, Audio) else Audio(), delta)
            case _:
                _add_whole(choice, delta)

    def _say(self, parts: list[Part], part: Part | None, text: str) -> None:
        """More of the last part, or a new one."""
        if text and part is not None:
            self._grow(part, "text", text)
            if not parts or parts[-1] is not part:
                parts.append(part)

    def _sound(self, parts: list[Part], audio: Audio, delta: AudioDelta) -> None:
        if not parts or parts[-1] is not audio:
            parts.append(audio)
        self._grow(audio, "data", delta.data)
        self._grow(audio, "transcript", delta.transcript)
        audio.id = audio.id or delta.id
        audio.format = audio.format or delta.format

    def _grow(self, part: Part, name: str, text: str) -> None:
        """Of parts that the reply holds, so that no other one has the same id()."""
        key = id(part), name
        if key not in self._pieces:
            self._pieces[key] = part, [getattr(part, name)]
        self._pieces[key][1].append(text)


def _add_whole(choice: Choice, delta: Any) -> None:
    match delta:
        case RedactedDelta():
            choice.parts.append(Thinking(redacted=delta.data))
        case ImageDelta():
            choice.parts.append(Image(delta.media_type, delta.data, delta.url))
        case CitationDelta():
            choice.citations.append(delta)
        case LogprobsDelta():
            choice.logprobs = _more_logprobs(choice.logprobs, delta.value)
        case OpaqueDelta():
            choice.parts.append(Opaque(delta.dialect, delta.value))
        case Finished():
            choice.finish, choice.stop_sequence = delta.reason, delta.stop_sequence


def _is_open(part: Part | None) -> bool:
    """A thought that may go on."""
    return isinstance(part, Thinking) and not part.signature and not part.redacted


def _sign(parts: list[Part], delta: SignatureDelta) -> None:
    last = parts[-1] if parts else None
    if isinstance(last, Thinking) and _is_open(last):
        last.signature = delta.signature
        last.id = last.id or delta.id
    else:
        parts.append(Thinking("", delta.signature, id=delta.id))


def _more_logprobs(known: Any, more: Any) -> Any:
    """The lists of all pieces, each grown in place."""
    if not isinstance(more, dict):
        return more
    grown = known if isinstance(known, dict) else {}
    for name, value in more.items():
        before = grown.get(name)
        if isinstance(before, list) and isinstance(value, list):
            before += value
        elif before is None:
            grown[name] = list(value) if isinstance(value, list) else value
    return grown


def text_of(reply: Reply) -> str:
    """All that the model wrote, thought and passed to tools: what counts as its output."""
    words: list[str] = []
    for choice in reply.choices:
        for part in choice.parts:
            match part:
                case Text() | Thinking() | Refusal():
                    words.append(part.text)
                case ToolCall():
                    words += [part.name, part.arguments]
                case Audio():
                    words.append(part.transcript)
                case _:
                    pass
    return "".join(words)

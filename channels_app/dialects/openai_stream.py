"""Watches an OpenAI stream go by: finds usage, text, errors and the end. Sans-I/O.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from contextlib import suppress

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.reply import BadStream, Started
from channels_app.dialects.sse import EventSplitter, EventTooLong, event_data
from channels_app.dialects.usage import UsageUnreadable, read_usage

DONE = b"data: [DONE]\n\n"
STOPPED = (
    b'data: {"object":"chat.completion.chunk",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n'
)
MOST_TEXT_BYTES = 256 * 1024
MOST_BAD_EVENTS = 3

EMPTY = msgspec.Raw()
NULL = b"null"
NOTHING = frozenset({b"null", b'""', b"[]", b"{}"})


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: msgspec.Raw = EMPTY
    function_call: msgspec.Raw = EMPTY
    audio: msgspec.Raw = EMPTY
    images: msgspec.Raw = EMPTY
    reasoning: msgspec.Raw = EMPTY
    reasoning_details: msgspec.Raw = EMPTY


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = EMPTY
    error: msgspec.Raw = EMPTY


_decode = msgspec.json.Decoder(_Chunk).decode
_decode_head = msgspec.json.Decoder(Started).decode
_validate = msgspec.json.Decoder(msgspec.Raw).decode


class StreamWatch:
    """feed(bytes from the provider) -> bytes for the client; what was learned is in the attributes.

    consumed        usage as reported, or None
    error           body of an error event, or b''
    is_finished     [DONE] or a finish reason came
    text            what the client got as text and tool arguments, at most MOST_TEXT_BYTES
    text_bytes      how much that was in all
    events          events with content so far, about the number of tokens
    is_text         nothing but text came so far
    started         what the first chunk calls the answer
    """

    def __init__(self, *, hides_usage: bool) -> None:
        self._hides_usage = hides_usage
        self._splitter = EventSplitter()
        self._bad = 0
        self.consumed: Consumed | None = None
        self.error = b""
        self.is_done = False
        self.has_finish_reason = False
        self.text = bytearray()
        self.text_bytes = 0
        self.events = 0
        self.any_event = False
        self.is_text = True
        self._first = b""

    @property
    def started(self) -> Started:
        try:
            return _decode_head(self._first)
        except msgspec.DecodeError:
            return Started()

    @property
    def is_finished(self) -> bool:
        return self.is_done or self.has_finish_reason

    @property
    def is_empty(self) -> bool:
        """Nothing was said, and no usage claims that something was produced."""
        return not self.events and not (self.consumed and self.consumed.completion_tokens)

    def has_begun(self) -> bool:
        """Whether there is something for the client in what came, or an error."""
        return self.events > 0 or bool(self.error)

    def has_prologue(self) -> bool:
        """Whether anything of an answer came."""
        return self.any_event

    def feed(self, data: bytes) -> bytes:
        """Raises BadStream. After an error event nothing more is passed on."""
        try:
            events = self._splitter.feed(data)
        except EventTooLong as error:
            msg = "an event without end"
            raise BadStream(msg) from error
        if len(events) == 1:
            event = events[0]
            return event if self._passes(event) else b""
        return b"".join([event for event in events if self._passes(event)])

    def flush(self) -> bytes:
        """The end of the provider's bytes: the last event may lack its blank line."""
        rest = self._splitter.flush()
        if rest.strip() and self._passes(rest.rstrip(b"\r\n") + b"\n\n"):
            return rest.rstrip(b"\r\n") + b"\n\n"
        return b""

    def ending(self) -> bytes:
        """What ends the client's stream, where the provider left it out."""
        return b"" if self.is_done else DONE

    def stop(self) -> bytes:
        """The credit is used up: a proper end before the provider's."""
        return STOPPED + DONE

    def fail(self, message: str, code: str) -> bytes:
        """The error event of OpenAI's streams, then the end."""
        error = {"message": message, "type": "upstream_error", "param": None, "code": code}
        return b"data: " + msgspec.json.encode({"error": error}) + b"\n\n" + DONE

    def _passes(self, event: bytes) -> bool:
        data = event_data(event)
        if not data or self.error:
            return not self.error
        if data == b"[DONE]" or data.strip() == b"[DONE]":
            self.is_done = True
            return True
        try:
            chunk = _decode(data)
        except msgspec.ValidationError:
            # JSON of a shape we don't know: future fields pass through.
            self.any_event = True
            return True
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._bad += 1
            if self._bad >= MOST_BAD_EVENTS:
                msg = "the provider's events are not JSON"
                raise BadStream(msg) from error
            return False
        self._bad = 0
        return self._note(chunk, data)

    def _note(self, chunk: _Chunk, data: bytes) -> bool:
        if chunk.error and bytes(chunk.error) != NULL:
            self.error = data
            self.any_event = True
            return False
        if chunk.choices:
            if not self.any_event:
                self._first = data
            self.any_event = True
        for choice in chunk.choices or ():
            self._note_choice(choice)
        if chunk.usage and bytes(chunk.usage) != NULL:
            with suppress(UsageUnreadable):
                self.consumed = read_usage(chunk.usage)
            if not chunk.choices and self._hides_usage:
                return False
        return True

    def _note_choice(self, choice: _Choice) -> None:
        if choice.finish_reason:
            self.has_finish_reason = True
        delta = choice.delta
        if delta is None:
            if choice.text:
                self._add_text(choice.text.encode("utf-8", "replace"))
            return
        if delta.content:
            self._add_text(delta.content.encode("utf-8", "replace"))
        if delta.refusal:
            self.is_text = False
            self._add_text(delta.refusal.encode("utf-8", "replace"))
        if delta.reasoning_content:
            self.is_text = False
            self._add_text(delta.reasoning_content.encode("utf-8", "replace"))
        if delta.tool_calls and bytes(delta.tool_calls) not in NOTHING:
            self.is_text = False
            self._add_text(_tool_text(bytes(delta.tool_calls)))
        elif not (delta.content or delta.refusal or delta.reasoning_content) and _says_else(delta):
            self.is_text = False
            self.events += 1

    def _add_text(self, text: bytes) -> None:
        self.events += 1
        self.text_bytes += len(text)
        room = MOST_TEXT_BYTES - len(self.text)
        if room > 0:
            self.text += text[:room]


def _says_else(delta: _Delta) -> bool:
    return any(
        raw and bytes(raw) not in NOTHING
        for raw in (
            delta.audio,
            delta.images,
            delta.function_call,
            delta.reasoning,
            delta.reasoning_details,
        )
    )


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    function: _Function | None = None


_decode_tools = msgspec.json.Decoder(list[_ToolCall]).decode


def _tool_text(raw: bytes) -> bytes:
    try:
        calls = _decode_tools(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw
    found = (call.function for call in calls)
    return "".join((f.name or "") + (f.arguments or "") for f in found if f).encode(
        "utf-8", "replace"
    )

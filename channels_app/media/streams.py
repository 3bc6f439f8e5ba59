"""Watches event streams of pictures, sound and transcripts go by, unchanged. Sans-I/O.

https://platform.openai.com/docs/api-reference/images-streaming,
https://platform.openai.com/docs/api-reference/audio/speech-audio-delta-event,
https://platform.openai.com/docs/api-reference/audio/transcript-text-delta-event
"""

from contextlib import suppress

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.reply import BadStream, Started
from channels_app.dialects.sse import EventSplitter, EventTooLong, event_data
from channels_app.dialects.usage import UsageUnreadable, read_usage
from channels_app.media.answers import IMAGES, assign_kinds

MOST_EVENT_BYTES = 64 * 1024 * 1024
"""A picture stands in one event, in base64."""
MOST_BAD_EVENTS = 3
MOST_TEXT_BYTES = 256 * 1024
_NULL = b"null"
_EMPTY = msgspec.Raw()


class _Event(msgspec.Struct):
    type: str = ""
    delta: msgspec.Raw = _EMPTY
    usage: msgspec.Raw = _EMPTY
    error: msgspec.Raw = _EMPTY


_decode = msgspec.json.Decoder(_Event).decode


class MediaWatch:
    """The attributes of `dialects.watch.Watch`; `images` are those that were finished."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._splitter = EventSplitter(MOST_EVENT_BYTES)
        self._bad = 0
        self._is_complete = False
        self.consumed: Consumed | None = None
        self.error = b""
        self.is_done = False
        self.text = bytearray()
        self.text_bytes = 0
        self.events = 0
        self.is_text = False
        self.started = Started()

    @property
    def is_finished(self) -> bool:
        return self.is_done or self._is_complete

    @property
    def is_empty(self) -> bool:
        return not self.events

    def has_begun(self) -> bool:
        return bool(self.events or self.error)

    def has_prologue(self) -> bool:
        return self.has_begun()

    def feed(self, data: bytes) -> bytes:
        """Raises BadStream. After an error nothing more is passed on."""
        try:
            events = self._splitter.feed(data)
        except EventTooLong as error:
            msg = "an event without end"
            raise BadStream(msg) from error
        return b"".join([event for event in events if self._passes(event)])

    def flush(self) -> bytes:
        rest = self._splitter.flush().strip(b"\r\n")
        event = rest + b"\n\n"
        return event if rest and self._passes(event) else b""

    def ending(self) -> bytes:
        return b""

    def stop(self) -> bytes:
        return self.fail("the credit is used up", "insufficient_user_quota")

    def fail(self, message: str, code: str) -> bytes:
        """https://platform.openai.com/docs/api-reference/realtime-server-events/error"""
        error = {"type": "upstream_error", "code": code, "message": message, "param": None}
        event = {"type": "error", "error": error}
        return b"event: error\ndata: " + msgspec.json.encode(event) + b"\n\n"

    def _passes(self, event: bytes) -> bool:
        data = event_data(event)
        if not data or self.error:
            return not self.error
        if data.strip() == b"[DONE]":
            self.is_done = True
            return True
        try:
            told = _decode(data)
        except msgspec.ValidationError:
            # JSON of a shape we don't know: future events pass through.
            self.events += 1
            return True
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._bad += 1
            if self._bad >= MOST_BAD_EVENTS:
                msg = "the provider's events are not JSON"
                raise BadStream(msg) from error
            return False
        self._bad = 0
        return self._note(told, data)

    def _note(self, told: _Event, data: bytes) -> bool:
        if (told.error and bytes(told.error) != _NULL) or told.type == "error":
            self.error = data
            return False
        self.events += 1
        if told.type.endswith((".completed", ".done")):
            self._is_complete = True
            if self._endpoint in IMAGES:
                self._add(Consumed(images=1))
        if told.type == "transcript.text.delta" and told.delta:
            self._add_text(bytes(told.delta)[1:-1])
        if told.usage and bytes(told.usage) != _NULL:
            with suppress(UsageUnreadable):
                consumed = read_usage(told.usage)
                self._add(assign_kinds(consumed, bytes(told.usage), self._endpoint))
        return True

    def _add(self, more: Consumed) -> None:
        """Each finished picture reports what it used."""
        if self.consumed is None:
            self.consumed = more
            return
        have, more_counts = map(msgspec.structs.astuple, (self.consumed, more))
        self.consumed = Consumed(*map(sum, zip(have, more_counts, strict=True)))

    def _add_text(self, words: bytes) -> None:
        self.text_bytes += len(words)
        room = MOST_TEXT_BYTES - len(self.text)
        if room > 0:
            self.text += words[:room]

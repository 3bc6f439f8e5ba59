"""Watches a stream of any dialect go by, passing it on as it is or in the client's dialect.

The same attributes as `openai_stream.StreamWatch`, which does this for the most travelled road.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.dialect import Reader, Writer
from channels_app.dialects.frames import EventTooLong, Frame, Frames
from channels_app.dialects.reply import (
    AudioDelta,
    BadStream,
    Delta,
    Failed,
    Finished,
    ImageDelta,
    OpaqueDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageDelta,
)

MOST_TEXT_BYTES = 256 * 1024
MOST_BAD_EVENTS = 3
NAMELESS = (Started, UsageDelta, Failed)
"""What belongs to no single choice."""
Change = Callable[[Sequence[Delta]], Sequence[Delta]]


class Watch(Protocol):
    """What the relay knows of a stream that it passes on."""

    consumed: Consumed | None
    error: bytes
    is_done: bool
    text: bytearray
    text_bytes: int
    events: int
    is_text: bool
    """Nothing but text came so far."""

    @property
    def started(self) -> Started:
        """What the provider calls the answer."""

    @property
    def is_finished(self) -> bool: ...

    @property
    def is_empty(self) -> bool: ...

    def has_begun(self) -> bool:
        """Whether there is something for the client in what came, or an error."""

    def has_prologue(self) -> bool:
        """Whether anything of an answer came."""

    def feed(self, data: bytes) -> bytes: ...

    def flush(self) -> bytes: ...

    def ending(self) -> bytes:
        """What ends the client's stream after all that `feed` gave."""

    def stop(self) -> bytes:
        """Ends the client's stream before the provider did: the credit is used up."""

    def fail(self, message: str, code: str) -> bytes:
        """An error in the middle, then the end."""


class DialectWatch:
    """feed(bytes from the provider) -> bytes for the client.

    Without a writer the provider's bytes pass as they are; `spare` then writes errors. How a choice
    finished is told at the end: some providers say it in every event, and go on.
    """

    def __init__(
        self,
        frames: Frames,
        reader: Reader,
        writer: Writer | None,
        spare: Writer,
        change: Change | None = None,
        end_early: Callable[[Any], bytes] | None = None,
    ) -> None:
        self._frames, self._reader, self._end_early = frames, reader, end_early
        self.writer, self._spare, self._change = writer, spare, change
        self._bad = 0
        self.consumed: Consumed | None = None
        self.error = b""
        self.is_done = False
        self._finishes: dict[int, Finished] = {}
        self._choices: set[int] = set()
        self.text = bytearray()
        self.text_bytes = 0
        self.events = 0
        self.any_event = False
        self.is_text = True
        self.started = Started()

    @property
    def id(self) -> str:
        return self.started.id

    @property
    def is_finished(self) -> bool:
        return self.is_done or bool(self._finishes)

    @property
    def is_empty(self) -> bool:
        """Nothing was said, and no usage claims that something was produced."""
        return not self.events and not (self.consumed and self.consumed.completion_tokens)

    def has_begun(self) -> bool:
        return self.events > 0 or bool(self.error)

    def has_prologue(self) -> bool:
        return self.any_event

    def feed(self, data: bytes) -> bytes:
        """Raises BadStream. After an error nothing more is passed on."""
        try:
            frames = self._frames.feed(data)
        except EventTooLong as error:
            msg = "an event without end"
            raise BadStream(msg) from error
        return b"".join([self._take(frame) for frame in frames])

    def flush(self) -> bytes:
        return b"".join([self._take(frame) for frame in self._frames.flush()])

    def ending(self) -> bytes:
        if self.writer is None:
            return b""
        finishes = [finished for _, finished in sorted(self._finishes.items())]
        return self._tell(self.writer, finishes) + self.writer.end()

    def stop(self) -> bytes:
        if self.writer is None:
            if self._end_early is not None:
                return self._end_early(self._reader)
            return self._spare.fail(
                "the credit is used up", "permission_error", "insufficient_user_quota"
            )
        for choice in self._choices or {0}:
            self._finishes.setdefault(choice, Finished("length", choice=choice))
        return self.ending()

    def fail(self, message: str, code: str) -> bytes:
        return (self.writer or self._spare).fail(message, "upstream_error", code)

    def _take(self, frame: Frame) -> bytes:
        if self.error or self.is_done:
            return b""
        if not frame.data:
            return frame.raw if self.writer is None else b""
        try:
            deltas = self._reader.read(frame.data, frame.name)
        except msgspec.ValidationError:
            # JSON of a shape we don't know: future events pass through.
            return frame.raw if self.writer is None else b""
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._bad += 1
            if self._bad >= MOST_BAD_EVENTS:
                msg = "the provider's events are not JSON"
                raise BadStream(msg) from error
            return b""
        self._bad = 0
        self.is_done = self._reader.is_done
        for delta in deltas:
            self._note(delta)
        if self.writer is None:
            return b"" if self.error else frame.raw
        told = [delta for delta in deltas if not isinstance(delta, Finished | Failed)]
        return self._tell(self.writer, told)

    def _tell(self, writer: Writer, deltas: Sequence[Delta]) -> bytes:
        return writer.write(deltas if self._change is None else self._change(deltas))

    def _note(self, delta: Delta) -> None:
        self.any_event = True
        match delta:
            case TextDelta(text=text):
                self._add_text(text)
            case ThinkingDelta(text=text) | RefusalDelta(text=text):
                self._add_else(text)
            case ToolDelta(arguments=text) | ToolStarted(name=text):
                self._add_else(text)
            case AudioDelta():
                self._add_else(delta.transcript)
            case ImageDelta() | OpaqueDelta():
                self._add_else("")
            case UsageDelta():
                self.consumed = delta.consumed or self.consumed
            case Finished():
                self._finishes[delta.choice] = delta
            case Failed():
                self.error = delta.body
            case Started():
                if not self.started.id:
                    self.started = delta
                if self.writer is None:
                    # Only so that an error of ours bears the answer's own name.
                    self._spare.write([delta])
            case _:
                pass
        if not isinstance(delta, NAMELESS):
            self._choices.add(delta.choice)

    def _add_else(self, text: str) -> None:
        self.is_text = False
        self._add_text(text)

    def _add_text(self, text: str) -> None:
        self.events += 1
        words = text.encode("utf-8", "replace")
        self.text_bytes += len(words)
        room = MOST_TEXT_BYTES - len(self.text)
        if room > 0:
            self.text += words[:room]

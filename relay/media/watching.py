"""Chooses what watches an answer that is no text go by: its events, or its bytes."""

import re
import tempfile

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.reply import Started
from channels_app.dialects.watch import Watch
from channels_app.media.streams import MediaWatch
from relay.call import Call
from relay.media.consumption import Produced, wants_sound

EVENTS = b"text/event-stream"
UNKNOWN = b"application/octet-stream"
_SAFE_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;\s*[\w-]+=\"?[\w.+-]+\"?)*", re.ASCII)
_SPOOL_BYTES = 1024 * 1024


def read_type(content_type: str | None) -> bytes:
    """The provider's type of its answer, fit to be passed on."""
    text = (content_type or "").strip().lower()
    return text.encode() if len(text) <= 200 and _SAFE_TYPE.fullmatch(text) else UNKNOWN


def media_watch(call: Call, endpoint: str, kind: bytes) -> Watch | None:
    """None for an answer that must be read whole."""
    if kind.startswith(EVENTS):
        return MediaWatch(endpoint)
    if endpoint != "speech" or b"json" in kind or b"html" in kind:
        return None
    media = call.request.media
    if media is not None and wants_sound(media, call.quote) and call.produced is None:
        call.produced = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 -- closed by the settlement
    return SoundWatch(call.produced)


class SoundWatch:
    """Sound passes as it is; of its end the connection tells. The attributes of Watch."""

    def __init__(self, copy: Produced | None) -> None:
        self._copy = copy
        self.consumed: Consumed | None = None
        self.error = b""
        self.is_done = False
        self.text = bytearray()
        self.text_bytes = 0
        self.events = 0
        self.is_text = self.is_finished = False
        self.started = Started()

    @property
    def is_empty(self) -> bool:
        return not self.events

    def has_begun(self) -> bool:
        return bool(self.events)

    def has_prologue(self) -> bool:
        return self.has_begun()

    def feed(self, data: bytes) -> bytes:
        self.events += bool(data)
        if self._copy is not None:
            self._copy.write(data)
        return data

    def flush(self) -> bytes:
        self.is_finished = True
        return b""

    def ending(self) -> bytes:
        return b""

    def stop(self) -> bytes:
        return b""

    def fail(self, message: str, code: str) -> bytes:  # noqa: ARG002 -- Watch
        """Nothing that could be heard: the connection breaks instead."""
        return b""

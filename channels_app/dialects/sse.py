"""Cuts a stream of server-sent events into events, however the bytes arrive. Sans-I/O.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re

MOST_EVENT_BYTES = 24 * 1024 * 1024
"""A picture in an event may have 16 MB before it is written in base64."""
_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r|\r\n\n|\n\r\n")
_LINE_END = re.compile(rb"\r\n|\n|\r")
BOM = b"\xef\xbb\xbf"


class EventTooLong(ValueError):
    """One event grew beyond the most that it may have, without an end."""


class EventSplitter:
    """feed(bytes) -> the events that are now complete, each with its blank line, as they came.

    What has no end yet is kept in pieces, and looked at once: an event may be megabytes long, up to
    `most` bytes.
    """

    __slots__ = ("_most", "_pieces", "_size", "_started", "_tail")

    def __init__(self, most: int = MOST_EVENT_BYTES) -> None:
        self._most = most
        self._pieces: list[bytes] = []
        self._size = 0
        self._tail = b""
        self._started = False

    def feed(self, data: bytes) -> list[bytes]:
        """Raises EventTooLong."""
        if not self._pieces:
            # The usual case: one read is one event, or a few whole ones.
            if data.endswith(b"\n\n") and b"\r" not in data and self._started:
                return [data] if data.find(b"\n\n") == len(data) - 2 else _split_plain(data)
            return self._split(data)
        self._pieces.append(data)
        seen = self._tail + data
        if self._started and not _BOUNDARY.search(seen, 0, _sure_end(seen)):
            self._size += len(data)
            self._tail = seen[-3:]
            self._check_size()
            return []
        return self._split(b"".join(self._pieces))

    def flush(self) -> bytes:
        """What is left at the end of the stream: an event whose blank line never came, or b''."""
        rest = b"".join(self._pieces)
        self._keep(b"")
        return rest

    def _split(self, data: bytes) -> list[bytes]:
        if not self._started:
            if len(data) < len(BOM) and BOM.startswith(data):
                self._keep(data)
                return []
            data = data.removeprefix(BOM)
            self._started = True
        events = []
        start = 0
        for match in _BOUNDARY.finditer(data, 0, _sure_end(data)):
            if match.start() >= start:
                events.append(data[start : match.end()])
                start = match.end()
        self._keep(data[start:])
        self._check_size()
        return events

    def _keep(self, rest: bytes) -> None:
        self._pieces = [rest] if rest else []
        self._size = len(rest)
        self._tail = rest[-3:]

    def _check_size(self) -> None:
        if self._size > self._most:
            raise EventTooLong


def _sure_end(data: bytes) -> int:
    """A final \\r may be half of \\r\\n: the boundary is only sure with the byte that follows."""
    return len(data) - 1 if data.endswith(b"\r") else len(data)


def event_data(event: bytes) -> bytes:
    """The data of an event, its lines joined; b'' for a comment or an event without data."""
    if (
        event.startswith(b"data: ")
        and event.endswith(b"\n\n")
        and event.find(b"\n") == len(event) - 2
    ):
        return event[6:-2]
    lines = []
    for line in _LINE_END.split(event):
        name, colon, value = line.partition(b":")
        if name == b"data" and colon:
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines)


def _split_plain(data: bytes) -> list[bytes]:
    return [part + b"\n\n" for part in data[:-2].split(b"\n\n")]

"""One line of JSON for each finished call, and its numbers for the metrics."""

import contextlib
import os
import sys
import time

import msgspec

from billing.records import Closed

_encode = msgspec.json.Encoder().encode
FLUSH_BYTES = 64 * 1024


class CallLog:
    """Collects lines and writes them a few times a second: a write per call would cost more than
    the line.
    """

    def __init__(self) -> None:
        self._lines = bytearray()
        self.is_enabled = True

    def add(self, line: bytes) -> None:
        self._lines += line
        self._lines += b"\n"
        if len(self._lines) > FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            lines, self._lines = bytes(self._lines), bytearray()
            # Calls go on, and are charged, where nobody reads their lines any more or the disk is
            # full.
            with contextlib.suppress(OSError):
                os.write(sys.stdout.fileno(), lines)


call_log = CallLog()


def log_call(call: Closed) -> None:
    if not call_log.is_enabled:
        return
    call_log.add(
        _encode(
            {
                "event": "call",
                "timestamp": time.time(),
                "request_id": call.request_id,
                "user": call.user_id,
                "token": call.token_id,
                "model": call.model,
                "channel": call.channel_id,
                "endpoint": call.endpoint,
                "stream": call.is_stream,
                "status": call.status,
                "http_status": call.http_status,
                "error": call.error_code,
                "prompt_tokens": call.prompt_tokens,
                "completion_tokens": call.completion_tokens,
                "units": call.amount,
                "first_byte_ms": call.first_byte_ms,
                "total_ms": call.total_ms,
            }
        )
    )

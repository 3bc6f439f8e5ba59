"""The lines of finished calls: whoever reads them, or nobody."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from relay.call_log import FLUSH_BYTES, CallLog


@contextmanager
def output_to(writer: int, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process writes there."""
    with os.fdopen(writer, "w") as file, patch.context() as patched:
        patched.setattr(sys, "stdout", file)
        yield


def test_calls_go_on_where_nobody_reads_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    log = CallLog()
    reader, writer = os.pipe()
    os.close(reader)
    with output_to(writer, monkeypatch):
        log.add(b"early")
        log.flush()
        log.add(b"x" * FLUSH_BYTES)
    reader, writer = os.pipe()
    with output_to(writer, monkeypatch):
        log.add(b"late")
        log.flush()
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"late\n"

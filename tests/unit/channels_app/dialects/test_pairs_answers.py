"""Any answer of any provider: what every client reads of it, however its bytes arrive or end."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import Collector, Delta, Reply, collect
from channels_app.dialects.watch import DialectWatch
from tests.unit.channels_app.dialects.pairs.answers import (
    ENCODERS,
    answers,
    frames_of,
    options_of,
    stream_of,
    told_in,
)
from tests.unit.channels_app.dialects.pairs.gist import Said, said_in
from tests.unit.channels_app.dialects.pairs.transcripts import DIALECTS
from tests.unit.channels_app.dialects.pairs.valid import ends_with_error, read_valid

PROVIDERS = [*DIALECTS, *ENCODERS]
PAIRS = [(client, provider) for client in DIALECTS for provider in PROVIDERS if client != provider]
EXAMPLES = 25
"""Of each pair: there are many."""


def watch_of(client: str, provider: str) -> DialectWatch:
    writer = find_dialect(client).writer(options_of(client))
    return DialectWatch(frames_of(provider), find_dialect(provider).reader(), writer, writer)


def feed(watch: DialectWatch, pieces: Iterable[bytes]) -> bytes:
    return b"".join([watch.feed(piece) for piece in pieces]) + watch.flush()


def read(provider: str, pieces: Iterable[bytes]) -> Reply:
    """What a provider's stream tells, as far as it came."""
    frames, reader, collector = frames_of(provider), find_dialect(provider).reader(), Collector()
    found = [frame for piece in pieces for frame in frames.feed(piece)] + frames.flush()
    for frame in found:
        try:
            deltas = reader.read(frame.data, frame.name) if frame.data else ()
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        for delta in deltas:
            collector.add(delta)
    return collector.reply


def hear(client: str, data: bytes) -> Said:
    """What the client gets, from a stream that its SDK reads."""
    events = read_valid(client, data)
    told = [event for event in events if not ends_with_error(client, [event])]
    lines = [event if isinstance(event, str) else json.dumps(event) for event in told]
    return only(read(client, [f"data: {line}\n\n".encode() for line in lines]))


def only(reply: Reply) -> Said:
    return next(iter(said_in(reply)), Said(finish="stop"))


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(marks)]


@pytest.mark.parametrize("dialect", DIALECTS)
@given(deltas=answers())
def test_whole_and_streamed_answers_tell_the_same(dialect: str, deltas: list[Delta]) -> None:
    reply = collect(deltas)
    wanted = told_in(dialect, only(reply))
    streamed = b"".join(stream_of(dialect, deltas))
    whole = find_dialect(dialect).read_answer(
        find_dialect(dialect).write_answer(reply, options_of(dialect))
    )
    assert only(whole) == hear(dialect, streamed) == wanted
    assert whole.consumed == read(dialect, [streamed]).consumed == reply.consumed


@pytest.mark.parametrize(("client", "provider"), PAIRS)
@settings(max_examples=EXAMPLES)
@given(deltas=answers(), places=st.lists(st.integers(0, 10_000), max_size=9))
def test_cutting_changes_nothing(
    client: str, provider: str, deltas: list[Delta], places: list[int]
) -> None:
    data = b"".join(stream_of(provider, deltas))
    plain, chopped = watch_of(client, provider), watch_of(client, provider)
    told = feed(plain, [data]) + plain.ending()
    assert feed(chopped, cut(data, places)) + chopped.ending() == told
    assert hear(client, told) == told_in(client, only(read(provider, [data])))
    assert plain.consumed == read(provider, [data]).consumed


@pytest.mark.parametrize("ending", ["fail", "stop"])
@pytest.mark.parametrize(("client", "provider"), PAIRS)
@settings(max_examples=EXAMPLES)
@given(deltas=answers(), place=st.integers(0, 10_000))
def test_what_was_said_is_told_when_the_stream_breaks_off_or_is_stopped(
    client: str, provider: str, ending: str, deltas: list[Delta], place: int
) -> None:
    data = b"".join(stream_of(provider, deltas))
    beginning = data[: place % (len(data) + 1)]
    watch = watch_of(client, provider)
    told = feed(watch, [beginning])
    told += watch.fail("broke off", "upstream_cut") if ending == "fail" else watch.stop()
    events = read_valid(client, told)
    assert ends_with_error(client, events) == (ending == "fail")
    heard = hear(client, told)
    wanted = told_in(client, only(read(provider, [beginning])))
    assert (heard.words, heard.refusal) == (wanted.words, wanted.refusal)
    assert heard.thoughts == wanted.thoughts
    assert comparable(client, heard.calls) == comparable(client, wanted.calls)
    if ending == "stop" and not watch.is_done and wanted.finish != heard.finish:
        assert heard.finish == "length"


def comparable(client: str, calls: list[tuple[str, str, Any]]) -> list[tuple[str, str, Any]]:
    """Gemini's calls are told whole or, where they were cut, in words or not at all."""
    if client != "gemini":
        return calls
    return [
        call for call in calls if isinstance(call[2], dict) and call[2] and "input" not in call[2]
    ]

"""However a stream of Gemini's is cut or told, it says the same."""

import json
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.frames import SseFrames
from channels_app.dialects.gemini import DIALECT, ArrayWriter
from channels_app.dialects.reply import (
    AudioDelta,
    CitationDelta,
    Delta,
    Finished,
    FinishReason,
    ImageDelta,
    OpaqueDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageDelta,
    collect,
)

OPTIONS = WriteOptions("resp-1", "gemini-2.5-flash", 7)
WORDS = st.text('ab:é日😀 {}"\\\n', min_size=1, max_size=6)
NAME = st.sampled_from(["f", "get_weather"])
BASE64 = st.sampled_from(["c2ln", "AAAA"])
"""Without padding: pieces of one signature are put together."""
ARGS = st.dictionaries(WORDS, st.integers(-9, 9) | WORDS | st.lists(st.booleans()), max_size=3)
ITEM: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("text"), WORDS),
    st.tuples(st.just("thinking"), WORDS),
    st.tuples(st.just("signature"), BASE64),
    st.tuples(st.just("image"), BASE64),
    st.tuples(st.just("audio"), BASE64),
    st.tuples(st.just("opaque"), WORDS),
    st.tuples(st.just("source"), st.integers(0, 99)),
    st.tuples(st.just("call"), st.tuples(NAME, ARGS, st.integers(0, 9))),
)
COUNT = st.integers(0, 1000)


@st.composite
def consumed(draw: st.DrawFn) -> Consumed:
    """Parts never more than their whole, and no writes to a cache: nobody tells them here."""
    prompt, answer = draw(COUNT), draw(COUNT)
    return Consumed(
        prompt_tokens=prompt,
        completion_tokens=answer,
        cached_tokens=draw(st.integers(0, prompt)),
        audio_input_tokens=draw(st.integers(0, prompt)),
        image_output_tokens=draw(st.integers(0, answer)),
        reasoning_tokens=draw(st.integers(0, answer)),
    )


@st.composite
def streams(draw: st.DrawFn) -> list[Delta]:
    """What Gemini's dialect can tell: signatures are base64, arguments objects, sources new."""
    deltas: list[Delta] = [Started("r1", "m1")]
    seen: set[int] = set()
    for choice in range(draw(st.integers(1, 2))):
        calls = 0
        for kind, value in draw(st.lists(ITEM, max_size=6)):
            if kind == "call":
                deltas += call_deltas(calls, value, choice)
                calls += 1
            elif kind != "source" or value not in seen:
                deltas.append(delta_of(kind, value, choice))
                seen |= {value} if kind == "source" else set()
        usual: FinishReason = "tool_calls" if calls else "stop"
        reasons: list[FinishReason] = [usual, "length", "content_filter"]
        reason = draw(st.sampled_from(reasons))
        deltas.append(Finished(reason, choice=choice))
    if draw(st.booleans()):
        deltas.append(UsageDelta(draw(consumed())))
    return deltas


def call_deltas(index: int, value: tuple[str, Any, int], choice: int) -> list[Delta]:
    name, args, cut = value
    text = msgspec.json.encode(args).decode()
    return [
        ToolStarted(index, f"id{index}", name, "c2ln" if cut % 2 else "", choice=choice),
        ToolDelta(index, text[:cut], choice),
        ToolDelta(index, text[cut:], choice),
    ]


def delta_of(kind: str, value: Any, choice: int) -> Delta:
    url = f"https://a.example/{value}"
    chunk = {"web": {"uri": url, "title": "A"}}
    code = {"executableCode": {"language": "PYTHON", "code": value}}
    table: dict[str, Delta] = {
        "text": TextDelta(value, choice),
        "thinking": ThinkingDelta(value, choice),
        "signature": SignatureDelta(value, choice=choice),
        "image": ImageDelta("image/png", value, choice=choice),
        "audio": AudioDelta(value, format="wav", choice=choice),
        "opaque": OpaqueDelta("gemini", code, choice),
        "source": CitationDelta(url, "A", "quote", "gemini", chunk, choice),
    }
    return table[kind]


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


def read(pieces: list[bytes]) -> list[Delta]:
    frames, reader = SseFrames(), DIALECT.reader()
    found = [frame for piece in pieces for frame in frames.feed(piece)] + frames.flush()
    return [delta for frame in found if frame.data for delta in reader.read(frame.data)]


def written(deltas: list[Delta]) -> bytes:
    writer = DIALECT.writer(OPTIONS)
    return b"".join(writer.write([delta]) for delta in deltas) + writer.end()


@given(deltas=streams())
def test_a_written_stream_is_read_as_what_it_told(deltas: list[Delta]) -> None:
    assert collect(read([written(deltas)])) == collect(deltas)


@given(deltas=streams(), cuts=st.lists(st.integers(0, 2000)))
def test_any_cutting_gives_the_same_deltas(deltas: list[Delta], cuts: list[int]) -> None:
    data = written(deltas)
    assert read(pieces_of(data, cuts)) == read([data])


@given(deltas=streams())
def test_a_written_answer_is_read_as_what_it_told(deltas: list[Delta]) -> None:
    reply = collect(deltas)
    assert DIALECT.read_answer(DIALECT.write_answer(reply, OPTIONS)) == reply


@given(deltas=streams(), size=st.integers(1, 5))
def test_the_list_form_holds_the_same_answers(deltas: list[Delta], size: int) -> None:
    writer = ArrayWriter(OPTIONS)
    groups = [deltas[start : start + size] for start in range(0, len(deltas), size)]
    listed = b"".join(writer.write(group) for group in groups) + writer.end()
    events = [json.loads(line[6:]) for line in written(deltas).decode().split("\n\n") if line]
    assert json.loads(listed) == events
    assert collect(DIALECT.reader().read(listed)) == collect(deltas)


@given(data=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_bytes_that_are_no_event_are_refused_as_such(data: bytes) -> None:
    try:
        deltas = DIALECT.reader().read(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    assert all(isinstance(delta, msgspec.Struct) for delta in deltas)

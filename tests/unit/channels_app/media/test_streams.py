"""Event streams of pictures and sound pass unchanged, however their bytes are cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.reply import BadStream
from channels_app.media.streams import MediaWatch


def event(name: str, **data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


USAGE = {"input_tokens": 5, "output_tokens": 100}
DONE = event("image_generation.completed", b64_json="aGk=", usage=USAGE)
STREAM = b": hello\n\n" + event("image_generation.partial_image", b64_json="x" * 50) + DONE


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    watch = MediaWatch("images")
    edges = [0, *sorted(cuts), len(STREAM)]
    out = b"".join(watch.feed(STREAM[start:end]) for start, end in pairwise(edges))
    assert out + watch.flush() + watch.ending() == STREAM
    assert watch.consumed == Consumed(5, 100, image_output_tokens=100, images=1)
    assert (watch.is_finished, watch.is_empty, watch.error) == (True, False, b"")


def test_each_finished_picture_adds_what_it_used() -> None:
    watch = MediaWatch("images")
    watch.feed(DONE * 3)
    assert watch.consumed == Consumed(15, 300, image_output_tokens=300, images=3)


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\r"])
def test_all_ends_of_an_event_are_known(end: bytes) -> None:
    watch = MediaWatch("images")
    data = DONE.strip() + end + DONE.strip() + end
    found = b"".join(watch.feed(data[at : at + 1]) for at in range(len(data))) + watch.flush()
    assert found.count(b"event: ") == 2
    assert watch.consumed == Consumed(10, 200, image_output_tokens=200, images=2)


@pytest.mark.parametrize(
    "failed",
    [
        event("error", error={"message": "secret"}),
        b'data: {"error":{"message":"secret"}}\n\n',
        b'event: error\ndata: {"type":"error","message":"secret"}\n\n',
    ],
)
def test_error_is_kept_back_and_nothing_follows_it(failed: bytes) -> None:
    watch = MediaWatch("images")
    partial = event("image_generation.partial_image", b64_json="x")
    assert watch.feed(partial + failed + DONE) == partial
    assert b"secret" in watch.error
    assert b"secret" not in watch.fail("told", "code")


def test_stream_of_another_shape_ends_with_its_mark() -> None:
    watch = MediaWatch("transcriptions")
    sent = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n'
    assert watch.feed(sent) == sent
    assert watch.is_finished


def test_nonsense_is_left_out_and_too_much_of_it_breaks_the_stream() -> None:
    watch = MediaWatch("images")
    assert watch.feed(b"data: {\n\n" + DONE) == DONE
    with pytest.raises(BadStream):
        watch.feed(b"data: {\n\n" * 3)


@given(st.binary(max_size=300))
def test_whatever_comes_raises_nothing_but_the_documented(data: bytes) -> None:
    watch = MediaWatch("speech")
    try:
        told = watch.feed(data) + watch.flush()
    except BadStream:
        return
    # What is passed on came from the provider; at the end it may lack its blank line.
    assert len(told) <= len(data) + 2


def test_transcript_is_counted_where_nobody_reports() -> None:
    watch = MediaWatch("transcriptions")
    watch.feed(event("transcript.text.delta", delta="hello") * 2)
    assert (bytes(watch.text), watch.text_bytes, watch.consumed) == (b"hellohello", 10, None)

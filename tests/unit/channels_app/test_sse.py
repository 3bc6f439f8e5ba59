"""Events of a stream are the same however its bytes are cut and its lines end."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects import sse
from channels_app.dialects.sse import EventSplitter, EventTooLong, event_data

LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
WORD = st.text('ab:é日😀 {}"', max_size=6).map(lambda text: text.encode())
FIELD = st.sampled_from(
    [b"data: ", b"data:", b"data", b"event: ", b"id: ", b"retry: ", b": ", b":", b""]
)
LINES = st.lists(st.tuples(FIELD, WORD).map(b"".join), min_size=1, max_size=4)


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


def split(pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    """(events, what is left at the end)."""
    splitter = EventSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return events, splitter.flush()


@given(
    events=st.lists(LINES, max_size=5),
    end=LINE_ENDS,
    has_mark=st.booleans(),
    cuts=st.lists(st.integers(0, 300)),
)
def test_any_cutting_gives_the_same_events(
    events: list[list[bytes]], end: bytes, cuts: list[int], *, has_mark: bool
) -> None:
    lines = [[line for line in event if line] or [b": "] for event in events]
    data = b"".join(end.join(event) + end + end for event in lines)
    marked = (sse.BOM if has_mark else b"") + data
    found, rest = split(pieces_of(marked, cuts))
    assert (found, rest) == split([marked])
    # Nothing is lost and nothing is made up.
    assert b"".join(found) + rest == data
    wanted = [event_data(end.join(event) + end + end) for event in lines]
    assert [event_data(event) for event in found] + ([event_data(rest)] if rest else []) == wanted


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200)))
def test_arbitrary_bytes_are_kept_in_order(data: bytes, cuts: list[int]) -> None:
    found, rest = split(pieces_of(data, cuts))
    assert b"".join(found) + rest == data.removeprefix(sse.BOM)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: a\n\n", b"a"),
        (b"data:a\r\n\r\n", b"a"),
        (b"data:  a\r\r", b" a"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"event: x\ndata: a\nid: 1\ndata:b\n\n", b"a\nb"),
        (b"data:\n\n", b""),
        (b": a comment\n\n", b""),
        (b"datax: a\n\n", b""),
        (b"no colon\n\n", b""),
        (b"data: a\r\ndata: \xe6\x97\xa5\r\n\r\n", "a\n日".encode()),
    ],
)
def test_data_of_an_event_is_read_by_the_standard(event: bytes, data: bytes) -> None:
    assert event_data(event) == data


def test_several_events_in_one_piece_come_one_by_one() -> None:
    splitter = EventSplitter()
    splitter.feed(b"data: 0\n\n")
    assert splitter.feed(b"data: 1\n\ndata: 2\n\n") == [b"data: 1\n\n", b"data: 2\n\n"]
    assert splitter.feed(b"\n\ndata: 3\n\n")[-1] == b"data: 3\n\n"


def test_event_without_end_is_given_up() -> None:
    splitter = EventSplitter(100)
    for _ in range(10):
        assert splitter.feed(b"x" * 10) == []
    with pytest.raises(EventTooLong):
        splitter.feed(b"x")

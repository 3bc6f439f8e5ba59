"""What is learned of a stream, and what is passed on, does not depend on how its bytes arrive."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects.openai_stream import DONE, MOST_TEXT_BYTES, StreamWatch
from channels_app.dialects.reply import BadStream

USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 9,
    "total_tokens": 16,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
FUNCTION = {"index": 0, "function": {"name": "f", "arguments": '{"a":'}}


def event(payload: Any, end: str = "\n\n") -> bytes:
    return f"data: {json.dumps(payload, ensure_ascii=False)}{end}".encode()


def delta(fields: dict[str, Any], **more: Any) -> bytes:
    return event({"id": "1", "choices": [{"index": 0, "delta": fields, **more}]})


TEXTS = st.text(min_size=1, max_size=8).filter(lambda text: text.isprintable())
EVENTS = st.one_of(
    TEXTS.map(lambda text: delta({"content": text})),
    TEXTS.map(lambda text: delta({"reasoning_content": text})),
    TEXTS.map(lambda text: event({"choices": [{"text": text}]})),
    st.just(delta({"tool_calls": [FUNCTION]})),
    st.just(delta({"role": "assistant", "content": ""})),
    st.just(delta({"content": ["a", "future", "shape"]})),
    st.just(delta({"content": "a"}).replace(b"\n\n", b"\r\n\r\n")),
    st.just(b": keep-alive\n\n"),
    st.just(b"event: ping\nid: 5\ndata: {}\n\n"),
    st.just(b'data: {"choices":\ndata: []}\r\r'),
)
ENDINGS = st.sampled_from(
    [
        delta({}, finish_reason="stop") + event({"choices": [], "usage": USAGE}) + DONE,
        delta({}, finish_reason="stop") + DONE,
        delta({}, finish_reason="length", usage=None) + event({"choices": [], "usage": USAGE}),
        event({"error": {"message": "no", "code": "c"}}) + delta({"content": "never"}),
        b"data:[DONE]\r\n\r\n",
        b"data: [DONE]",
        b"",
    ]
)


def watch(pieces: list[bytes], *, hides_usage: bool = True) -> tuple[StreamWatch, bytes]:
    seen = StreamWatch(hides_usage=hides_usage)
    passed = b"".join([seen.feed(piece) for piece in pieces])
    return seen, passed + seen.flush()


def learned(seen: StreamWatch) -> tuple[object, ...]:
    facts = seen.consumed, seen.error, seen.is_done, seen.is_finished
    return (*facts, bytes(seen.text), seen.text_bytes, seen.events, seen.any_event)


@given(
    events=st.lists(EVENTS, max_size=6),
    ending=ENDINGS,
    cuts=st.lists(st.integers(0, 900), max_size=12),
    hides_usage=st.booleans(),
)
def test_any_cutting_gives_the_same_bytes_usage_text_and_error(
    events: list[bytes], ending: bytes, cuts: list[int], *, hides_usage: bool
) -> None:
    data = b"".join(events) + ending
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    pieces = [data[a:b] for a, b in pairwise(places)]
    one, passed_in_one = watch([data], hides_usage=hides_usage)
    many, passed_in_many = watch(pieces, hides_usage=hides_usage)
    assert passed_in_many == passed_in_one
    assert learned(many) == learned(one)
    bytewise, passed_bytewise = watch([bytes([byte]) for byte in data], hides_usage=hides_usage)
    assert (passed_bytewise, learned(bytewise)) == (passed_in_one, learned(one))


@given(events=st.lists(EVENTS, max_size=8))
def test_good_events_pass_unchanged_and_in_order(events: list[bytes]) -> None:
    data = b"".join(events) + DONE
    assert watch([data])[1] == data


def test_usage_event_is_hidden_only_when_nobody_asked_for_it() -> None:
    usage = event({"choices": [], "usage": USAGE})
    beside = event({"choices": [{"delta": {"content": "a"}}], "usage": USAGE})
    hidden, passed = watch([beside + usage + DONE], hides_usage=True)
    assert passed == beside + DONE
    assert hidden.consumed is not None
    found = hidden.consumed
    assert (found.prompt_tokens, found.completion_tokens) == (7, 9)
    assert (found.cached_tokens, found.reasoning_tokens) == (3, 2)
    assert watch([beside + usage + DONE], hides_usage=False)[1] == beside + usage + DONE


def test_usage_of_zero_choices_that_is_null_is_not_hidden() -> None:
    first = event({"choices": [], "usage": None, "prompt_filter_results": []})
    assert watch([first + DONE])[1] == first + DONE


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": "7", "completion_tokens": 5},
        {"prompt_tokens": 7, "completion_tokens": True},
        {"prompt_tokens": 2**62, "completion_tokens": 1},
        {"prompt_tokens": 1.5},
        {},
        [],
        "many",
    ],
)
def test_usage_that_cannot_be_true_is_not_believed(usage: Any) -> None:
    seen, _ = watch([event({"choices": [], "usage": usage}) + DONE])
    assert seen.consumed is None


def test_later_usage_replaces_an_earlier_one() -> None:
    running = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1}})
    seen, _ = watch([running + event({"choices": [], "usage": USAGE}) + DONE])
    assert seen.consumed is not None
    assert seen.consumed.completion_tokens == 9


def test_nothing_follows_an_error() -> None:
    error = event({"error": {"message": "no"}})
    seen, passed = watch([delta({"content": "a"}) + error + delta({"content": "b"}) + DONE])
    assert passed == delta({"content": "a"})
    assert json.loads(seen.error)["error"]["message"] == "no"
    assert bytes(seen.text) == b"a"


def test_one_broken_event_is_left_out_and_three_in_a_row_are_too_many() -> None:
    broken, good = b'data: {"choices": [\n\n', delta({"content": "a"})
    _, passed = watch([broken + good + broken + broken + good + DONE])
    assert passed == good + good + DONE
    with pytest.raises(BadStream):
        watch([good + broken * 3])


def test_event_of_a_provider_that_forgot_the_last_blank_line_is_passed_on() -> None:
    seen, passed = watch([delta({"content": "a"}) + b"data: [DONE]"])
    assert passed == delta({"content": "a"}) + DONE
    assert seen.is_done


def test_text_of_tools_reasoning_and_old_completions_is_counted() -> None:
    seen, _ = watch(
        [
            delta({"content": "ab"})
            + delta({"reasoning_content": "cd"})
            + delta({"tool_calls": [FUNCTION]})
            + event({"choices": [{"text": "ef"}]})
        ]
    )
    assert bytes(seen.text) == b'abcdf{"a":ef'
    assert (seen.text_bytes, seen.events) == (12, 4)


def test_kept_text_has_a_bound_however_long_an_event_is() -> None:
    seen, _ = watch([delta({"content": "a" * 10}), delta({"content": "b" * 3 * MOST_TEXT_BYTES})])
    assert len(seen.text) == MOST_TEXT_BYTES
    assert seen.text_bytes == 3 * MOST_TEXT_BYTES + 10

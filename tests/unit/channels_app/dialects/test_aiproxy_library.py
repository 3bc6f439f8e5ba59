"""AI Proxy's libraries: the last question is asked, and the documents follow the answer."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects import openai_chat
from channels_app.dialects.aiproxy_library import DIALECT
from channels_app.dialects.conversation import Conversation
from channels_app.dialects.dialect import Target
from channels_app.dialects.frames import SseFrames
from channels_app.dialects.reply import (
    BadAnswer,
    Delta,
    Failed,
    Finished,
    Reply,
    Started,
    TextDelta,
    replay,
)


def conversation(messages: list[Any], **fields: Any) -> Conversation:
    told = {"messages": messages, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in told.items()}
    return openai_chat.DIALECT.parse_request(raw, "m", bool(fields.get("stream")))


def test_the_last_question_is_asked_and_the_rest_named() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Eins"},
        {"role": "assistant", "content": "One"},
        {"role": "user", "content": [{"type": "text", "text": "Zwei"}]},
    ]
    told = conversation(messages, stream=True, top_p=0.5, stop="x")
    target = Target("gpt-4o", settings={"library_id": "10817"})
    rendered = DIALECT.render_request(told, target)
    assert rendered.body == {
        "model": "gpt-4o",
        "query": "Zwei",
        "libraryId": "10817",
        "stream": True,
    }
    assert rendered.dropped == ["messages", "top_p", "stop"]


DOCUMENTS = [
    {"title": "A", "url": "https://x.test/a"},
    {"title": 1},
    {"title": "B", "url": "https://x.test/b"},
]
LIST = "\n\n参考文档：\n1. [A](https://x.test/a)\n2. [B](https://x.test/b)\n"
EVENTS: list[dict[str, Any]] = [
    {"content": "你", "finish": False, "model": "gpt-4o", "documents": DOCUMENTS},
    {"content": "好", "finish": False, "model": "gpt-4o"},
    {"content": "", "finish": True, "model": "gpt-4o", "documents": []},
]
STREAM = b"".join(f"data:{json.dumps(told, ensure_ascii=False)}\n\n".encode() for told in EVENTS)
TOLD: list[Delta] = [
    Started(model="gpt-4o"),
    TextDelta("你"),
    TextDelta("好"),
    TextDelta(LIST),
    Finished("stop"),
]


def read(data: bytes, cuts: list[int]) -> tuple[list[Delta], bool]:
    frames, reader = SseFrames(), DIALECT.reader()
    places = sorted({0, len(data), *cuts})
    found = [frame for start, end in pairwise(places) for frame in frames.feed(data[start:end])]
    told = [
        delta
        for frame in [*found, *frames.flush()]
        if frame.data
        for delta in reader.read(frame.data, frame.name)
    ]
    return told, reader.is_done


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_any_cutting_of_the_stream_gives_the_same_deltas(cuts: list[int]) -> None:
    assert read(STREAM, cuts) == (TOLD, True)
    assert read(STREAM + b"data: [DONE]\n\n", cuts) == (TOLD, True)


def test_whole_answer_is_read_with_its_documents_and_no_usage() -> None:
    body = json.dumps({"success": True, "errCode": 0, "answer": "你好", "documents": DOCUMENTS})
    reply = DIALECT.read_answer(body.encode())
    assert replay(reply) == [Started(), TextDelta("你好" + LIST), Finished("stop")]
    assert reply.consumed is None


def test_an_answer_without_documents_stands_alone() -> None:
    assert replay(DIALECT.read_answer(b'{"answer":"a","documents":null}'))[1] == TextDelta("a")
    told, _ = read(b'data: {"content":"a","finish":true}\n\n', [])
    assert told == [Started(), TextDelta("a"), Finished("stop")]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            b'{"success":false,"errCode":403,"message":"no"}',
            b'{"code":"403","message":"no"}',
        ),
        (b'{"success":false,"message":"no"}', b'{"message":"no"}'),
    ],
)
def test_errors_in_disguise_are_found(body: bytes, error: bytes) -> None:
    assert DIALECT.read_answer(body).error == error
    assert DIALECT.reader().read(body) == (Failed(error),)


@pytest.mark.parametrize("nonsense", [b"<html>", b"{}", b"[]", b'{"answer":1}'])
def test_nonsense_is_no_answer(nonsense: bytes) -> None:
    with pytest.raises(BadAnswer):
        DIALECT.read_answer(nonsense)


KEYS = ["answer", "content", "finish", "documents", "title", "url", "errCode", "success"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=JSON)
def test_no_json_breaks_the_reader(value: Any) -> None:
    data = json.dumps(value).encode()
    assert all(isinstance(delta, msgspec.Struct) for delta in DIALECT.reader().read(data))
    with suppress(BadAnswer):
        assert isinstance(DIALECT.read_answer(data), Reply)

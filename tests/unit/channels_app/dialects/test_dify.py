"""Dify's dialect: what the app is asked, what is read, and that cutting the bytes changes
nothing.
"""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects import openai_chat
from channels_app.dialects.consumed import Consumed
from channels_app.dialects.conversation import Conversation
from channels_app.dialects.dialect import Target
from channels_app.dialects.dify import DIALECT
from channels_app.dialects.frames import SseFrames
from channels_app.dialects.reply import (
    BadAnswer,
    CitationDelta,
    Delta,
    Failed,
    Finished,
    ImageDelta,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageDelta,
    replay,
)

ASKED = [{"role": "user", "content": "Hi"}]


def conversation(messages: list[Any], **fields: Any) -> Conversation:
    told = {"messages": messages, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in told.items()}
    return openai_chat.DIALECT.parse_request(raw, "m", bool(fields.get("stream")))


def test_a_single_question_goes_as_it_is() -> None:
    rendered = DIALECT.render_request(conversation(ASKED, user="u"), Target("app"))
    assert rendered.body == {
        "inputs": {},
        "query": "Hi",
        "response_mode": "blocking",
        "user": "u",
        "auto_generate_name": False,
    }
    assert rendered.dropped == []


def test_a_conversation_becomes_a_transcript_and_what_cannot_be_carried_is_named() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
    inline = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What?"}, image, inline]},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "A cat."},
        {"role": "user", "content": "Sure?"},
    ]
    told = conversation(
        messages,
        stream=True,
        tools=[{"type": "function", "function": {"name": "f"}}],
        temperature=0,
        response_format={"type": "json_object"},
    )
    rendered = DIALECT.render_request(told, Target("app", settings={"user_id": "7"}))
    assert rendered.body == {
        "inputs": {},
        "query": "system: Be brief.\nuser: What?\ntool: A cat.\nuser: Sure?",
        "response_mode": "streaming",
        "user": "7",
        "auto_generate_name": False,
        "files": [
            {"type": "image", "transfer_method": "remote_url", "url": "https://x.test/a.png"}
        ],
    }
    assert rendered.dropped == ["image", "tool_calls", "tools", "temperature", "response_format"]


USAGE = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30, "total_price": "0.1"}
SOURCE = {"document_name": "manual.pdf", "content": "passage", "score": 0.9}
METADATA = {"usage": USAGE, "retriever_resources": [SOURCE]}
HEAD = {"message_id": "m1", "conversation_id": "c", "task_id": "t", "created_at": 1705398420}
ANSWER = {"event": "message", **HEAD, "answer": "It rains.", "metadata": METADATA}
CITED = CitationDelta("", "manual.pdf", "passage", "dify", SOURCE)
EVENTS: list[dict[str, Any]] = [
    {"event": "workflow_started", "workflow_run_id": "w", "data": {"id": "w"}},
    {"event": "agent_thought", **HEAD, "id": "h", "thought": ""},
    {"event": "agent_thought", **HEAD, "id": "h", "thought": "I look it up."},
    {"event": "agent_message", **HEAD, "answer": "It "},
    {"event": "message", **HEAD, "answer": "rains."},
    {"event": "agent_thought", **HEAD, "id": "h", "thought": "It rains."},
    {"event": "message_file", **HEAD, "type": "image", "url": "https://x.test/a.png"},
    {"event": "node_finished", "data": {"node_id": "n", "outputs": {}}},
    {"event": "message_end", **HEAD, "metadata": METADATA},
]
TOLD: list[Delta] = [
    Started("m1", "", 1705398420),
    ThinkingDelta("I look it up."),
    TextDelta("It "),
    TextDelta("rains."),
    ImageDelta("", url="https://x.test/a.png"),
    CITED,
    UsageDelta(Consumed(20, 10)),
    Finished("stop"),
]


def sse(events: list[dict[str, Any]]) -> bytes:
    return b"event: ping\n\n".join(f"data: {json.dumps(told)}\n\n".encode() for told in events)


STREAM = sse(EVENTS)


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


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_cutting_of_the_stream_gives_the_same_deltas(cuts: list[int]) -> None:
    assert read(STREAM, cuts) == (TOLD, True)


def test_whole_answer_is_read() -> None:
    assert replay(DIALECT.read_answer(json.dumps(ANSWER).encode())) == [
        Started("m1", "", 1705398420),
        TextDelta("It rains."),
        CITED,
        Finished("stop"),
        UsageDelta(Consumed(20, 10)),
    ]


def test_text_of_a_workflows_node_is_told() -> None:
    told, _ = read(sse([{"event": "text_chunk", "data": {"text": "a"}}]), [])
    assert told == [TextDelta("a")]


def test_moderation_replaces_what_can_still_be_replaced() -> None:
    replaced = {"event": "message_replace", **HEAD, "answer": "No."}
    end = {"event": "message_end", **HEAD}
    told, _ = read(sse([EVENTS[3], replaced, end]), [])
    assert told[1:] == [TextDelta("It "), TextDelta("\n\nNo."), Finished("content_filter")]
    told, _ = read(sse([replaced, end]), [])
    assert told[1:] == [TextDelta("No."), Finished("content_filter")]


def test_errors_and_nonsense_are_told_apart() -> None:
    error = {"event": "error", "status": 400, "code": "quota", "message": "no"}
    assert read(sse([error]), []) == ([Failed(json.dumps(error).encode())], False)
    body = b'{"code":"app_unavailable","message":"no","status":400}'
    assert DIALECT.read_answer(body).error == body
    for nonsense in (b"<html>", b"{}", b"[]", b'{"answer":1}'):
        with pytest.raises(BadAnswer):
            DIALECT.read_answer(nonsense)


def test_usage_that_is_none_is_noticed() -> None:
    answer = {**ANSWER, "metadata": {"usage": {"prompt_tokens": -1}}}
    reply = DIALECT.read_answer(json.dumps(answer).encode())
    assert (reply.consumed, reply.is_usage_bad) == (None, True)


KEYS = ["message_id", "answer", "thought", "metadata", "usage", "data", "text", "url"]
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=JSON, kind=st.sampled_from([told["event"] for told in EVENTS]))
def test_no_json_breaks_the_reader(value: Any, kind: str) -> None:
    told = {**value, "event": kind} if isinstance(value, dict) else value
    deltas = DIALECT.reader().read(json.dumps(told).encode())
    assert all(isinstance(delta, msgspec.Struct) for delta in deltas)
    with suppress(BadAnswer):
        assert isinstance(DIALECT.read_answer(json.dumps(value).encode()), Reply)

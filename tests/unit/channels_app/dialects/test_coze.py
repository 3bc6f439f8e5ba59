"""Coze: what the bot is told, what is read, and that cutting the bytes changes nothing."""

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
from channels_app.dialects.coze import DIALECT
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
    ThinkingDelta,
    UsageDelta,
    collect,
)

ASKED = [{"role": "user", "content": "Hi"}]


def conversation(messages: list[Any], **fields: Any) -> Conversation:
    told = {"messages": messages, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in told.items()}
    return openai_chat.DIALECT.parse_request(raw, "m", bool(fields.get("stream")))


def message(role: str, content: str, kind: str = "text") -> dict[str, str]:
    return {
        "role": role,
        "type": "answer" if role == "assistant" else "question",
        "content_type": kind,
        "content": content,
    }


def test_a_conversation_is_rendered_and_what_cannot_be_carried_is_named() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
    inline = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    file = {"type": "file", "file": {"file_data": "https://x.test/a.pdf"}}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What?"}, image, inline, file]},
        {"role": "assistant", "content": "A cat.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "Miaow"},
        {"role": "user", "content": "Sure?"},
    ]
    told = conversation(
        messages, tools=[{"type": "function", "function": {"name": "f"}}], seed=1, max_tokens=5
    )
    rendered = DIALECT.render_request(told, Target("bot-73"))
    objects = [
        {"type": "text", "text": "What?"},
        {"type": "image", "file_url": "https://x.test/a.png"},
        {"type": "file", "file_url": "https://x.test/a.pdf"},
    ]
    shown = json.dumps(objects, separators=(",", ":"))
    assert rendered.body == {
        "bot_id": "73",
        "user_id": "chatapi",
        "stream": True,
        "auto_save_history": False,
        "additional_messages": [
            message("user", "Be brief."),
            message("user", shown, "object_string"),
            message("assistant", "A cat."),
            message("user", "Miaow"),
            message("user", "Sure?"),
        ],
    }
    assert rendered.dropped == ["image", "tool_calls", "tools", "max_tokens", "seed"]


@pytest.mark.parametrize(
    ("settings", "user", "told"),
    [({"user_id": "7"}, "u", "7"), ({}, "u", "u"), ({}, None, "chatapi")],
)
def test_the_channel_names_the_user_before_the_client(
    settings: dict[str, str], user: str | None, told: str
) -> None:
    target = Target("73", settings=settings)
    rendered = DIALECT.render_request(conversation(ASKED, user=user), target)
    assert (rendered.body["user_id"], rendered.body["bot_id"]) == (told, "73")
    assert rendered.dropped == []


USAGE = {"token_count": 30, "output_count": 10, "input_count": 20}
ANSWER = {"id": "m1", "role": "assistant", "type": "answer", "content_type": "text"}
CREATED = {"id": "c1", "created_at": 1718792949, "status": "created", "usage": {"token_count": 0}}
FINISHED = '{"msg_type":"generate_answer_finish"}'
EVENTS: list[tuple[str, Any]] = [
    ("conversation.chat.created", CREATED),
    ("conversation.chat.in_progress", CREATED),
    ("conversation.message.delta", {**ANSWER, "content": "", "reasoning_content": "hm"}),
    ("conversation.message.delta", {**ANSWER, "content": "星期"}),
    ("conversation.message.delta", {**ANSWER, "content": "三"}),
    ("conversation.audio.delta", {**ANSWER, "content_type": "audio", "content": "aGk="}),
    ("conversation.message.completed", {**ANSWER, "content": "星期三"}),
    ("conversation.message.completed", {**ANSWER, "id": "m2", "content": "。"}),
    ("conversation.message.completed", {**ANSWER, "type": "verbose", "content": FINISHED}),
    ("conversation.message.completed", {**ANSWER, "type": "follow_up", "content": "And?"}),
    ("conversation.chat.completed", {"id": "c1", "usage": USAGE, "last_error": {"code": 0}}),
    ("done", "[DONE]"),
]
TOLD: list[Delta] = [
    Started("c1", "", 1718792949),
    ThinkingDelta("hm"),
    TextDelta("星期"),
    TextDelta("三"),
    TextDelta("。"),
    UsageDelta(Consumed(20, 10)),
    Finished("stop"),
]


def sse(events: list[tuple[str, Any]]) -> bytes:
    return b"".join(
        f"event:{name}\ndata:{json.dumps(data, ensure_ascii=False)}\n\n".encode()
        for name, data in events
    )


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


def test_the_stream_makes_a_whole_answer() -> None:
    reply = collect(read(STREAM, [])[0])
    assert [part.text for part in reply.choices[0].parts] == ["hm", "星期三。"]  # type: ignore[union-attr]
    assert reply.consumed == Consumed(20, 10)


def test_the_end_need_not_be_json() -> None:
    assert read(b"event: done\ndata: [DONE]\n\n", []) == ([], True)


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        (
            "conversation.chat.failed",
            {"id": "c", "last_error": {"code": 702, "msg": "no"}},
            b'{"code":"702","msg":"no"}',
        ),
        ("error", {"code": 4000, "msg": "bad"}, b'{"code":"4000","msg":"bad"}'),
        ("conversation.chat.requires_action", {"id": "c"}, b'{"id":"c"}'),
    ],
)
def test_failures_end_the_answer(name: str, data: Any, error: bytes) -> None:
    assert read(sse([(name, data)]), []) == ([Failed(error)], False)


def test_errors_and_nonsense_are_told_apart() -> None:
    reply = DIALECT.read_answer(b'{"code":4100,"msg":"authentication is invalid"}')
    assert reply.error == b'{"code":"4100","msg":"authentication is invalid"}'
    for nonsense in (b"<html>", b"{}", b"[]", b'{"code":0,"data":{}}', STREAM):
        with pytest.raises(BadAnswer):
            DIALECT.read_answer(nonsense)


@pytest.mark.parametrize("usage", [{"input_count": -1, "output_count": 1}, {"token_count": "x"}])
def test_usage_that_is_none_is_noticed(usage: Any) -> None:
    told, _ = read(sse([("conversation.chat.completed", {"usage": usage})]), [])
    assert told == [UsageDelta(None), Finished("stop")]


KEYS = ["id", "type", "content", "content_type", "usage", "code", "msg", "last_error"]
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=JSON, name=st.sampled_from([name for name, _ in EVENTS] + ["error"]))
def test_no_json_breaks_the_reader(value: Any, name: str) -> None:
    data = json.dumps(value).encode()
    assert all(isinstance(delta, msgspec.Struct) for delta in DIALECT.reader().read(data, name))
    with suppress(BadAnswer):
        assert isinstance(DIALECT.read_answer(data), Reply)

"""Cohere's own dialect: what is asked, what is read, and that cutting the bytes changes nothing."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects import openai_chat
from channels_app.dialects.cohere import DIALECT
from channels_app.dialects.consumed import Consumed
from channels_app.dialects.conversation import Conversation
from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.frames import SseFrames
from channels_app.dialects.reply import (
    BadAnswer,
    CitationDelta,
    Delta,
    Failed,
    Finished,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageDelta,
    collect,
    replay,
)

PNG = "data:image/png;base64,aGk="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "weather", "description": "Tells it", "parameters": SCHEMA}
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Ulm"}'},
}
ASKED = [{"role": "user", "content": "Hi"}]


def conversation(messages: list[Any], **fields: Any) -> Conversation:
    told = {"messages": messages, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in told.items()}
    return openai_chat.DIALECT.parse_request(raw, "m", bool(fields.get("stream")))


def render(messages: list[Any], **fields: Any) -> Rendered:
    return DIALECT.render_request(conversation(messages, **fields), Target("command-a"))


def tool(name: str = "weather", **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {**FUNCTION, "name": name, **fields}}


def test_a_conversation_with_everything_is_rendered() -> None:
    image = {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What?"}, image]},
        {"role": "assistant", "reasoning_content": "I look.", "tool_calls": [CALL]},
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": [{"type": "text", "text": "Rain"}, image],
        },
        {"role": "assistant", "content": "It rains."},
        *ASKED,
    ]
    rendered = render(
        messages,
        tools=[tool(strict=True)],
        tool_choice="required",
        max_completion_tokens=9,
        temperature=0.1,
        top_p=1,
        top_k=900,
        stop=["a"],
        seed=0,
        presence_penalty=0.5,
        reasoning_effort="low",
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        safety_mode="STRICT",
        stream=True,
    )
    shown = {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}
    assert rendered.body == {
        "model": "command-a",
        "stream": True,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What?"}, shown]},
            {"role": "assistant", "tool_plan": "I look.", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
            {"role": "user", "content": [shown]},
            {"role": "assistant", "content": "It rains."},
            {"role": "user", "content": "Hi"},
        ],
        "tools": [tool()],
        "strict_tools": True,
        "tool_choice": "REQUIRED",
        "max_tokens": 9,
        "temperature": 0.1,
        "p": 0.99,
        "k": 500,
        "stop_sequences": ["a"],
        "seed": 0,
        "presence_penalty": 0.5,
        "thinking": {"type": "enabled", "token_budget": 2048},
        "response_format": {"type": "json_object", "schema": SCHEMA},
        "safety_mode": "STRICT",
    }
    assert rendered.dropped == []


@pytest.mark.parametrize(
    ("choice", "names", "told"),
    [
        ("auto", ["weather", "time"], None),
        ("none", ["weather", "time"], "NONE"),
        ({"type": "function", "function": {"name": "time"}}, ["time"], "REQUIRED"),
    ],
)
def test_the_choice_of_tools_is_kept(choice: Any, names: list[str], told: str | None) -> None:
    body = render(ASKED, tools=[tool(), tool("time")], tool_choice=choice).body
    assert [found["function"]["name"] for found in body["tools"]] == names
    assert body.get("tool_choice") == told


def test_what_cannot_be_carried_is_named() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    rendered = render(
        [
            {"role": "user", "content": [audio, {"type": "text", "text": "Hi"}]},
            {"role": "assistant", "reasoning_content": "hm", "content": "Yes"},
            *ASKED,
        ],
        tools=[{"type": "web_search"}, {"type": "custom", "custom": {"name": "c"}}],
        frequency_penalty=-1,
        stop=list("abcdef"),
        logprobs=True,
        logit_bias={"1": 1},
        reasoning_effort="none",
        user="u",
    )
    assert rendered.body["thinking"] == {"type": "disabled"}
    assert "frequency_penalty" not in rendered.body
    assert set(rendered.dropped) == {
        "audio",
        "thinking",
        "web_search",
        "tools",
        "frequency_penalty",
        "stop",
        "logprobs",
        "logit_bias",
        "user",
    }


def test_the_credit_bounds_the_answer() -> None:
    told = conversation(ASKED, max_tokens=100)
    assert DIALECT.render_request(told, Target("m", max_tokens=7)).body["max_tokens"] == 7


USAGE = {
    "billed_units": {"input_tokens": 3.0, "output_tokens": 2.0},
    "tokens": {"input_tokens": 70.0, "output_tokens": 9.0},
    "cached_tokens": 5,
}
CITATION = {
    "start": 0,
    "end": 2,
    "text": "It",
    "sources": [
        {
            "type": "document",
            "id": "d",
            "document": {"title": "T", "url": "https://x.test", "text": "from"},
        }
    ],
}
ANSWER = {
    "id": "a1",
    "finish_reason": "TOOL_CALL",
    "message": {
        "role": "assistant",
        "tool_plan": "I look.",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "It rains."}],
        "tool_calls": [CALL, {**CALL, "id": "c2"}],
        "citations": [CITATION],
    },
    "usage": USAGE,
}
TOLD: list[Delta] = [
    Started("a1"),
    ThinkingDelta("I look."),
    ThinkingDelta("hm"),
    TextDelta("It rains."),
    ToolStarted(0, "c1", "weather"),
    ToolDelta(0, '{"city":"Ulm"}'),
    ToolStarted(1, "c2", "weather"),
    ToolDelta(1, '{"city":"Ulm"}'),
    CitationDelta("https://x.test", "T", "from", "cohere", CITATION),
    UsageDelta(Consumed(70, 9, 5)),
    Finished("tool_calls"),
]


def event(kind: str, index: int = 0, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def begun(index: int, call_id: str) -> dict[str, Any]:
    call = {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": ""}}
    return event("tool-call-start", index, tool_calls=call)


def more(index: int, text: str) -> dict[str, Any]:
    return event("tool-call-delta", index, tool_calls={"function": {"arguments": text}})


EVENTS = [
    {"type": "message-start", "id": "a1", "delta": {"message": {"role": "assistant"}}},
    event("tool-plan-delta", tool_plan="I look."),
    event("content-start", content={"type": "thinking", "thinking": ""}),
    event("content-delta", content={"thinking": "hm"}),
    event("content-end"),
    event("content-start", 1, content={"type": "text", "text": ""}),
    event("content-delta", 1, content={"text": "It rains."}),
    begun(0, "c1"),
    more(0, '{"city":"Ulm"}'),
    {"type": "tool-call-end", "index": 0},
    begun(1, "c2"),
    more(1, '{"city":"Ulm"}'),
    event("citation-start", citations=CITATION),
    {"type": "citation-end", "index": 0},
    {"type": "future", "delta": 1},
    {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": USAGE}},
]


def sse(events: list[dict[str, Any]]) -> bytes:
    return b"".join(
        f"event: {told['type']}\ndata: {json.dumps(told)}\n\n".encode() for told in events
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


def test_whole_answer_says_the_same_as_the_stream() -> None:
    reply = DIALECT.read_answer(json.dumps(ANSWER).encode())
    assert reply.choices[0].citations == [TOLD[8]]
    assert reply.consumed == Consumed(70, 9, 5)
    streamed = collect(TOLD)
    assert [d for d in replay(reply) if not isinstance(d, ThinkingDelta)] == [
        d for d in replay(streamed) if not isinstance(d, ThinkingDelta)
    ]


@pytest.mark.parametrize(
    ("usage", "consumed", "is_bad"),
    [
        ({"billed_units": {"input_tokens": 3, "output_tokens": 2}}, Consumed(3, 2), False),
        ({"tokens": {"input_tokens": -3}}, None, True),
        ({}, None, True),
        (None, None, False),
    ],
)
def test_usage_is_told_in_tokens_or_billed_units(
    usage: Any, consumed: Consumed | None, *, is_bad: bool
) -> None:
    reply = DIALECT.read_answer(json.dumps({**ANSWER, "usage": usage}).encode())
    assert (reply.consumed, reply.is_usage_bad) == (consumed, is_bad)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [("COMPLETE", "stop"), ("STOP_SEQUENCE", "stop"), ("MAX_TOKENS", "length"), ("NEW", "stop")],
)
def test_finish_reasons_are_understood(wire: str, reason: str) -> None:
    answer = {**ANSWER, "finish_reason": wire}
    assert DIALECT.read_answer(json.dumps(answer).encode()).choices[0].finish == reason


def test_a_generation_that_failed_is_an_error() -> None:
    ended = {"finish_reason": "ERROR", "error": "gone", "usage": USAGE}
    told, is_done = read(sse([{"type": "message-end", "delta": ended}]), [])
    error = b'{"message":"gone","type":"ERROR"}'
    assert (told, is_done) == ([UsageDelta(Consumed(70, 9, 5)), Failed(error)], True)
    whole = DIALECT.read_answer(json.dumps({**ANSWER, "finish_reason": "TIMEOUT"}).encode())
    assert b"TIMEOUT" in whole.error


def test_errors_and_nonsense_are_told_apart() -> None:
    body = b'{"message":"invalid api token"}'
    assert DIALECT.read_answer(body).error == body
    for nonsense in (b"<html>", b"{}", b"[]", b'{"message":1}'):
        with pytest.raises(BadAnswer):
            DIALECT.read_answer(nonsense)


KEYS = ["delta", "message", "content", "tool_calls", "function", "citations", "sources", "usage"]
KINDS = st.sampled_from([told["type"] for told in EVENTS])
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=JSON, kind=KINDS)
def test_no_json_breaks_the_reader(value: Any, kind: str) -> None:
    told = {**value, "type": kind} if isinstance(value, dict) else value
    deltas = DIALECT.reader().read(json.dumps(told).encode())
    assert all(isinstance(delta, msgspec.Struct) for delta in deltas)
    with suppress(BadAnswer):
        assert isinstance(DIALECT.read_answer(json.dumps(value).encode()), Reply)

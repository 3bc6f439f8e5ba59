"""Ollama's own dialect: what is asked, what is read, and that cutting the bytes changes nothing."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects import lines, openai_chat
from channels_app.dialects.consumed import Consumed
from channels_app.dialects.conversation import Conversation
from channels_app.dialects.dialect import Rendered, Target
from channels_app.dialects.lines import LineSplitter
from channels_app.dialects.ollama import DIALECT
from channels_app.dialects.reply import (
    BadAnswer,
    Delta,
    Failed,
    Finished,
    LogprobsDelta,
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
from channels_app.dialects.sse import EventTooLong

PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"name": "weather", "description": "Tells it", "parameters": SCHEMA}
ASKED = [{"role": "user", "content": "Hi"}]


def conversation(messages: list[Any], **fields: Any) -> Conversation:
    told = {"messages": messages, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in told.items()}
    return openai_chat.DIALECT.parse_request(raw, "m", bool(fields.get("stream")))


def render(messages: list[Any], model: str = "qwen3", **fields: Any) -> Rendered:
    return DIALECT.render_request(conversation(messages, **fields), Target(model))


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


EVERYTHING: list[Any] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What?"}, PNG]},
    {
        "role": "assistant",
        "reasoning_content": "I look.",
        "tool_calls": [call("1", "weather", '{"city":"Ulm"}'), call("2", "time", "now")],
    },
    {"role": "tool", "tool_call_id": "1", "content": "Rain"},
    {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "5"}, PNG]},
]

RENDERED = {
    "model": "qwen3",
    "stream": True,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What?", "images": ["aGk="]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "I look.",
            "tool_calls": [
                {"id": "1", "function": {"name": "weather", "arguments": {"city": "Ulm"}}},
                {"id": "2", "function": {"name": "time", "arguments": {"input": "now"}}},
            ],
        },
        {"role": "tool", "tool_name": "weather", "tool_call_id": "1", "content": "Rain"},
        {"role": "tool", "tool_name": "time", "tool_call_id": "2", "content": "5"},
        {"role": "user", "content": "", "images": ["aGk="]},
    ],
    "tools": [{"type": "function", "function": WEATHER}],
    "options": {
        "num_ctx": 4096,
        "num_predict": 9,
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 3,
        "stop": ["END"],
        "seed": 1,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.25,
    },
    "format": SCHEMA,
    "think": True,
    "logprobs": True,
    "top_logprobs": 2,
    "keep_alive": "5m",
}


def test_a_conversation_with_everything_is_rendered() -> None:
    rendered = render(
        EVERYTHING,
        tools=[{"type": "function", "function": WEATHER}],
        max_tokens=9,
        temperature=0,
        top_p=0.5,
        top_k=3,
        stop="END",
        seed=1,
        presence_penalty=0.5,
        frequency_penalty=0.25,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        reasoning_effort="high",
        logprobs=True,
        top_logprobs=2,
        keep_alive="5m",
        options={"num_ctx": 4096, "seed": 7},
        stream=True,
    )
    assert rendered.body == RENDERED
    assert rendered.dropped == []


def test_a_whole_answer_must_be_asked_for() -> None:
    assert render(ASKED).body == {
        "model": "qwen3",
        "stream": False,
        "messages": [{"role": "user", "content": "Hi"}],
    }


@pytest.mark.parametrize(
    ("model", "effort", "think"),
    [
        ("qwen3", "none", False),
        ("qwen3", "low", True),
        ("gpt-oss:20b", "none", "low"),
        ("gpt-oss:20b", "medium", "medium"),
        ("gpt-oss:20b", "xhigh", "high"),
    ],
)
def test_thinking_is_a_switch_or_a_level(model: str, effort: str, think: Any) -> None:
    assert render(ASKED, model, reasoning_effort=effort).body["think"] is think or (
        render(ASKED, model, reasoning_effort=effort).body["think"] == think
    )


@pytest.mark.parametrize(
    ("choice", "names", "dropped"),
    [
        ("auto", ["weather", "time"], []),
        ("none", [], []),
        ("required", ["weather", "time"], ["tool_choice"]),
        ({"type": "function", "function": {"name": "time"}}, ["time"], ["tool_choice"]),
    ],
)
def test_tools_are_left_out_where_no_choice_can_be_told(
    choice: Any, names: list[str], dropped: list[str]
) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("weather", "time")]
    rendered = render(ASKED, tools=tools, tool_choice=choice)
    found = [tool["function"]["name"] for tool in rendered.body.get("tools", [])]
    assert (found, rendered.dropped) == (names, dropped)


def test_what_cannot_be_carried_is_named() -> None:
    content = [
        {"type": "text", "text": "Hi"},
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
    ]
    rendered = render([{"role": "user", "content": content}], n=2, logit_bias={"1": 1}, user="u")
    assert rendered.body["messages"] == [{"role": "user", "content": "Hi"}]
    assert set(rendered.dropped) == {"image", "audio", "n", "logit_bias", "user"}


LOGPROBS = [{"token": "It", "logprob": -0.5, "bytes": [73, 116]}]
END = {"done": True, "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 7}
CHUNKS: list[dict[str, Any]] = [
    {"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False},
    {"message": {"role": "assistant", "content": "It "}, "logprobs": LOGPROBS, "done": False},
    {"message": {"role": "assistant", "content": "rains ☔."}, "done": False},
    {
        "message": {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"function": {"name": "weather", "arguments": {"city": "Ulm"}}},
                {"id": "x", "function": {"name": "time", "arguments": {}}},
            ],
        },
        "done": False,
    },
    {"message": {"role": "assistant", "content": ""}, **END},
]
STREAM = b"\n".join(
    json.dumps({"model": "qwen3", **chunk}, ensure_ascii=False).encode() for chunk in CHUNKS
)
TOLD: list[Delta] = [
    Started(model="qwen3"),
    ThinkingDelta("hm"),
    TextDelta("It "),
    LogprobsDelta({"content": LOGPROBS, "refusal": None}),
    TextDelta("rains ☔."),
    ToolStarted(0, "call_0", "weather"),
    ToolDelta(0, '{"city":"Ulm"}'),
    ToolStarted(1, "x", "time"),
    ToolDelta(1, "{}"),
    UsageDelta(Consumed(11, 7)),
    Finished("tool_calls"),
]


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_cutting_of_the_stream_gives_the_same_deltas(cuts: list[int]) -> None:
    splitter, reader = LineSplitter(), DIALECT.reader()
    places = sorted({0, len(STREAM), *cuts})
    found = [line for start, end in pairwise(places) for line in splitter.feed(STREAM[start:end])]
    told = [delta for line in [*found, splitter.flush()] for delta in reader.read(line)]
    assert (told, reader.is_done) == (TOLD, True)


def test_whole_answer_says_the_same_as_the_stream() -> None:
    message = {
        "role": "assistant",
        "thinking": "hm",
        "content": "It rains ☔.",
        "tool_calls": CHUNKS[3]["message"]["tool_calls"],
    }
    body = json.dumps({"model": "qwen3", "message": message, "logprobs": LOGPROBS, **END})
    assert replay(DIALECT.read_answer(body.encode())) == replay(collect(TOLD))


@pytest.mark.parametrize(
    ("told", "reason", "consumed"),
    [
        ({"done_reason": "length", "eval_count": 7}, "length", Consumed(0, 7)),
        ({"done_reason": "load"}, "stop", None),
        ({"prompt_eval_count": 3.0}, "stop", Consumed(3, 0)),
    ],
)
def test_ends_are_understood(told: Any, reason: str, consumed: Consumed | None) -> None:
    body = {"message": {"content": ""}, "done": True, **told}
    reply = DIALECT.read_answer(json.dumps(body).encode())
    assert (reply.choices[0].finish, reply.consumed) == (reason, consumed)


def test_errors_and_nonsense_are_told_apart() -> None:
    body = b'{"error":"model not found"}'
    assert DIALECT.read_answer(body).error == body
    assert DIALECT.reader().read(body) == (Failed(body),)
    for nonsense in (b"<html>", b"{}", b"[]", b'{"message":1}', STREAM):
        with pytest.raises(BadAnswer):
            DIALECT.read_answer(nonsense)


KEYS = ["message", "content", "tool_calls", "function", "name", "arguments", "logprobs", "done"]
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


@given(data=st.text("a{\r\n ", max_size=40), cuts=st.lists(st.integers(0, 40)))
def test_lines_are_the_same_however_they_arrive(data: str, cuts: list[int]) -> None:
    splitter = LineSplitter()
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    found = [
        line for start, end in pairwise(places) for line in splitter.feed(data[start:end].encode())
    ]
    rest = splitter.flush()
    assert found + [rest] * bool(rest) == [
        line.strip().encode() for line in data.split("\n") if line.strip()
    ]


def test_line_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_LINE_BYTES", 100)
    splitter = LineSplitter()
    for _ in range(10):
        assert splitter.feed(b"x" * 10) == []
    with pytest.raises(EventTooLong):
        splitter.feed(b"x")

"""Answers of Bedrock's Converse are the same whole, streamed, and however the stream is cut."""

import json
import struct
from contextlib import suppress
from itertools import pairwise
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects.aws_frames import AwsSplitter
from channels_app.dialects.consumed import Consumed
from channels_app.dialects.converse import DIALECT
from channels_app.dialects.reply import (
    BadAnswer,
    CitationDelta,
    Delta,
    Failed,
    Finished,
    ImageDelta,
    RedactedDelta,
    Reply,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageDelta,
    collect,
    replay,
)

USAGE = {
    "inputTokens": 10,
    "outputTokens": 5,
    "totalTokens": 121,
    "cacheReadInputTokens": 100,
    "cacheWriteInputTokens": 6,
    "cacheDetails": [{"inputTokens": 4, "ttl": "1h"}, {"inputTokens": 2, "ttl": "5m"}],
}
CONSUMED = Consumed(
    prompt_tokens=116,
    completion_tokens=5,
    cached_tokens=100,
    cache_write_5m_tokens=2,
    cache_write_1h_tokens=4,
)
CITATION = {
    "title": "T",
    "sourceContent": [{"text": "from"}],
    "location": {"web": {"url": "https://x.test", "domain": "x.test"}},
}
CITED = CitationDelta("https://x.test", "T", "from", "converse", CITATION)
ANSWER = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                {"reasoningContent": {"redactedContent": "cg=="}},
                {"citationsContent": {"content": [{"text": "It rains."}], "citations": [CITATION]}},
                {"image": {"format": "png", "source": {"bytes": "aGk="}}},
                {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Ulm"}}},
                {"toolUse": {"toolUseId": "t2", "name": "weather", "input": {}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "additionalModelResponseFields": {"stop_sequence": "END"},
    "usage": USAGE,
}
TOLD: list[Delta] = [
    Started(),
    ThinkingDelta("hm"),
    SignatureDelta("s"),
    RedactedDelta("cg=="),
    TextDelta("It rains."),
    ImageDelta("image/png", "aGk="),
    ToolStarted(0, "t1", "weather"),
    ToolDelta(0, '{"city":"Ulm"}'),
    ToolStarted(1, "t2", "weather"),
    ToolDelta(1, "{}"),
    CITED,
    Finished("tool_calls", "END"),
    UsageDelta(CONSUMED),
]


def start(index: int, **told: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockStart", {"contentBlockIndex": index, "start": told}


def more(index: int, **told: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": told}


def stop(index: int) -> tuple[str, dict[str, Any]]:
    return "contentBlockStop", {"contentBlockIndex": index}


EVENTS = [
    ("messageStart", {"role": "assistant", "p": "abc"}),
    more(0, reasoningContent={"text": "hm"}),
    more(0, reasoningContent={"signature": "s"}),
    stop(0),
    more(1, reasoningContent={"redactedContent": "cg=="}),
    more(2, text="It rains."),
    start(3, image={"format": "png"}),
    more(3, image={"source": {"bytes": "aA=="}}),
    more(3, image={"source": {"bytes": "aQ=="}}),
    stop(3),
    start(4, toolUse={"toolUseId": "t1", "name": "weather"}),
    more(4, toolUse={"input": '{"city":"Ulm"}'}),
    start(5, toolUse={"toolUseId": "t2", "name": "weather"}),
    more(5, toolUse={"input": "{}"}),
    more(2, citation=CITATION),
    ("futureEvent", {"a": 1}),
    ("messageStop", {key: ANSWER[key] for key in ("stopReason", "additionalModelResponseFields")}),
    ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
]


def frame(name: str, payload: dict[str, Any], kind: str = "event") -> bytes:
    headers = b""
    for key, value in ((":message-type", kind), (f":{kind}-type", name)):
        headers += bytes([len(key)]) + key.encode() + b"\x07"
        headers += struct.pack(">H", len(value)) + value.encode()
    data = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + data
    return message + struct.pack(">I", crc32(message))


STREAM = b"".join(frame(name, payload) for name, payload in EVENTS)


def test_whole_answer_is_read() -> None:
    reply = DIALECT.read_answer(json.dumps(ANSWER).encode())
    assert replay(reply) == TOLD


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_cutting_of_the_stream_gives_the_same_deltas(cuts: list[int]) -> None:
    splitter, reader = AwsSplitter(), DIALECT.reader()
    places = sorted({0, len(STREAM), *cuts})
    messages = [m for start, end in pairwise(places) for m in splitter.feed(STREAM[start:end])]
    told = [delta for message in messages for delta in reader.read(message.payload, message.name)]
    assert told == TOLD
    assert reader.is_done
    assert replay(collect(told)) == TOLD


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("model_context_window_exceeded", "context"),
        ("something_new", "stop"),
    ],
)
def test_stop_reasons_are_understood(wire: str, reason: str) -> None:
    answer = {**ANSWER, "stopReason": wire}
    assert DIALECT.read_answer(json.dumps(answer).encode()).choices[0].finish == reason


def test_exceptions_fail_the_stream_by_their_name() -> None:
    (message,) = AwsSplitter().feed(frame("throttlingException", {"message": "slow"}, "exception"))
    (failed,) = DIALECT.reader().read(message.payload, message.name)
    assert isinstance(failed, Failed)
    assert json.loads(failed.body) == {"message": "slow", "type": "throttlingException"}


def test_errors_and_nonsense_are_told_apart() -> None:
    body = b'{"message":"The model is not there"}'
    assert DIALECT.read_answer(body).error == body
    for nonsense in (b"<html>", b"{}", b"[]", b'{"output":{"message":{"content":1}}}'):
        with pytest.raises(BadAnswer):
            DIALECT.read_answer(nonsense)


def test_usage_that_is_none_is_noticed() -> None:
    answer = {**ANSWER, "usage": {"inputTokens": -1}}
    reply = DIALECT.read_answer(json.dumps(answer).encode())
    assert (reply.consumed, reply.is_usage_bad) == (None, True)


KEYS = ["start", "delta", "toolUse", "text", "usage", "output", "message", "content", "source"]
KEYS += ["reasoningContent", "image", "citation", "contentBlockIndex", "bytes"]
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=JSON, name=st.sampled_from([name for name, _ in EVENTS]))
def test_no_json_breaks_the_reader(value: Any, name: str) -> None:
    data = json.dumps(value).encode()
    assert all(isinstance(delta, msgspec.Struct) for delta in DIALECT.reader().read(data, name))
    with suppress(BadAnswer):
        assert isinstance(DIALECT.read_answer(data), Reply)

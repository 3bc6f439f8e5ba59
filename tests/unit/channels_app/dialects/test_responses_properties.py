"""What holds for any Responses request and stream."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.conversation import BadConversation, Thinking
from channels_app.dialects.dialect import Target, WriteOptions
from channels_app.dialects.frames import SseFrames
from channels_app.dialects.openai_chat import DIALECT as CHAT
from channels_app.dialects.reply import (
    BadAnswer,
    Choice,
    Delta,
    Finished,
    ImageDelta,
    OpaqueDelta,
    RedactedDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageDelta,
    collect,
)
from channels_app.dialects.responses import DIALECT

OPTIONS = WriteOptions("resp_1", "gpt", 1700000000)
WORDS = st.text(min_size=1, max_size=6)
NAMES = st.text("abc", min_size=1, max_size=3)
COUNTS = st.integers(0, 1000)


@st.composite
def calls(draw: st.DrawFn) -> list[Delta]:
    """Parallel calls, their arguments in any order; the index is set when they are strung
    together.
    """
    started: list[Delta] = [
        ToolStarted(index, draw(NAMES), draw(NAMES), is_custom=draw(st.booleans()))
        for index in range(draw(st.integers(1, 3)))
    ]
    pieces = [ToolDelta(index, draw(WORDS)) for index in range(len(started))]
    pieces += [ToolDelta(i, draw(WORDS)) for i in draw(st.lists(st.integers(0, len(started) - 1)))]
    return started + list(draw(st.permutations(pieces)))


GROUPS = st.one_of(
    st.lists(WORDS.map(TextDelta), min_size=1, max_size=3),
    st.lists(WORDS.map(RefusalDelta), min_size=1, max_size=3),
    st.builds(lambda a, b: [ThinkingDelta(a), ThinkingDelta(b)], WORDS, WORDS),
    st.builds(lambda a, b, c: [ThinkingDelta(a), SignatureDelta(b, c)], WORDS, NAMES, NAMES),
    st.builds(lambda a, b: [SignatureDelta(a, b)], NAMES, NAMES),
    NAMES.map(lambda data: [RedactedDelta(data)]),
    NAMES.map(lambda data: [ImageDelta("image/png", data)]),
    NAMES.map(lambda name: [OpaqueDelta("responses", {"type": "mcp_call", "id": name})]),
    calls(),
)


def renumbered(groups: Sequence[list[Delta]]) -> list[Delta]:
    """Calls of one answer are counted from 0 through all groups."""
    deltas: list[Delta] = []
    first = 0
    for group in groups:
        for delta in group:
            if isinstance(delta, ToolStarted | ToolDelta):
                deltas.append(msgspec.structs.replace(delta, index=delta.index + first))
            else:
                deltas.append(delta)
        first += sum(isinstance(delta, ToolStarted) for delta in group)
    return deltas


def read(pieces: Sequence[bytes]) -> list[Delta]:
    frames, reader = SseFrames(), DIALECT.reader()
    found = [frame for piece in pieces for frame in frames.feed(piece)] + frames.flush()
    return [delta for frame in found if frame.data for delta in reader.read(frame.data, frame.name)]


def nameless(choice: Choice) -> Choice:
    """Thoughts get names of ours."""
    for part in choice.parts:
        if isinstance(part, Thinking):
            part.id = ""
    return choice


@given(st.lists(GROUPS, max_size=5), st.sampled_from(["stop", "length", "content_filter"]), COUNTS)
def test_what_is_written_is_read_again(groups: list[list[Delta]], finish: Any, count: int) -> None:
    said = renumbered(groups)
    has_calls = any(isinstance(delta, ToolStarted) for delta in said)
    finish = "tool_calls" if has_calls and finish == "stop" else finish
    used = UsageDelta(Consumed(count, count + 1, cached_tokens=count, reasoning_tokens=1))
    deltas = [Started("resp_1", "m", 5), *said, Finished(finish), used]
    writer = DIALECT.writer(OPTIONS)
    stream = b"".join(writer.write([delta]) for delta in deltas) + writer.end()
    there, back = collect(deltas), collect(read([stream]))
    whole = DIALECT.read_answer(DIALECT.write_answer(there, OPTIONS))
    assert [nameless(c) for c in back.choices] == [nameless(c) for c in there.choices]
    assert (back.id, back.model, back.created, back.consumed) == ("resp_1", "m", 5, used.consumed)
    assert [nameless(c) for c in whole.choices] == there.choices


@given(st.lists(GROUPS, max_size=4), st.lists(st.integers(0, 10_000), max_size=8))
def test_how_the_bytes_are_cut_changes_nothing(groups: list[list[Delta]], cuts: list[int]) -> None:
    writer = DIALECT.writer(OPTIONS)
    stream = writer.write([*renumbered(groups), Finished("stop")]) + writer.end()
    marks = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    pieces = [stream[a:b] for a, b in pairwise(marks)]
    assert read(pieces) == read([stream])


FIELDS = [
    "type",
    "role",
    "content",
    "text",
    "input",
    "output",
    "summary",
    "encrypted_content",
    "id",
    "call_id",
    "name",
    "arguments",
    "item",
    "response",
    "delta",
    "status",
    "error",
    "usage",
    "output_index",
    "annotation",
    "annotations",
    "logprobs",
    "image_url",
    "file_data",
    "file_url",
    "file_id",
    "input_audio",
    "refusal",
    "output_tokens",
    "input_tokens",
    "format",
    "effort",
]
KINDS = [
    "message",
    "reasoning",
    "function_call",
    "custom_tool_call",
    "function_call_output",
    "input_text",
    "output_text",
    "refusal",
    "input_image",
    "input_file",
    "input_audio",
    "item_reference",
    "web_search_call",
    "function",
    "custom",
    "user",
    "assistant",
    "image_generation_call",
    "completed",
    "failed",
    "json_schema",
    "allowed_tools",
    "url_citation",
]
JSON = st.recursive(
    st.one_of(
        st.sampled_from(KINDS), st.none(), st.booleans(), st.integers(), st.floats(0, 9), WORDS
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    ),
    max_leaves=25,
)
TOP = [
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "reasoning",
    "text",
    "include",
    "metadata",
    "temperature",
    "user",
    "max_output_tokens",
    "parallel_tool_calls",
    "prompt",
    "service_tier",
    "stream_options",
]


@given(st.dictionaries(st.sampled_from(TOP), JSON, max_size=5), st.sampled_from(KINDS))
def test_any_request_is_understood_or_refused(body: dict[str, Any], kind: str) -> None:
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
    try:
        told = DIALECT.parse_request(fields, "m", False)  # noqa: FBT003 -- Dialect.parse_request
    except BadConversation:
        return
    for dialect, provider in ((DIALECT, "openai"), (DIALECT, "perplexity"), (CHAT, "openai")):
        body = dialect.render_request(told, Target("m", provider)).body
        assert msgspec.json.decode(msgspec.json.encode(body))["model"] == "m"
    options = WriteOptions("1", "m", 1, request=told)
    assert DIALECT.writer(options).write([TextDelta(kind)])


EVENTS = [
    "created",
    "completed",
    "failed",
    "incomplete",
    "output_text.delta",
    "output_text.done",
    "refusal.delta",
    "reasoning_text.delta",
    "reasoning_summary_text.delta",
    "function_call_arguments.delta",
    "function_call_arguments.done",
    "custom_tool_call_input.done",
    "output_text.annotation.added",
    "output_item.added",
    "output_item.done",
    "future",
]


@given(
    st.lists(
        st.tuples(st.sampled_from(EVENTS), st.dictionaries(st.sampled_from(FIELDS), JSON)),
        max_size=4,
    )
)
def test_any_event_is_heard_or_ignored(events: list[tuple[str, dict[str, Any]]]) -> None:
    reader = DIALECT.reader()
    writer = DIALECT.writer(OPTIONS)
    for kind, fields in events:
        data = json.dumps({**fields, "type": f"response.{kind}"}).encode()
        try:
            writer.write(reader.read(data))
        except msgspec.ValidationError:
            continue
    assert writer.end()


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_answer_is_read_or_refused(body: dict[str, Any]) -> None:
    try:
        reply = DIALECT.read_answer(json.dumps(body).encode())
    except BadAnswer:
        return
    assert json.loads(DIALECT.write_answer(reply, OPTIONS))["object"] == "response"

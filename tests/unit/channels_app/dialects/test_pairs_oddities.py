"""What single providers do otherwise than their dialect says, and what few clients ask for."""

import json
from typing import Any

import msgspec
import pytest

from channels_app.dialects.conversation import BadConversation, Conversation, ToolCall, ToolResult
from channels_app.dialects.dialect import Target, WriteOptions
from channels_app.dialects.openai_chat import DIALECT as OPENAI
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import (
    AudioDelta,
    Choice,
    CitationDelta,
    Delta,
    ImageDelta,
    LogprobsDelta,
    Reply,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    collect,
)
from tests.unit.channels_app.dialects.pairs.valid import read_valid

OPTIONS = WriteOptions("chatcmpl-1", "m", 7)


def hear(*deltas: dict[str, Any]) -> list[Delta]:
    """What an OpenAI stream of these changes tells, without its start."""
    reader = OPENAI.reader()
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    told = [delta for one in chunks for delta in reader.read(json.dumps(one).encode())]
    return [delta for delta in told if not isinstance(delta, Started)]


def call(
    index: int | None, call_id: str | None, name: str | None, arguments: str
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": call_id, "function": function}]}


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(
            [call(0, "a", "f", "{"), call(0, None, None, "}"), call(1, "b", "g", "{}")], id="usual"
        ),
        pytest.param(
            [call(1, "a", "f", "{"), call(1, None, None, "}"), call(2, "b", "g", "{}")],
            id="counted from 1",
        ),
        pytest.param(
            [call(None, "a", "f", "{"), call(None, None, None, "}"), call(None, "b", "g", "{}")],
            id="not counted",
        ),
        pytest.param([call(0, "a", "f", "{}"), call(0, "b", "g", "{}")], id="all the first"),
        pytest.param(
            [call(0, "a", "f", "{"), call(0, "a", "f", "}"), call(1, "b", "g", "{}")],
            id="named in every piece",
        ),
        pytest.param(
            [call(0, "a", "f", "{"), call(0, "z", None, "}"), call(1, "b", "g", "{}")],
            id="another id in every piece",
        ),
    ],
)
def test_calls_are_told_apart(pieces: list[dict[str, Any]]) -> None:
    (choice,) = collect(hear(*pieces)).choices
    assert choice.parts == [ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}")]
    started = [delta for delta in hear(*pieces) if isinstance(delta, ToolStarted)]
    assert [delta.index for delta in started] == [0, 1]


@pytest.mark.parametrize("client", ["openai", "responses", "anthropic"])
def test_calls_without_names_get_names_of_their_own(client: str) -> None:
    dialect = find_dialect(client)
    deltas: list[Delta] = [
        ToolStarted(0, "", "f"),
        ToolDelta(0, "{}"),
        ToolStarted(1, "", "f"),
        ToolDelta(1, "{}"),
    ]
    writer = dialect.writer(OPTIONS)
    streamed = writer.write(deltas) + writer.end()
    events = [
        json.dumps(event).encode() for event in read_valid(client, streamed) if event != "[DONE]"
    ]
    reader = dialect.reader()
    (told,) = collect([delta for event in events for delta in reader.read(event)]).choices
    (whole,) = dialect.read_answer(dialect.write_answer(collect(deltas), OPTIONS)).choices
    names = [part.id for part in told.parts if isinstance(part, ToolCall)]
    assert all(names)
    assert len(set(names)) == 2
    assert [part.id for part in whole.parts if isinstance(part, ToolCall)] == names


def test_free_text_calls_stay_free_text_in_a_stream() -> None:
    writer = OPENAI.writer(OPTIONS)
    told = writer.write([ToolStarted(0, "a", "g", is_custom=True), ToolDelta(0, "free {")])
    reader = OPENAI.reader()
    events = [event for event in read_valid("openai", told + writer.end()) if event != "[DONE]"]
    deltas = [delta for event in events for delta in reader.read(json.dumps(event).encode())]
    assert collect(deltas).choices[0].parts == [ToolCall("a", "g", "free {", is_custom=True)]


def test_choices_are_not_counted_into_the_sky() -> None:
    reader = OPENAI.reader()
    choices = [{"index": index, "delta": {"content": "a"}} for index in (-1, 10**9)]
    told = collect(reader.read(json.dumps({"choices": choices}).encode()))
    assert [choice.parts for choice in told.choices] == [
        choice.parts for choice in told.choices[:2]
    ]
    assert len(told.choices) == 2


@pytest.mark.parametrize("content", [5, {"text": "a"}, True, [5, {"text": None}]])
def test_content_of_another_type_is_no_text(content: Any) -> None:
    assert hear({"content": content}) == []


def test_an_answer_keeps_its_name() -> None:
    writer = OPENAI.writer(OPTIONS)
    told = writer.write(
        [Started("a", "m1", 1), TextDelta("x"), Started("b", "m2", 2), TextDelta("y")]
    )
    chunks = [one for one in read_valid("openai", told + writer.end()) if isinstance(one, dict)]
    assert {(chunk["id"], chunk["model"]) for chunk in chunks} == {("a", "m1")}


@pytest.mark.parametrize("client", ["openai", "anthropic", "responses"])
def test_source_without_an_address_is_left_out(client: str) -> None:
    citation = CitationDelta("", "a.pdf", "quote", "elsewhere", {"page": 1})
    writer = find_dialect(client).writer(OPTIONS)
    told = writer.write([TextDelta("x"), citation]) + writer.end()
    read_valid(client, told)
    whole = find_dialect(client).write_answer(collect([TextDelta("x"), citation]), OPTIONS)
    assert b"a.pdf" not in told + whole


@pytest.mark.parametrize("client", ["anthropic", "responses"])
def test_what_a_sound_says_and_where_a_picture_lies_is_told_in_words(client: str) -> None:
    deltas: list[Delta] = [
        AudioDelta("AAAA", "hello", "a", "wav"),
        ImageDelta("image/png", url="https://x/y.png"),
    ]
    writer = find_dialect(client).writer(OPTIONS)
    told = writer.write(deltas) + writer.end()
    read_valid(client, told)
    for data in (told, find_dialect(client).write_answer(collect(deltas), OPTIONS)):
        assert b"hello" in data
        assert b"![image](https://x/y.png)" in data


def test_probabilities_of_all_pieces_are_kept_and_no_piece_is_changed() -> None:
    pieces = [LogprobsDelta({"content": [{"token": text}], "refusal": None}) for text in "abc"]
    assert collect(pieces).choices[0].logprobs == {
        "content": [{"token": "a"}, {"token": "b"}, {"token": "c"}],
        "refusal": None,
    }
    assert [piece.value["content"] for piece in pieces] == [[{"token": text}] for text in "abc"]


# --- Requests ---


def understand(**fields: Any) -> Conversation:
    body = {"messages": [{"role": "user", "content": "a"}], **fields}
    raw = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    return OPENAI.parse_request(raw, "m", False)  # noqa: FBT003 -- Dialect.parse_request


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reasoning": {"effort": {}}}, "reasoning.effort"),
        ({"reasoning": {"max_tokens": "x"}}, "reasoning.max_tokens"),
    ],
)
def test_wrong_types_are_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadConversation) as caught:
        understand(**fields)
    assert caught.value.field == field


def test_strange_names_among_allowed_tools_are_ignored() -> None:
    tools = [{"type": {}}, {"type": "function", "function": {"name": "f"}}, 5, {"name": "g"}]
    told = understand(
        tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": tools}}
    )
    assert told.tool_choice is not None
    assert told.tool_choice.names == ["f", "g"]


def test_pictures_that_a_tool_showed_stay_with_it_in_the_same_dialect_only() -> None:
    content = [
        {"type": "text", "text": "t"},
        {"type": "image_url", "image_url": {"url": "https://x/a"}},
    ]
    asked = understand(
        messages=[
            {"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f"}}]},
            {"role": "tool", "tool_call_id": "c", "content": content},
        ]
    )
    own = OPENAI.render_request(asked, Target("m", "openai")).body["messages"]
    assert own[2] == {"role": "tool", "tool_call_id": "c", "content": content}
    asked.dialect = "anthropic"
    foreign = OPENAI.render_request(asked, Target("m", "openai")).body["messages"]
    assert [message["role"] for message in foreign] == ["user", "assistant", "tool", "user"]


def test_perplexity_gets_nothing_that_it_does_not_know() -> None:
    pieces = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://x/a"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE"}},
    ]
    asked = understand(messages=[{"role": "user", "content": pieces}], logprobs=True)
    rendered = find_dialect("responses").render_request(asked, Target("sonar", "perplexity"))
    (message,) = rendered.body["input"]
    assert [piece["type"] for piece in message["content"]] == ["input_text", "input_image"]
    assert {"input_file", "logprobs"} <= set(rendered.dropped)


@pytest.mark.parametrize(("kind", "is_asked"), [("openai", True), ("groq", False)])
def test_probabilities_are_asked_for_in_the_words_of_responses(
    kind: str, *, is_asked: bool
) -> None:
    rendered = find_dialect("responses").render_request(
        understand(logprobs=True), Target("m", kind)
    )
    assert ("message.output_text.logprobs" in rendered.body.get("include", ())) == is_asked
    assert ("logprobs" in rendered.dropped) != is_asked


def test_result_belongs_to_the_first_open_call_of_its_name() -> None:
    """Many calls by one name are answered in their order."""
    called = [{"functionCall": {"name": "f", "args": {"n": number}}} for number in range(300)]
    answered = [{"functionResponse": {"name": "f", "response": {"n": n}}} for n in range(300)]
    contents = [{"role": "model", "parts": called}, {"role": "user", "parts": answered}]
    fields = {"contents": msgspec.Raw(json.dumps(contents).encode())}
    gemini = find_dialect("gemini")
    told = gemini.parse_request(fields, "m", False)  # noqa: FBT003 -- Dialect.parse_request
    calls = [part.id for part in told.turns[0].parts if isinstance(part, ToolCall)]
    results = [part.call_id for part in told.turns[1].parts if isinstance(part, ToolResult)]
    assert results == calls
    claude = find_dialect("anthropic").render_request(told, Target("claude-sonnet-4-5")).body
    assert [block["tool_use_id"] for block in claude["messages"][2]["content"]] == calls


def test_whole_answer_of_no_choice_is_written() -> None:
    for client in ("openai", "responses", "anthropic", "gemini", "completions"):
        dialect = find_dialect(client)
        for reply in (Reply(), Reply(choices=[Choice()])):
            assert isinstance(json.loads(dialect.write_answer(reply, OPTIONS)), dict)

"""DeepL's dialect: the last question is translated into the language of the model's name."""

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
from channels_app.dialects.deepl import DIALECT
from channels_app.dialects.dialect import Target
from channels_app.dialects.lines import LineSplitter
from channels_app.dialects.reply import (
    BadAnswer,
    Failed,
    Finished,
    Reply,
    Started,
    TextDelta,
    UsageDelta,
    replay,
)

ASKED = [{"role": "user", "content": "Guten Tag"}]


def conversation(messages: list[Any], **fields: Any) -> Conversation:
    told = {"messages": messages, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in told.items()}
    return openai_chat.DIALECT.parse_request(raw, "m", bool(fields.get("stream")))


@pytest.mark.parametrize(
    ("model", "language"),
    [("deepl-zh", "ZH"), ("deepl-en-US", "EN-US"), ("deepl", "ZH"), ("deepl-", "ZH")],
)
def test_the_models_name_says_the_language(model: str, language: str) -> None:
    rendered = DIALECT.render_request(conversation(ASKED, stream=True), Target(model))
    assert rendered.body == {
        "text": ["Guten Tag"],
        "target_lang": language,
        "show_billed_characters": True,
    }
    assert rendered.dropped == []


def test_only_the_last_question_is_translated_and_the_rest_named() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
    messages = [
        {"role": "system", "content": "Translate."},
        {"role": "user", "content": "Eins"},
        {"role": "assistant", "content": "One"},
        {"role": "user", "content": [{"type": "text", "text": "Zwei"}, image]},
    ]
    told = conversation(
        messages, tools=[{"type": "function", "function": {"name": "f"}}], temperature=0, seed=1
    )
    rendered = DIALECT.render_request(told, Target("deepl-en"))
    assert rendered.body["text"] == ["Zwei"]
    assert rendered.dropped == ["image", "messages", "tools", "temperature", "seed"]


ANSWER = {
    "translations": [
        {"detected_source_language": "DE", "text": "早上好", "billed_characters": 9},
        {"detected_source_language": "DE", "text": "再见", "billed_characters": 2},
    ]
}
BODY = json.dumps(ANSWER, ensure_ascii=False).encode()
TOLD = [Started(), TextDelta("早上好\n再见"), Finished("stop"), UsageDelta(Consumed(11, 0))]


def test_whole_answer_is_read() -> None:
    assert replay(DIALECT.read_answer(BODY)) == TOLD


@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=9))
def test_any_cutting_of_an_answer_read_as_a_stream_gives_the_same_deltas(cuts: list[int]) -> None:
    splitter, reader = LineSplitter(), DIALECT.reader()
    places = sorted({0, len(BODY), *cuts})
    found = [line for start, end in pairwise(places) for line in splitter.feed(BODY[start:end])]
    told = [delta for line in [*found, splitter.flush()] for delta in reader.read(line)]
    assert (told, reader.is_done) == (TOLD, True)


@pytest.mark.parametrize(
    ("answer", "consumed", "is_bad"),
    [
        ({"translations": [{"text": "a"}]}, None, False),
        ({"translations": [{"text": "a"}], "billed_characters": 5}, Consumed(5, 0), False),
        ({"translations": [{"text": "a", "billed_characters": -5}]}, None, True),
        ({"translations": [{"text": "a", "billed_characters": "x"}]}, None, True),
    ],
)
def test_billed_characters_are_the_usage(
    answer: Any, consumed: Consumed | None, *, is_bad: bool
) -> None:
    reply = DIALECT.read_answer(json.dumps(answer).encode())
    assert (reply.consumed, reply.is_usage_bad) == (consumed, is_bad)


def test_errors_and_nonsense_are_told_apart() -> None:
    body = b'{"message":"Quota exceeded"}'
    assert DIALECT.read_answer(body).error == body
    assert DIALECT.reader().read(body) == (Failed(body),)
    for nonsense in (b"<html>", b"{}", b"[]", b'{"translations":[]}'):
        with pytest.raises(BadAnswer):
            DIALECT.read_answer(nonsense)


KEYS = ["translations", "text", "billed_characters", "message"]
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
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

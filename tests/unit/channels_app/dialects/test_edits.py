"""The old Edits: what a client may send, and what it gets."""

import json
from typing import Any

import msgspec
import pytest

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.conversation import BadConversation, Conversation, Text, Thinking
from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.edits import DIALECT
from channels_app.dialects.reply import Choice, Reply


def parse(**values: Any) -> Conversation:
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in values.items()}
    return DIALECT.parse_request(fields, "m", False)  # noqa: FBT003 -- Dialect.parse_request


def test_instruction_stands_above_the_text() -> None:
    asked = parse(model="m", input="Helo", instruction="Fix it", n=2, temperature=0.5, seed=1)
    above, text = asked.turns
    assert (above.role, text.role) == ("system", "user")
    assert isinstance(above.parts[0], Text)
    assert above.parts[0].text.endswith("Fix it")
    assert text.parts == [Text("Helo")]
    assert (asked.choices, asked.temperature, asked.extra) == (2, 0.5, {"seed": 1})


@pytest.mark.parametrize("empty", [{}, {"input": ""}, {"input": None}])
def test_instruction_alone_is_the_question(empty: dict[str, Any]) -> None:
    (turn,) = parse(instruction="Write a poem", **empty).turns
    assert (turn.role, turn.parts) == ("user", [Text("Write a poem")])


@pytest.mark.parametrize("wrong", [{}, {"instruction": 5}, {"instruction": "a", "input": []}])
def test_what_is_no_text_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadConversation):
        parse(**wrong)


def test_choices_are_texts_without_thoughts() -> None:
    choices = [Choice([Thinking("hm"), Text("Hello")], "stop"), Choice([Text("Hi")], "length")]
    consumed = Consumed(prompt_tokens=7, completion_tokens=3)
    written = DIALECT.write_answer(
        Reply(choices=choices, consumed=consumed), WriteOptions("edit-1", "m", 5)
    )
    found = json.loads(written)
    assert (found["object"], found["created"]) == ("edit", 5)
    assert found["choices"] == [{"text": "Hello", "index": 0}, {"text": "Hi", "index": 1}]
    assert found["usage"]["total_tokens"] == 10

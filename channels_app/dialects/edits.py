"""OpenAI's old Edits: a text and what to do with it in, the changed text out, never streamed. No
provider is asked in this dialect: all answer it by their own.

https://github.com/openai/openai-openapi/blob/v1.2.0/openapi.yaml (createEdit)
"""

from typing import Any

import msgspec

from channels_app.dialects import reading
from channels_app.dialects.completions.answer import words_of
from channels_app.dialects.conversation import Conversation, Text, Turn
from channels_app.dialects.dialect import Dialect, Fields, WriteOptions
from channels_app.dialects.openai_chat.answer_out import write_usage
from channels_app.dialects.reply import Reply

NAME = "edits"
ORDER = "Change the user's text as follows, and answer with the changed text alone:\n\n"
_encode = msgspec.json.Encoder().encode


def parse_request(fields: Fields, model: str, is_stream: bool) -> Conversation:  # noqa: ARG001, FBT001 -- Dialect.parse_request
    """Without a text the instruction is all there is. Raises BadConversation."""
    values = reading.decode_fields(fields)
    for name in ("model", "stream", "stream_options"):
        values.pop(name, None)
    instruction = reading.text(values.pop("instruction", None), "instruction")
    text = reading.optional_text(values.pop("input", None), "input")
    turns = [Turn("user", [Text(text or instruction)])]
    if text:
        turns.insert(0, Turn("system", [Text(ORDER + instruction)]))
    conversation = Conversation(NAME, model, turns)
    for name in ("temperature", "top_p"):
        setattr(conversation, name, reading.number(values.pop(name, None), name))
    conversation.choices = reading.integer(values.pop("n", None), "n")
    conversation.max_tokens = reading.integer(values.pop("max_tokens", None), "max_tokens")
    conversation.extra = values
    return conversation


def write_answer(reply: Reply, options: WriteOptions) -> bytes:
    body: dict[str, Any] = {
        "object": "edit",
        "created": reply.created or options.created,
        "choices": [
            {"text": words_of(choice), "index": index} for index, choice in enumerate(reply.choices)
        ],
    }
    if reply.consumed is not None:
        body["usage"] = write_usage(reply.consumed)
    return _encode(body)


DIALECT = Dialect(NAME, parse_request=parse_request, write_answer=write_answer)

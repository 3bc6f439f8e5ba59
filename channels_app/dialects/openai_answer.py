"""Reads a whole answer in OpenAI's form: is it one, what did it use, what did it say. Sans-I/O."""

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.reply import BadAnswer
from channels_app.dialects.usage import UsageUnreadable, read_usage

EMPTY = msgspec.Raw()


class _Answer(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None
    data: list[msgspec.Raw] | None = None
    results: list[msgspec.Raw] | None = None
    usage: msgspec.Raw = EMPTY
    error: msgspec.Raw = EMPTY


_decode = msgspec.json.Decoder(_Answer).decode

CONTENT_FIELD = {
    "chat": "choices",
    "completions": "choices",
    "embeddings": "data",
    "moderations": "results",
}


class WholeAnswer(msgspec.Struct, frozen=True):
    """What a whole answer tells; `error` is the body when it is an error in disguise."""

    consumed: Consumed | None = None
    error: bytes = b""


def read_answer(body: bytes, endpoint: str) -> WholeAnswer:
    """Raises BadAnswer when the body is not what the endpoint answers with."""
    try:
        answer = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "the provider's answer is not what it should be"
        raise BadAnswer(msg) from error
    if answer.error and bytes(answer.error) != b"null":
        return WholeAnswer(error=body)
    if not getattr(answer, CONTENT_FIELD[endpoint]):
        msg = "the provider's answer is empty"
        raise BadAnswer(msg)
    if not answer.usage or bytes(answer.usage) == b"null":
        return WholeAnswer()
    try:
        return WholeAnswer(read_usage(answer.usage))
    except UsageUnreadable:
        return WholeAnswer()


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _TextChoice(msgspec.Struct):
    message: _Message | None = None
    text: str | None = None


class _TextAnswer(msgspec.Struct):
    choices: list[_TextChoice] = []


def answer_text(body: bytes) -> str:
    """All that the model wrote in a whole answer, for counting; the body itself where its shape is
    unknown.
    """
    try:
        answer = msgspec.json.decode(body, type=_TextAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode("utf-8", "replace")
    parts: list[str | None] = []
    for choice in answer.choices:
        parts.append(choice.text)
        if choice.message is not None:
            message = choice.message
            parts += [message.content, message.refusal, message.reasoning_content]
            functions = (call.function for call in message.tool_calls or ())
            parts += [text for f in functions if f for text in (f.name, f.arguments)]
    return "".join(filter(None, parts))

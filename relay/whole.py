"""A whole answer, read as far as the charge needs it, and written as the client wants it."""

import asyncio
from collections.abc import Callable

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.frames import EventTooLong
from channels_app.dialects.openai_answer import answer_text, read_answer
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import BadAnswer, BadStream, Collector, Reply, replay, text_of
from channels_app.media.answers import HEARD, read_media_answer, transcript_of
from channels_app.media.conversion import AS_IT_IS
from channels_app.upstream import Exchange
from relay.call import Said
from relay.plan import Plan, cut_frames

BIG_ANSWER = 256 * 1024
"""Longer answers are translated on a thread: the event loop has other calls."""


class Told(msgspec.Struct):
    """What an answer tells; `error` is its body when it is an error in disguise, `text` what the
    model wrote, computed only where it must be counted, `write` the body for the client;
    `size` is that of the provider's body.
    """

    consumed: Consumed | None
    error: bytes
    text: Callable[[], str]
    write: Callable[[], bytes]
    id: str = ""
    size: int = 0

    def said(self) -> Said:
        """For those who keep texts; `text` only looks at what is not changed any more."""
        return Said(self.text, self.size)


async def understand(plan: Plan, body: bytes, answer: Exchange, *, wants_stream: bool) -> Told:
    """Raises BadAnswer when the body is not what was asked for."""
    if plan.conversion is not None:
        if len(body) > BIG_ANSWER:
            return await asyncio.to_thread(_read_other, plan, body)
        return _read_other(plan, body)
    if plan.is_plain and plan.client in {"openai", "completions", ""}:
        told = read_answer(body, plan.outgoing.endpoint)
        return Told(
            told.consumed, told.error, lambda: answer_text(body), lambda: body, size=len(body)
        )
    if len(body) > BIG_ANSWER:
        reply = await asyncio.to_thread(_read, plan, body, answer)
    else:
        reply = _read(plan, body, answer)
    if reply.error:
        return Told(reply.consumed, reply.error, str, bytes)
    _change(plan, reply)

    def write() -> bytes:
        if wants_stream:
            writer = plan.writer()
            return writer.write(replay(reply)) + writer.end()
        return body if plan.is_plain else plan.write_whole(reply)

    return Told(reply.consumed, b"", lambda: text_of(reply), write, reply.id, len(body))


def _change(plan: Plan, reply: Reply) -> None:
    """Makes it what the client gets; what is kept is kept so."""
    if plan.names is not None:
        plan.names.change_whole(reply)
    if plan.additions is not None:
        plan.additions.change_whole(reply)
    if plan.collector is not None:
        plan.collector.reply = reply


def _read_other(plan: Plan, body: bytes) -> Told:
    """What is no text."""
    conversion, kind = plan.conversion or AS_IT_IS, plan.answer_type.decode("latin-1")
    output = conversion.tell(body, plan.options.created)
    told = read_media_answer(output, plan.endpoint, kind)
    if plan.endpoint not in HEARD:
        return Told(told.consumed, told.error, str, lambda: output)
    return Told(
        *(told.consumed, told.error, lambda: transcript_of(output), lambda: output),
        size=len(output),
    )


def is_document(content_type: str) -> bool:
    """One JSON value, where a stream could come: lines of JSON are a stream."""
    kind = content_type.lower()
    return "json" in kind and "ndjson" not in kind and "jsonl" not in kind


def _read(plan: Plan, body: bytes, answer: Exchange) -> Reply:
    dialect = find_dialect(plan.outgoing.dialect)
    kind = answer.header("content-type") or ""
    if not plan.outgoing.is_stream or is_document(kind):
        return dialect.read_answer(body)
    reader, collector = dialect.reader(), Collector()
    try:
        for frame in cut_frames(plan.frames(), body):
            for delta in reader.read(frame.data, frame.name) if frame.data else ():
                collector.add(delta)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "the provider's events are not JSON"
        raise BadAnswer(msg) from error
    except (EventTooLong, BadStream) as error:
        msg = "the provider's stream can't be read"
        raise BadAnswer(msg) from error
    if not (collector.reply.error or collector.reply.choices):
        msg = "the provider's stream was empty"
        raise BadAnswer(msg)
    return collector.reply

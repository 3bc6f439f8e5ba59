"""Goes on at another channel with an answer that its provider broke off (ContinueCutStreams).

Only text can be carried on: a single answer of which the client has nothing but words. Where the
next provider takes the beginning of an answer it gets what was said; elsewhere the request is made
anew, and goes on where the client is as long as its words are the same. The call stays one: one
hold, one charge for what the client has in the end.
"""

from typing import TYPE_CHECKING

import msgspec

from billing.pricing import Consumption
from channels_app.dialects.dialect import Writer
from channels_app.dialects.reply import TextDelta
from channels_app.dialects.watch import DialectWatch, Watch
from relay.plan import Plan

if TYPE_CHECKING:
    from relay.attempt import Running


class Broken(msgspec.Struct, eq=False):
    """What the client has of an answer that broke off, and what it will be told if nobody can go
    on.
    """

    running: "Running"
    writer: Writer
    said: str
    code: str
    message: str


def find_broken(running: "Running", code: str, message: str) -> Broken | None:
    """None for an answer that can't be carried on."""
    call, watch, exchange = running.call, running.watch, running.exchange
    if watch is None or watch.is_finished or exchange.is_gone or running.is_sending:
        return None
    if not running.gateway.options.continues_cut_streams or not _is_simple(running):
        return None
    if running.rest is not None:
        said = running.rest.said
    elif watch.is_text and watch.text_bytes == len(watch.text):
        said = watch.text.decode("utf-8", "replace")
    else:
        return None
    if not said:
        return None
    earlier = call.broken
    writer = earlier.writer if earlier is not None else _writer_after(running.plan, watch, said)
    return Broken(running, writer, said, code, message)


def _is_simple(running: "Running") -> bool:
    """A Responses stream that passed as it is has names of its provider's in every event."""
    request = running.call.request
    if not (request.is_stream and request.has_output) or request.media is not None:
        return False
    return request.choices == 1 and not (running.plan.is_plain and request.dialect == "responses")


def _writer_after(plan: Plan, watch: Watch, said: str) -> Writer:
    """The writer of what the client has; where bytes passed, one that could have written them."""
    if isinstance(watch, DialectWatch) and watch.writer is not None:
        return watch.writer
    writer = plan.writer()
    writer.write([watch.started, TextDelta(said)])
    return writer


def move_beginning(used: Consumption, size: int) -> Consumption:
    """So many tokens were read as prompt by the second provider, and written by the first."""
    details = used.cached_tokens + used.cache_write_5m_tokens + used.cache_write_1h_tokens
    size = max(min(size, used.prompt_tokens - details), 0)
    return msgspec.structs.replace(
        used,
        prompt_tokens=used.prompt_tokens - size,
        completion_tokens=used.completion_tokens + size,
    )


async def end_broken(broken: Broken) -> None:
    """Nobody could go on: the client is charged what it has, and told."""
    running = broken.running
    running.call.channel = running.channel
    if running.exchange.is_gone:
        await running.settle("left", 499, "client_left")
    else:
        await running.end_cut(broken.code, broken.message)

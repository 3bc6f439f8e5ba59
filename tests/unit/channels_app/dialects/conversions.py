"""A call converted there and back, as the relay does it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from channels_app.dialects.conversation import Conversation, ToolCall
from channels_app.dialects.dialect import Target, WriteOptions
from channels_app.dialects.frames import SseFrames
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import (
    Choice,
    Delta,
    Finished,
    Reply,
    Started,
    ToolDelta,
    ToolStarted,
)
from channels_app.dialects.tool_names import ToolNames, fit_tools
from channels_app.dialects.watch import DialectWatch
from tests.unit.channels_app.dialects.pairs.transcripts import IDS
from tests.unit.channels_app.dialects.pairs.valid import read_valid

PIECE = 7
"""How many characters of a call's arguments come at once."""
Json = dict[str, Any]
Called = tuple[str, str, str]
"""Id, name and arguments, as the provider tells them."""


@dataclass
class Conversion:
    """`asked` is what the provider gets."""

    client: str
    wire: str
    asked: Json
    dropped: list[str]
    request: Conversation
    names: ToolNames | None

    def options(self) -> WriteOptions:
        return WriteOptions(IDS[self.client], "m", 1, request=self.request, signer=self.wire)

    def whole(self, *calls: Called) -> Json:
        """What the client gets where the provider calls these tools."""
        body = provider_answer(self.wire, calls)
        reply = find_dialect(self.wire).read_answer(body)
        if self.names is not None:
            self.names.change_whole(reply)
        told: Json = json.loads(find_dialect(self.client).write_answer(reply, self.options()))
        return told

    def streamed(self, *calls: Called) -> list[Json]:
        """The events that the client gets, all of them as its dialect has them."""
        dialect = find_dialect(self.wire)
        writer = find_dialect(self.client).writer(self.options())
        change = None if self.names is None else self.names.change
        watch = DialectWatch(SseFrames(), dialect.reader(), writer, writer, change)
        told = b"".join(
            [watch.feed(provider_stream(self.wire, calls)), watch.flush(), watch.ending()]
        )
        return [event for event in read_valid(self.client, told) if event != "[DONE]"]


def convert(client: str, wire: str, body: Json, kind: str = "") -> Conversion:
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    request = find_dialect(client).parse_request(fields, "m", False)  # noqa: FBT003 -- Dialect.parse_request
    before = msgspec.json.encode(request)
    fitted, names = fit_tools(request, wire, kind or wire)
    rendered = find_dialect(wire).render_request(fitted, Target("m", kind or wire))
    asked = json.loads(msgspec.json.encode(rendered.body))
    # Another attempt must find it as it came.
    assert msgspec.json.encode(request) == before
    return Conversion(client, wire, asked, rendered.dropped, request, names)


def provider_answer(wire: str, calls: Sequence[Called]) -> bytes:
    parts = [ToolCall(*call) for call in calls]
    reply = Reply("", "m", 1, [Choice(list(parts), "tool_calls")])
    return find_dialect(wire).write_answer(reply, WriteOptions(IDS[wire], "m", 1))


def provider_stream(wire: str, calls: Sequence[Called]) -> bytes:
    """The calls are told at the same time, where the dialect can do that."""
    writer = find_dialect(wire).writer(WriteOptions(IDS[wire], "m", 1))
    deltas: list[Delta] = [Started("", "m", 1)]
    deltas += [ToolStarted(index, name[0], name[1]) for index, name in enumerate(calls)]
    longest = max(len(arguments) for *_, arguments in calls)
    for start in range(0, longest, PIECE):
        deltas += [
            ToolDelta(index, arguments[start : start + PIECE])
            for index, (*_, arguments) in enumerate(calls)
            if len(arguments) > start
        ]
    return b"".join([writer.write([*deltas, Finished("tool_calls")]), writer.end()])


def last(events: list[Json]) -> Json:
    """The answer that the last event of a Responses stream tells."""
    told: Json = events[-1]["response"]
    return told

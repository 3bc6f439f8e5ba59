"""A Reply or deltas become a Responses answer."""

from collections.abc import Sequence

import msgspec

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.reply import (
    CitationDelta,
    Delta,
    Failed,
    Finished,
    FinishReason,
    LogprobsDelta,
    Reply,
    Started,
    TextDelta,
    UsageDelta,
    replay,
)
from channels_app.dialects.responses.open_items import Event
from channels_app.dialects.responses.output_out import Output
from channels_app.dialects.responses.response_object import (
    INCOMPLETE,
    PREFIX,
    Response,
    begin_response,
    end_response,
)

_encode = msgspec.json.Encoder().encode


def write_answer(reply: Reply, options: WriteOptions) -> bytes:
    """Only the first choice can be told."""
    begun = begin_response(options, reply.id, reply.model, reply.created)
    output = Output(options.id.removeprefix(PREFIX), options.signer)
    for delta in _in_order(replay(Reply(choices=reply.choices[:1]))):
        output.add(delta)
    incomplete = _incomplete(reply.choices[0].finish if reply.choices else "stop", output)
    output.close("completed" if incomplete is None else "incomplete")
    return _encode(end_response(begun, output.items, reply.consumed, incomplete))


def _in_order(deltas: list[Delta]) -> list[Delta]:
    """Sources and probabilities belong to the text, which is over when the next item begins."""
    about = [delta for delta in deltas if isinstance(delta, CitationDelta | LogprobsDelta)]
    rest = [delta for delta in deltas if not isinstance(delta, CitationDelta | LogprobsDelta)]
    last = max((i for i, delta in enumerate(rest) if isinstance(delta, TextDelta)), default=-1)
    return rest[: last + 1] + about + rest[last + 1 :]


def _incomplete(finish: FinishReason, output: Output) -> str | None:
    """A refusal in words is a complete answer."""
    return None if finish == "refusal" and output.has_refused else INCOMPLETE.get(finish)


class ResponsesWriter:
    """Writes response.* events. The last one is held back until the end, since the usage often
    comes after all else.
    """

    def __init__(self, options: WriteOptions) -> None:
        self._options = options
        self._begun: Response | None = None
        self._output = Output(options.id.removeprefix(PREFIX), options.signer)
        self._finish: FinishReason = "stop"
        self._consumed: Consumed | None = None
        self._sequence = 0
        self._is_over = False

    def write(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join([self._write(delta) for delta in deltas])

    def end(self) -> bytes:
        if self._is_over:
            return b""
        self._is_over = True
        begun, opening = self._begin(Started())
        incomplete = _incomplete(self._finish, self._output)
        closing = self._close()
        response = end_response(begun, self._output.items, self._consumed, incomplete)
        kind = f"response.{response['status']}"
        return opening + closing + self._tell({"type": kind, "response": response})

    def fail(self, message: str, type_: str, code: str) -> bytes:
        if self._is_over:
            return b""
        self._is_over = True
        begun, opening = self._begin(Started())
        self._output.close("incomplete")
        response = end_response(begun, self._output.items, self._consumed)
        error = {"code": code or type_ or "server_error", "message": message}
        response |= {"status": "failed", "error": error}
        return opening + self._tell({"type": "response.failed", "response": response})

    def _write(self, delta: Delta) -> bytes:
        match delta:
            case Started():
                return self._begin(delta)[1]
            case UsageDelta():
                self._consumed = delta.consumed or self._consumed
                return b""
            case Failed():
                return b""
            case _ if delta.choice:
                return b""
            case Finished():
                self._finish = delta.reason
                return self._begin(Started())[1] + self._close()
            case _:
                opening = b"" if self._begun else self._begin(Started())[1]
                return opening + b"".join([self._tell(e) for e in self._output.add(delta)])

    def _begin(self, started: Started) -> tuple[Response, bytes]:
        """Once only: clients take another name of the same answer for an error."""
        if self._begun is not None:
            return self._begun, b""
        begun = begin_response(self._options, started.id, started.model, started.created)
        self._begun = begun
        kinds = ("response.created", "response.in_progress")
        return begun, b"".join([self._tell({"type": kind, "response": begun}) for kind in kinds])

    def _close(self) -> bytes:
        incomplete = _incomplete(self._finish, self._output)
        events = self._output.close("completed" if incomplete is None else "incomplete")
        return b"".join([self._tell(event) for event in events])

    def _tell(self, event: Event) -> bytes:
        numbered = {"sequence_number": self._sequence, **event}
        self._sequence += 1
        kind: str = event["type"]
        return b"event: " + kind.encode() + b"\ndata: " + _encode(numbered) + b"\n\n"

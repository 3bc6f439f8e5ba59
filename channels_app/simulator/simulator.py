"""What one simulator process knows, and how it answers a request: at once, or by a task."""

import re
import urllib.parse
from itertools import count
from typing import Any, Final, NamedTuple

import msgspec

from channels_app.simulator import wire
from channels_app.simulator.answers import (
    Answer,
    Endpoint,
    PlainReply,
    answer_for,
    endpoint_for,
    plain_reply_for,
)
from channels_app.simulator.behaviours import (
    KEY_PREFIX,
    PLAIN,
    BadParameter,
    Behaviour,
    behaviour_for,
)
from channels_app.simulator.bodies import BadRequest, Body, read_body
from channels_app.simulator.documents import render_model, render_models
from channels_app.simulator.exchange import Connection, Exchange
from channels_app.simulator.faults import play
from channels_app.simulator.oracle import Oracle
from channels_app.simulator.request import Request

MODELS: Final = re.compile(r"(?:/openai)?(?:/v1)?/models(?:/(?P<name>.+))?")
KNOWN_BYTES: Final = 4096
MOST_KNOWN: Final = 1024
# All that a body can be wrong in: not JSON, not UTF-8, too deep, wrong types, wrong values.
UNREADABLE: Final = (
    msgspec.MsgspecError,
    UnicodeDecodeError,
    RecursionError,
    BadRequest,
    BadParameter,
)


class Playing(NamedTuple):
    """A call whose answer takes time."""

    call: Exchange
    answer: Answer
    how: Behaviour

    async def to_end(self) -> None:
        """Give the answer; some parameters are read, and refused, only here."""
        try:
            await play(self.call, self.answer, self.how)
            await self.call.drain()
        except UNREADABLE as error:
            if self.call.has_begun:
                self.call.close()
            else:
                _refuse(self.call, error)
        self.call.finish()


class Known(NamedTuple):
    """A request seen before whose answer depends on nothing but its path and body."""

    reply: PlainReply
    model: str
    user: str | None


class Simulator:
    """Answers requests, counts them, and remembers the last one."""

    def __init__(self) -> None:
        self.oracle = Oracle()
        self._last: Request | None = None
        self._numbers = count(1)
        self._known: dict[tuple[bytes, bytes], Known] = {}

    def serve(self, request: Request, connection: Connection) -> Playing | None:
        """Answer, or give what has to be played."""
        known = self._known.get((request.target, request.body))
        if known is not None and request.method == b"POST":
            request.read_headers()
            if not (request.overrides or request.key.startswith(KEY_PREFIX)):
                self._last = request
                self._send_known(known, request, connection)
                return None
        return self._serve_new(request, connection)

    def _serve_new(self, request: Request, connection: Connection) -> Playing | None:
        path = request.path
        if path.startswith("/sim/"):
            connection.transport.write(wire.stamp(self._control(request, path), 0))
            return None
        self._last = request
        if request.method == b"POST":
            request.read_headers()
            return self._serve_call(request, endpoint_for(path), connection)
        connection.transport.write(wire.stamp(_look_up(request, path), next(self._numbers)))
        return None

    def _serve_call(
        self, request: Request, endpoint: Endpoint | None, connection: Connection
    ) -> Playing | None:
        body = Body()
        try:
            if endpoint is None:
                raise BadRequest(f"Invalid URL (POST {request.path})")
            body = read_body(request.body)
            body.model = body.model or endpoint.model
            how = behaviour_for(body.model, request.key, request.overrides)
            if how is PLAIN and (reply := plain_reply_for(endpoint.kind, body)):
                known = Known(reply, body.model, body.user)
                # What a key made plain is not plain for other keys.
                if not (request.overrides or request.key.startswith(KEY_PREFIX)):
                    self._remember(request, known)
                self._send_known(known, request, connection)
                return None
            answer = answer_for(endpoint.kind, body, how)
        except UNREADABLE as error:
            call = self._exchange(request, body, connection)
            _refuse(call, error, 404 if endpoint is None else 400)
            return None
        return Playing(self._exchange(request, body, connection), answer, how)

    def _remember(self, request: Request, known: Known) -> None:
        # Benchmarks send the same few bodies again and again; others should cost no memory.
        if len(request.body) <= KNOWN_BYTES:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[request.target, request.body] = known

    def _send_known(self, known: Known, request: Request, connection: Connection) -> None:
        reply, model, user = known
        data, prompt, tokens, reported = reply
        request_id = request.request_id or user
        for tally in self.oracle.tallies_for(model, request.key, request_id):
            tally.count_whole(prompt, tokens, reported)
        connection.transport.write(wire.stamp(data, next(self._numbers)))

    def _exchange(self, request: Request, body: Body, connection: Connection) -> Exchange:
        request_id = request.request_id or body.user
        tallies = self.oracle.tallies_for(body.model, request.key, request_id)
        return Exchange(connection, self.oracle, tallies, next(self._numbers))

    def _control(self, request: Request, path: str) -> bytes:
        if path == "/sim/stats" and request.method == b"GET":
            # 100,000 ids are 20 MB; whoever polls for totals can leave them out.
            query = urllib.parse.parse_qs(request.query)
            return _document(self.oracle.stats(with_ids=query.get("ids") != ["0"]))
        if path == "/sim/reset" and request.method == b"POST":
            self.oracle.reset()
            self._last = None
            return _document({"reset": True})
        if path == "/sim/last" and request.method == b"GET":
            return _document(self._last.as_dict() if self._last else None)
        return _not_found(request, path)


def _look_up(request: Request, path: str) -> bytes:
    match = MODELS.fullmatch(path) if request.method == b"GET" else None
    if match is None:
        return _not_found(request, path)
    name = match["name"]
    return wire.whole(render_model(urllib.parse.unquote(name)) if name else render_models())


def _not_found(request: Request, path: str) -> bytes:
    message = f"Invalid URL ({request.method.decode('latin-1')} {path})"
    return wire.whole(wire.error_body(404, message), status=404)


def _document(value: Any) -> bytes:
    return wire.whole(msgspec.json.encode(value))


def _refuse(call: Exchange, error: Exception, status: int = 400) -> None:
    call.write(wire.whole(wire.error_body(status, str(error)), status=status))
    call.finish()

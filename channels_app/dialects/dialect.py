"""What a dialect is: four translations between its bytes and the hub, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from channels_app.dialects.conversation import Conversation
from channels_app.dialects.reply import Delta, Reply

Framing = Literal["sse", "lines"]
Fields = Mapping[str, msgspec.Raw]


class Target(msgspec.Struct, frozen=True):
    """Whom a request is rendered for: what that provider wants otherwise than its dialect's
    inventor.
    """

    model: str
    kind: str = ""
    is_stream: bool = False
    asks_usage: bool = True
    max_tokens: int | None = None
    """Most tokens that the credit pays for; bounds what the client asked for."""
    held_tokens: int | None = None
    """Most tokens that are set aside; bounds what the client did not ask for."""
    default_max_tokens: int = 8192
    """Where the dialect demands a limit and the client gave none."""
    settings: Mapping[str, str] = {}
    """The channel's own settings: a bot id, a user id, an API version."""


class Rendered(msgspec.Struct):
    """A provider's request, and the names of what could not be carried over."""

    body: dict[str, Any]
    dropped: list[str] = []


class WriteOptions(msgspec.Struct, frozen=True):
    """What the client's answer must say that the provider's does not; `signer` is the dialect of
    the provider, where signatures must be told apart.
    """

    id: str
    model: str
    created: int
    wants_usage: bool = True
    request: Conversation | None = None
    signer: str = ""


class Reader(Protocol):
    """Reads a provider's stream event by event. `is_done`: the dialect's last event was read."""

    is_done: bool

    def read(self, data: bytes, name: str = "") -> Sequence[Delta]:
        """The deltas of one event: its data, and its name where it has one. Raises
        msgspec.DecodeError for data that is not JSON.
        """


class Writer(Protocol):
    """Writes a client's stream."""

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """The events that tell these deltas; usage is told when the dialect wants it."""

    def end(self) -> bytes:
        """The end of the stream, proper also when no Finished came."""

    def fail(self, message: str, type_: str, code: str) -> bytes:
        """The dialect's error event, then what ends the stream."""


# What a dialect of one direction lacks. They stand in its place so that a Dialect is always whole
# for its readers; nobody asks it for the direction that it has not.
def no_rendering(conversation: Conversation, target: Target) -> Rendered:
    raise NotImplementedError


def no_reading(body: bytes) -> Reply:
    raise NotImplementedError


def no_reader() -> Reader:
    raise NotImplementedError


def no_parser(fields: Fields, model: str, is_stream: bool) -> Conversation:  # noqa: FBT001 -- Dialect.parse_request
    raise NotImplementedError


def no_writer(options: WriteOptions) -> Writer:
    raise NotImplementedError


def no_answer(reply: Reply, options: WriteOptions) -> bytes:
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Dialect:
    """A wire format. Providers' own formats, which no client speaks, lack `parse_request`,
    `write_answer` and `writer`; what is spoken by clients alone lacks the others.

    parse_request   (fields, model, is_stream) -> Conversation; raises BadConversation
    render_request  (conversation, target) -> Rendered
    read_answer     body -> Reply; raises BadAnswer; an error in disguise is Reply.error
    end_early       reader -> the bytes that end a stream, which passes as it is, for its length;
                    None where only an error can
    """

    name: str
    render_request: Callable[[Conversation, Target], Rendered] = no_rendering
    read_answer: Callable[[bytes], Reply] = no_reading
    reader: Callable[[], Reader] = no_reader
    parse_request: Callable[[Fields, str, bool], Conversation] = no_parser
    write_answer: Callable[[Reply, WriteOptions], bytes] = no_answer
    writer: Callable[[WriteOptions], Writer] = no_writer
    framing: Framing = "sse"
    takes_media_urls: bool = True
    end_early: Callable[[Any], bytes] | None = None

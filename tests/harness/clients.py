"""Clients on raw sockets: they know whether an answer came whole, and keep what came of it."""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

ANSWER_SECONDS = 90.0
END_OF_STREAM = b"data: [DONE]"


@dataclass(frozen=True, slots=True)
class Call:
    """A chat completion to be asked for; its unique `name` is what the provider counts it under."""

    name: str
    key: str
    model: str
    _: KW_ONLY
    is_streamed: bool = False
    max_tokens: int | None = None
    prompt: str = "one two three"
    image: bytes = b""

    def body(self) -> bytes:
        fields: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": self._content()}],
            "user": self.name,
        }
        if self.is_streamed:
            fields["stream"] = True
        if self.max_tokens is not None:
            fields["max_tokens"] = self.max_tokens
        return json.dumps(fields).encode()

    def _content(self) -> Any:
        if not self.image:
            return self.prompt
        url = f"data:image/png;base64,{base64.b64encode(self.image).decode()}"
        text = {"type": "text", "text": self.prompt}
        return [text, {"type": "image_url", "image_url": {"url": url}}]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got: status 0 when not even a status line came."""

    call: Call
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = False
    is_overdue: bool = False
    """The client waited in vain."""

    @property
    def is_complete(self) -> bool:
        """A good answer that the client received to its end."""
        ended = END_OF_STREAM in self.body if self.call.is_streamed else True
        return self.is_whole and self.status == 200 and ended

    @property
    def request_id(self) -> str:
        return self.headers.get("x-oneapi-request-id", "")

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found


class Line:
    """A kept connection to the gateway: all its calls are answered by the same worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 24))

    async def ask(self, call: Call) -> Answer:
        """Never raises for a connection that breaks: the answer says how far it came."""
        body = call.body()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n"
            f"authorization: Bearer {call.key}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        try:
            self._writer.write(head.encode() + body)
            status, headers = await self._read_head()
        except (OSError, asyncio.IncompleteReadError):
            return Answer(call)
        data = bytearray()
        try:
            await self._read_body(headers, data)
        except (OSError, asyncio.IncompleteReadError):
            return Answer(call, status, headers, bytes(data))
        return Answer(call, status, headers, bytes(data), is_whole=True)

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return

    async def _read_head(self) -> tuple[int, dict[str, str]]:
        text = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = text.rstrip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def _read_body(self, headers: dict[str, str], data: bytearray) -> None:
        if "content-length" in headers:
            data += await self._reader.readexactly(int(headers["content-length"]))
            return
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            data += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)


async def ask(port: int, call: Call, seconds: float = ANSWER_SECONDS) -> Answer:
    """One call on a connection of its own; an answer that does not come in time is none."""
    try:
        line = await Line.open(port)
    except OSError:
        return Answer(call)
    try:
        async with asyncio.timeout(seconds):
            return await line.ask(call)
    except TimeoutError:
        return Answer(call, is_overdue=True)
    finally:
        await line.close()


def ask_all(port: int, calls: list[Call], seconds: float = ANSWER_SECONDS) -> list[Answer]:
    """All at once, answers in the order of the calls."""

    async def gather() -> list[Answer]:
        return await asyncio.gather(*(ask(port, call, seconds) for call in calls))

    return asyncio.run(gather())


@contextmanager
def answers_to(port: int, calls: list[Call]) -> Iterator[list[Answer]]:
    """Calls that are under way while the block runs; the list is filled when all are answered."""
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.extend(ask_all(port, calls)), name="calls")
    thread.start()
    try:
        yield answers
    finally:
        thread.join()

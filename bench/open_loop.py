"""Calls that come at their own times, whether earlier ones were answered or not."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench.targets import Target

PATIENCE_SECONDS = 60.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answered:
    """One call: when it was due (seconds from the start), how long it took, and how it ended."""

    at: float
    ms: float
    status: int
    retry_after: int | None = None


@dataclass(slots=True)
class Answers:
    """All of one run."""

    found: list[Answered] = field(default_factory=list)

    def statuses(self) -> dict[int, int]:
        return dict(Counter(one.status for one in self.found))

    def after(self, seconds: float) -> "Answers":
        return Answers([one for one in self.found if one.at >= seconds])

    def ms(self, share: float, *statuses: int) -> float:
        """What so large a share of the calls took at most; 0 when there are none."""
        taken = sorted(one.ms for one in self.found if not statuses or one.status in statuses)
        return taken[min(int(len(taken) * share), len(taken) - 1)] if taken else 0.0


class Connection(asyncio.Protocol):
    """One kept connection with at most one call under way."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.answer: asyncio.Future[bytes] | None = None
        self._got = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        is_whole = len(body) >= int(length[1]) if length else body.endswith(_LAST_CHUNK)
        if found and is_whole and self.answer and not self.answer.done():
            self.answer.set_result(head)
            self.answer, self._got = None, b""

    def connection_lost(self, _: Exception | None) -> None:
        if self.answer and not self.answer.done():
            self.answer.set_result(b"")
        self.transport = None


class OpenLoop:
    """Calls to one target, over as many connections as it takes."""

    def __init__(
        self,
        target: Target,
        path: str,
        body: Mapping[str, Any],
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        parts = urlsplit(target.url)
        self._place = parts.hostname or "", parts.port or 80
        text = json.dumps(body)
        self._request = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {target.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}"
        ).encode()
        self._patience = patience
        self._idle: list[Connection] = []

    async def run(self, per_second: float, seconds: float) -> Answers:
        """Every call has its own time; the clock does not wait for answers."""
        answers = Answers()
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(per_second * seconds)):
                due = number / per_second
                wait = began + due - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                group.create_task(self._call(due, began + due, answers))
        for connection in self._idle:
            if connection.transport:
                connection.transport.close()
        self._idle.clear()
        return answers

    async def _call(self, at: float, due: float, answers: Answers) -> None:
        head, connection = b"", None
        try:
            async with asyncio.timeout(self._patience):
                connection = await self._connect()
                connection.answer = asyncio.get_running_loop().create_future()
                connection.transport.write(self._request)
                head = await connection.answer
        except (OSError, TimeoutError):
            if connection and connection.transport:
                connection.transport.abort()
        else:
            if connection.transport is not None and b"connection: close" not in head.lower():
                self._idle.append(connection)
        status = int(head[9:12]) if head else 0
        wait = _RETRY_AFTER.search(head)
        taken = (time.monotonic() - due) * 1000
        answers.found.append(Answered(at, taken, status, int(wait[1]) if wait else None))

    async def _connect(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.transport is not None:
                return connection
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(Connection, *self._place)
        return made

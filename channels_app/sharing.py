"""Workers tell each other about twice a second what they know of channels, and how many calls of a
minute tokens with a limit had: through Redis, or, where there is none, through files that the
workers of a node have in common.

No call waits for it. A worker that says nothing new for SILENT_SECONDS counts as gone; clocks are
not compared. While Redis is away, each node keeps to its share of the limits among the nodes last
heard of.
"""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from channels_app.health import Health, Words
from channels_app.limits import Foreign

PREFIX = "chatapi:channels:"
SHARE_SECONDS = 0.4
ANSWER_SECONDS = 0.2
SILENT_SECONDS = 3.0
FORGET_SECONDS = 60.0

log = structlog.get_logger("channels")


class Word(msgspec.Struct, array_like=True, frozen=True):
    """What one worker tells; `number` grows with each time."""

    node: str
    number: int
    counts: dict[int, Foreign] = {}
    rests: Words = Words()
    calls: dict[int, int] = {}
    """Of a minute, of tokens with a limit."""


class Heard(msgspec.Struct):
    """The last word of another worker, and when it came. `is_alive` once it said a second one:
    the first may be left over from a worker that died long ago.
    """

    word: Word
    at: float
    is_alive: bool = False


class Board(Protocol):
    """Where the words are. Its methods raise OSError where it can't be reached."""

    async def swap(self, name: str, word: bytes) -> dict[str, bytes]:
        """Puts one's own word there; returns those of all, by their names."""

    async def remove(self, *names: str) -> None:
        """They have left, or died."""

    async def close(self) -> None:
        """Nothing more is told."""


class Rates(Protocol):
    """The calls of tokens that nodes count together; times are Unix seconds."""

    def tell(self, now: float) -> dict[int, int]:
        """What this worker counted."""

    def hear(self, foreign: Mapping[int, int], nodes: int) -> None:
        """What the other nodes counted."""

    def lose(self) -> None:
        """They can't be heard."""


class RedisBoard:
    """For all nodes. `label` tells this installation from others that use the same Redis."""

    def __init__(self, url: str, label: str) -> None:
        import redis.asyncio  # noqa: PLC0415 -- only where Redis is set

        self._client: Any = redis.asyncio.Redis.from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        )
        self._key = PREFIX + label

    async def swap(self, name: str, word: bytes) -> dict[str, bytes]:
        from redis.exceptions import RedisError  # noqa: PLC0415 -- only where Redis is set

        try:
            async with (
                asyncio.timeout(2 * ANSWER_SECONDS),
                self._client.pipeline(transaction=False) as pipe,
            ):
                pipe.hset(self._key, name, word)
                pipe.expire(self._key, int(FORGET_SECONDS) * 2)
                pipe.hgetall(self._key)
                *_, found = await pipe.execute()
        except RedisError as error:
            raise OSError(str(error)) from error
        return {name.decode(): raw for name, raw in found.items()}

    async def remove(self, *names: str) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415 -- only where Redis is set

        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._client.hdel(self._key, *names)
        except RedisError as error:
            raise OSError(str(error)) from error

    async def close(self) -> None:
        await self._client.aclose()


class FolderBoard:
    """For the workers of one node: small files, which stay in the system's memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def swap(self, name: str, word: bytes) -> dict[str, bytes]:
        return self._swap(name, word)

    def _swap(self, name: str, word: bytes) -> dict[str, bytes]:
        draft = self._folder / f".{name}"
        draft.write_bytes(word)
        draft.replace(self._folder / name)
        found = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    with contextlib.suppress(FileNotFoundError):
                        found[entry.name] = Path(entry.path).read_bytes()
        return found

    async def remove(self, *names: str) -> None:
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    async def close(self) -> None:
        return


class Sharing:
    """Of one worker; `run` until cancelled, then `leave`."""

    def __init__(
        self, board: Board, node: str, worker: str, health: Health, rates: Rates | None = None
    ) -> None:
        self._board, self._node, self._worker, self._health = board, node, worker, health
        self._rates = rates
        self._number = 0
        self._heard: dict[str, Heard] = {}
        self._counted: dict[str, int] = {}
        self._works = True

    async def run(self) -> None:
        while True:
            try:
                await self.exchange()
                self._works = True
            except (OSError, TimeoutError) as error:
                self._health.limits.lose()
                if self._rates is not None:
                    self._rates.lose()
                if self._works:
                    log.warning("channels_not_shared", error=str(error)[:200])
                self._works = False
            await asyncio.sleep(SHARE_SECONDS)

    async def exchange(self) -> None:
        """Tell and hear once; raises OSError."""
        now = time.monotonic()
        self._number += 1
        health = self._health
        calls = self._rates.tell(time.time()) if self._rates is not None else {}
        word = Word(self._node, self._number, health.limits.tell(now), health.tell(now), calls)
        found = await self._board.swap(self._worker, msgspec.msgpack.encode(word))
        gone = self._hear(found, time.monotonic())
        if gone:
            await self._board.remove(*gone)

    async def leave(self) -> None:
        """So that the others need not find out."""
        with contextlib.suppress(OSError, TimeoutError):
            await self._board.remove(self._worker)
        await self._board.close()

    def _hear(self, found: dict[str, bytes], now: float) -> list[str]:
        """Takes in what the others say; returns those who have long said nothing new."""
        self._heard = {name: heard for name, heard in self._heard.items() if name in found}
        for name, raw in found.items():
            if name == self._worker:
                continue
            try:
                word = _decode(raw)
            except msgspec.MsgspecError:
                # A worker of another version: it goes its own way.
                continue
            known = self._heard.get(name)
            if known is None or known.word.number != word.number:
                self._heard[name] = Heard(word, now, known is not None)
        alive = {
            name: one.word
            for name, one in self._heard.items()
            if one.is_alive and one.at > now - SILENT_SECONDS
        }
        self._tell_health(alive, now)
        return [name for name, one in self._heard.items() if one.at < now - FORGET_SECONDS]

    def _tell_health(self, alive: dict[str, Word], now: float) -> None:
        others = {name: word for name, word in alive.items() if word.node != self._node}
        if self._is_news(others):
            self._counted = {name: word.number for name, word in others.items()}
            nodes = len({word.node for word in others.values()}) + 1
            self._health.limits.hear(_add_up(others.values()), nodes, now)
            if self._rates is not None:
                self._rates.hear(_add_up_calls(others.values()), nodes)
        rank = sorted([*alive, self._worker]).index(self._worker)
        words = [word.rests for word in alive.values()]
        self._health.hear(words, rank, len(alive) + 1, now)

    def _is_news(self, others: dict[str, Word]) -> bool:
        """Whether all others spoke since the limits were last divided, or others are there now. A
        word twice counted would leave the same rest to be divided again.
        """
        return others.keys() != self._counted.keys() or all(
            word.number != self._counted[name] for name, word in others.items()
        )


def _add_up(words: Iterable[Word]) -> dict[int, Foreign]:
    total: dict[int, Foreign] = {}
    for word in words:
        for tag, count in word.counts.items():
            before = total.get(tag, Foreign())
            sums = (mine + theirs for mine, theirs in zip(before, count, strict=True))
            total[tag] = Foreign(*sums)
    return total


def _add_up_calls(words: Iterable[Word]) -> Mapping[int, int]:
    total: Counter[int] = Counter()
    for word in words:
        total.update(word.calls)
    return total


_decode = msgspec.msgpack.Decoder(Word).decode

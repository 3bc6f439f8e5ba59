"""Pictures by URL, fetched by way of a proxy: bounded together, and given up together."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels_app.dialects.conversation import Conversation, Image, Turn
from relay.errors import CallRefused
from relay.inlining import inline_media

SIZE = 40_000
PICTURE = b"x" * SIZE
HEAD = b"HTTP/1.1 %b\r\ncontent-type: image/png\r\nconnection: close\r\n\r\n"


class Proxy:
    """Answers /gone with 404 once three slow ones are there, /slow never, all else with a
    picture.
    """

    def __init__(self) -> None:
        self.url = ""
        self.slow = 0
        self.are_there, self.are_gone = asyncio.Event(), asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        asked = await reader.readuntil(b"\r\n\r\n")
        if b"/gone" in asked:
            await self.are_there.wait()
            writer.write(HEAD % b"404 Not Found")
        elif b"/slow" in asked:
            await self._wait_for_its_end(reader)
        else:
            writer.write(HEAD % b"200 OK" + PICTURE)
        writer.close()

    async def _wait_for_its_end(self, reader: asyncio.StreamReader) -> None:
        self.slow += 1
        if self.slow == 3:
            self.are_there.set()
        await reader.read()
        self.slow -= 1
        if not self.slow:
            self.are_gone.set()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    proxy = Proxy()
    async with await asyncio.start_server(proxy.answer, "127.0.0.1", 0) as server:
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy


async def fetch(proxy: Proxy, *paths: str, most: int = 10 * SIZE) -> Any:
    images: Any = [Image(url=f"http://1.1.1.1/{path}") for path in paths]
    return await inline_media(Conversation("openai", "m", [Turn("user", images)]), proxy.url, most)


async def test_all_pictures_together_are_bounded(proxy: Proxy) -> None:
    found = await fetch(proxy, "a", "b", "c", most=3 * SIZE)
    assert all(part.data and not part.url for part in found.turns[0].parts)
    with pytest.raises(CallRefused) as refused:
        await fetch(proxy, "a", "b", "c", most=3 * SIZE - 1)
    assert (refused.value.status, refused.value.code) == (400, "media_unavailable")


async def test_one_bad_link_ends_the_other_fetches(proxy: Proxy) -> None:
    with pytest.raises(CallRefused) as refused:
        await fetch(proxy, "slow1", "slow2", "slow3", "gone")
    assert refused.value.values["url"] == "http://1.1.1.1/gone"
    async with asyncio.timeout(2):
        await proxy.are_gone.wait()

"""Connections to providers end when nobody waits for them any more."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Iterator

import httpx
import pytest

from channels_app.failures import Cause, UpstreamFailure
from channels_app.simulator.process import running_simulator
from channels_app.upstream import Exchange, Line, Upstream, prepare
from channels_app.upstream_request import UpstreamRequest

DIRECT = Line("", 5)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with running_simulator() as url:
        yield url


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    opened = Upstream()
    yield opened
    await opened.close()


def asking(url: str, model: str, name: str = "", **fields: object) -> UpstreamRequest:
    messages = [{"role": "user", "content": "one two three"}]
    body = {"model": model, "messages": messages, "user": name, **fields}
    headers = (("content-type", "application/json"),)
    return UpstreamRequest("POST", f"{url}/v1/chat/completions", headers, json.dumps(body).encode())


async def read_all(exchange: Exchange) -> bytes:
    async with exchange as answer:
        parts = []
        while piece := await answer.read():
            parts.append(piece)
        return b"".join(parts)


async def aborted(url: str, name: str) -> int:
    """How many calls of this name their peer left; waits a little for the first."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        found: dict[str, int] = {}
        for _ in range(100):
            found = (await client.get("/sim/stats")).json()["by_request_id"].get(name, {})
            if found.get("aborted"):
                break
            await asyncio.sleep(0.03)
        return found.get("aborted", 0)


async def cancel_after(seconds: float, work: Awaitable[object]) -> bool:
    """Whether it ended as cancelled."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


async def test_answer_is_read_to_its_end_and_pieces_come_as_they_are_sent(
    upstream: Upstream, provider: str
) -> None:
    whole = await read_all(upstream.exchange(asking(provider, "m"), DIRECT))
    assert json.loads(whole)["usage"]["completion_tokens"] == 20
    paced = asking(provider, "sim-tokens:n=5:rate=50", stream=True)
    pieces = []
    async with upstream.exchange(paced, DIRECT) as answer:
        assert (answer.status, answer.header("content-type")) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        while piece := await answer.read():
            pieces.append(piece)
    assert len(pieces) >= 5
    assert pieces[-1].endswith(b"data: [DONE]\n\n")


async def test_leaving_early_closes_the_connection(upstream: Upstream, provider: str) -> None:
    endless = asking(provider, "sim-tokens:n=100000:rate=100", "early", stream=True)
    async with upstream.exchange(endless, DIRECT) as answer:
        await answer.read()
    assert await aborted(provider, "early") == 1


@pytest.mark.parametrize("model", ["sim-hang", "sim-stall:after=1"])
async def test_cancelled_call_closes_the_connection_whether_or_not_it_was_answered(
    upstream: Upstream, provider: str, model: str
) -> None:
    call = read_all(upstream.exchange(asking(provider, model, model, stream=True), DIRECT))
    assert await cancel_after(0.5, call)
    assert await aborted(provider, model) == 1


async def test_cancelling_is_never_lost_to_a_piece_that_arrives_just_then(
    upstream: Upstream, provider: str
) -> None:
    async def call(seconds: float) -> bool:
        fast = asking(provider, "sim-tokens:n=400:rate=200", stream=True)
        return await cancel_after(seconds, read_all(upstream.exchange(fast, DIRECT)))

    dice = random.Random(3)
    ends = await asyncio.gather(*(call(dice.uniform(0.2, 0.8)) for _ in range(60)))
    assert all(ends)


@pytest.mark.parametrize(("seconds", "times"), [(0.0, 2), (1.3, 1)], ids=["at-once", "late"])
async def test_kept_connection_that_dies_in_silence_is_asked_again_only_where_nothing_was_done(
    upstream: Upstream, seconds: float, times: int
) -> None:
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n{}")
            asked += 1
            if asked == 2:
                await asyncio.sleep(seconds)
                break
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        request = UpstreamRequest("POST", f"http://127.0.0.1:{port}/", (), b"{}")
        assert await read_all(upstream.exchange(request, DIRECT)) == b"{}"
        if times == 2:
            assert await read_all(upstream.exchange(request, DIRECT)) == b"{}"
        else:
            with pytest.raises(UpstreamFailure) as caught:
                await read_all(upstream.exchange(request, DIRECT))
            assert (caught.value.cause, caught.value.code) == (Cause.NETWORK, "connection_broken")
        assert asked == 1 + times
        await upstream.close()


@pytest.mark.parametrize(
    ("url", "cause", "code"),
    [
        ("http://127.0.0.1:9", Cause.NETWORK, "connect_failed"),
        ("http://no-such-host.invalid", Cause.NETWORK, "connect_failed"),
        ("https://127.0.0.1:9", Cause.NETWORK, "connect_failed"),
    ],
)
async def test_unreachable_provider_is_a_failure_without_its_address(
    upstream: Upstream, url: str, cause: Cause, code: str
) -> None:
    with pytest.raises(UpstreamFailure) as failure:
        await read_all(upstream.exchange(asking(url, "m"), DIRECT))
    assert (failure.value.cause, failure.value.code) == (cause, code)
    assert not any(part in failure.value.message for part in ("127.0.0.1", "invalid", ":9"))


@pytest.mark.parametrize("model", ["sim-reset", "sim-cut", "sim-badchunk", "sim-badheader:kb=2000"])
async def test_broken_answer_is_a_failure(upstream: Upstream, provider: str, model: str) -> None:
    with pytest.raises(UpstreamFailure) as failure:
        await read_all(upstream.exchange(asking(provider, model), DIRECT))
    assert failure.value.cause == Cause.NETWORK
    assert failure.value.may_retry


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://a b/", ()),
        ("nonsense", ()),
        ("http://h/", (("x-bad", "a\r\nhost: b"),)),
        ("http://h/", (("x bad", "a"),)),
    ],
)
async def test_unusable_address_or_header_is_a_failure_before_anything_is_sent(
    upstream: Upstream, url: str, headers: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(UpstreamFailure):
        await read_all(upstream.exchange(UpstreamRequest("POST", url, headers, b"{}"), DIRECT))


@pytest.mark.parametrize(
    ("url", "host", "lines"),
    [
        ("http://h/v1", "h", ["POST /v1 HTTP/1.1", "host: h"]),
        ("https://h:8443/v1?a=b", "h", ["POST /v1?a=b HTTP/1.1", "host: h:8443"]),
        ("http://[fd00::5]:8000/v1", "fd00::5", ["host: [fd00::5]:8000"]),
        ("https://h", "h", ["POST / HTTP/1.1"]),
        (
            "https://münchen.example/v1",
            "xn--mnchen-3ya.example",
            ["host: xn--mnchen-3ya.example"],
        ),
    ],
)
def test_address_becomes_target_and_head(url: str, host: str, lines: list[str]) -> None:
    target, head = prepare("POST", url, (("x-a", "b"),), "")
    assert target.host == host
    assert set(lines) <= set(head.decode("ascii").split("\r\n"))

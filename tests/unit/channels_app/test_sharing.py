"""What workers tell each other of channels: through a folder, and through a real Redis."""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from channels_app.catalogue import find_kind
from channels_app.conditions import FAILURES_TO_OPEN, Reason
from channels_app.decisions import Rules, decide
from channels_app.failures import Cause, UpstreamFailure
from channels_app.health import Health
from channels_app.limits import Over
from channels_app.routing import ChannelConfig, Limits
from channels_app.sharing import Board, FolderBoard, RedisBoard, Sharing
from relay.rates import Rates

MODEL = "m"
CHANNEL = ChannelConfig(1, "c", find_kind("openai"), "http://h", "k", (MODEL,), ("default",))
LIMITED = replace(CHANNEL, limits=Limits(total_requests_per_minute=2))
TEN = replace(CHANNEL, limits=Limits(total_requests_per_minute=10))
RULES = Rules()


@pytest.fixture(params=["folder", pytest.param("redis", marks=pytest.mark.redis)])
def make_board(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Board]:
    if request.param == "folder":
        return lambda: FolderBoard(tmp_path / "words")
    url = request.getfixturevalue("redis")
    return lambda: RedisBoard(url, f"test-{tmp_path.name}-{tmp_path.stat().st_ino}")


def break_down(health: Health, cause: Cause = Cause.OVERLOADED) -> None:
    failure = UpstreamFailure(cause, "no")
    decision = decide(failure, RULES)
    for _ in range(FAILURES_TO_OPEN):
        health.note_failure(CHANNEL, MODEL, failure, decision, time.monotonic(), RULES.strikes)


def state(health: Health, channel: ChannelConfig = CHANNEL) -> Reason | Over | None:
    return health.objection(channel, MODEL, time.monotonic())


def test_a_dead_channel_is_known_to_all(make_board: Callable[[], Board]) -> None:
    async def run() -> list[Reason | Over | None]:
        one, other = Health(), Health()
        first = Sharing(make_board(), "n1", "w1", one)
        second = Sharing(make_board(), "n1", "w2", other)
        break_down(one)
        for _ in range(2):
            await first.exchange()
            await second.exchange()
        found = [state(other)]
        await first.leave()
        await second.leave()
        return found

    assert asyncio.run(run()) == [Reason.OPEN]


def test_a_share_does_not_grow_while_the_other_node_is_slow(
    make_board: Callable[[], Board],
) -> None:
    async def run() -> int:
        one = Health()
        first = Sharing(make_board(), "n1", "w1", one)
        second = Sharing(make_board(), "n2", "w2", Health())
        for _ in range(3):
            await second.exchange()
            await first.exchange()
        calls = 0
        for _ in range(4):
            while state(one, TEN) is None:
                one.end(one.begin(TEN, MODEL, time.monotonic(), is_retry=False))
                calls += 1
            await first.exchange()
        await first.leave()
        await second.leave()
        return calls

    assert asyncio.run(run()) == 5


def test_two_nodes_divide_a_limit_and_who_leaves_frees_its_share(
    make_board: Callable[[], Board],
) -> None:
    async def run() -> list[Reason | Over | None]:
        one, other = Health(), Health()
        first = Sharing(make_board(), "n1", "w1", one)
        second = Sharing(make_board(), "n2", "w2", other)
        for _ in range(3):
            await first.exchange()
            await second.exchange()
        one.end(one.begin(LIMITED, MODEL, time.monotonic(), is_retry=False))
        found = [state(one, LIMITED)]
        await second.leave()
        await first.exchange()
        found.append(state(one, LIMITED))
        await first.leave()
        return found

    assert asyncio.run(run()) == [Over.RATE, None]


@pytest.mark.parametrize("is_there", [False, True], ids=["refuses", "hangs"])
def test_without_an_answer_each_goes_its_own_way(*, is_there: bool) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if is_there:
            # Connections are taken by the system, and nobody ever answers.
            silent.listen()
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        assert asyncio.run(go_alone(url)) == (Reason.OPEN, "still tries")


async def go_alone(url: str) -> tuple[Reason | Over | None, str]:
    """What a worker that hears nobody knows by itself, and whether it goes on trying to hear."""
    health = Health()
    sharing = Sharing(RedisBoard(url, "test"), "n1", "w1", health)
    with pytest.raises((OSError, TimeoutError)):
        await sharing.exchange()
    task = asyncio.create_task(sharing.run())
    await asyncio.sleep(0.1)
    break_down(health)
    found = state(health), "gave up" if task.done() else "still tries"
    task.cancel()
    await asyncio.wait([task])
    await sharing.leave()
    return found


def test_what_a_dead_worker_left_is_not_believed(tmp_path: Path) -> None:
    async def run() -> Reason | Over | None:
        dead, born = Health(), Health()
        break_down(dead)
        await Sharing(FolderBoard(tmp_path), "n", "dead", dead).exchange()
        sharing = Sharing(FolderBoard(tmp_path), "n", "born", born)
        for _ in range(3):
            await sharing.exchange()
        return state(born)

    assert asyncio.run(run()) is None


def test_what_can_not_be_read_is_left_alone(tmp_path: Path) -> None:
    async def run() -> None:
        board = FolderBoard(tmp_path)
        (tmp_path / "old").write_bytes(b"\xc1 nonsense")
        await Sharing(board, "n", "w", Health()).exchange()
        assert (tmp_path / "old").read_bytes() == b"\xc1 nonsense"

    asyncio.run(run())


def test_nodes_share_the_calls_of_a_token(make_board: Callable[[], Board]) -> None:
    """How many of each turn's calls pass, of ten a minute for both."""

    async def run() -> list[int]:
        rates = [Rates(), Rates()]
        nodes = [
            Sharing(make_board(), f"n{number}", f"w{number}", Health(), one)
            for number, one in enumerate(rates)
        ]
        found = []
        for asked in (0, 0, 2, 20, 20, 20):
            # Once more the first: it heard the second before that one told of its last turn.
            for node in (*nodes, nodes[0]):
                await node.exchange()
            for one in rates:
                passed = [one.enter(7, 10, time.time()) == 0 for _ in range(asked)]
                found.append(sum(passed))
        for node in nodes:
            await node.leave()
        return found

    assert asyncio.run(run()) == [0, 0, 0, 0, 2, 2, 3, 3, 0, 0, 0, 0]

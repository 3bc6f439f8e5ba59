"""Limits of channels, over several workers, a restart, and two nodes with Redis."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import msgspec
import pytest
from redis import Redis

from channels_app.sharing import PREFIX, Word
from channels_app.simulator.process import running_simulator
from chatapi.lib.secrets import make_key_ring_text
from tests.harness.gateway import PASSWORD, Gateway, running_gateway
from tests.harness.services import fresh_store
from tests.harness.waiting import wait_for
from tests.relay.live_gateway import LiveGateway

HELLO = [{"role": "user", "content": "one two three"}]


def commands(provider: str) -> list[tuple[object, ...]]:
    fixed = ("--kind", "openai", "--base-url", provider, "--key", "k")
    return [
        ("user", "create", "alice", "--password", PASSWORD),
        ("credit", "alice", 1000),
        ("channel", "add", "--name", "rpm", *fixed, "--models", "rpm", "--total-rpm", 10),
        ("channel", "add", "--name", "day", *fixed, "--models", "day", "--requests-per-day", 5),
    ]


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with running_simulator() as address:
        yield address


def new_key(gateway: Gateway) -> str:
    return str(gateway.manage("token", "create", "--user", "alice", "--name", "t")["key"])


def ask(gateway: Gateway, key: str, model: str) -> int:
    """The status; each on a connection of its own, so that all workers get some."""
    response = httpx.post(
        f"http://127.0.0.1:{gateway.port}/v1/chat/completions",
        json={"model": model, "messages": HELLO},
        headers={"authorization": f"Bearer {key}", "connection": "close"},
        trust_env=False,
        timeout=60,
    )
    return response.status_code


def ask_many(gateways: list[Gateway], key: str, model: str, times: int) -> Counter[int]:
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(ask, gateways[turn % len(gateways)], key, model) for turn in range(times)
        ]
        return Counter(job.result() for job in jobs)


def read_numbers(redis_url: str) -> dict[bytes, int]:
    """How often each worker of all nodes has told the others something."""
    with Redis.from_url(redis_url) as client:
        words = [client.hgetall(key) for key in client.scan_iter(f"{PREFIX}*")]
    decode = msgspec.msgpack.Decoder(Word).decode
    return {name: decode(raw).number for one in words for name, raw in one.items()}


def test_two_workers_let_ten_through_and_a_day_outlives_a_restart(
    provider: str, tmp_path: Path
) -> None:
    with (
        fresh_store("sqlite", tmp_path) as store,
        running_gateway(store, tmp_path, commands=commands(provider), workers=2) as gateway,
    ):
        key = new_key(gateway)
        found = ask_many([gateway], key, "rpm", 60)
        # Two workers that look at the same instant may let one call each in.
        assert 10 <= found[200] <= 11, found
        assert found[200] + found[429] == 60

        found = ask_many([gateway], key, "day", 20)
        assert 5 <= found[200] <= 6, found
        wait_for(lambda: len(gateway.manage("usage", "--limit", 1000)) >= 80, "no usage rows")
        gateway.stop()
        gateway.start()
        assert ask_many([gateway], key, "day", 6) == Counter({429: 6})


@pytest.mark.redis
@pytest.mark.postgres
def test_two_nodes_share_through_redis(redis: str, provider: str, tmp_path: Path) -> None:
    env = {
        "REDIS_CONN_STRING": redis,
        "DATA_KEYS": make_key_ring_text(),
        "SESSION_SECRET": "s" * 50,
    }
    with ExitStack() as stack:
        store = stack.enter_context(fresh_store("postgres", tmp_path))
        nodes: list[Gateway] = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            first = commands(provider) if not nodes else ()
            node = running_gateway(store, folder, commands=first, workers=1, **env)
            nodes.append(stack.enter_context(node))
        key = new_key(nodes[0])
        # Nodes that do not know each other yet have the whole limit each.
        before = read_numbers(redis)

        def both_went_on() -> bool:
            now = read_numbers(redis)
            return sum(now[name] > before.get(name, 0) + 4 for name in now) >= len(nodes)

        wait_for(both_went_on, "the nodes tell each other nothing")
        found = ask_many(nodes, key, "rpm", 60)
        assert 9 <= found[200] <= 15, found
        # What is left is divided until there is nothing: then there is nothing for either.
        wait_for(lambda: ask_many(nodes, key, "rpm", 4)[200] == 0, "the limit does not hold")


def test_tokens_a_minute(live: LiveGateway) -> None:
    model = live.new_name("limited")
    live.new_channel(model, "--tpm", 100)
    live.take_in()
    long = [{"role": "user", "content": "word " * 60}]
    body = {"model": model, "messages": long, "max_tokens": 20}
    codes = [live.call("POST", "/v1/chat/completions", json=body).status_code for _ in range(8)]
    assert codes[0] == 200
    assert codes[-1] == 429


def test_what_is_over_its_limit_is_passed_over_and_the_row_says_why(live: LiveGateway) -> None:
    model = live.new_name("limited")
    live.new_channel(model, "--priority", 1, "--usd-per-day", "0.0001")
    live.new_channel(model)
    live.take_in()
    assert live.chat(model, max_tokens=2000).status_code == 200
    response = live.chat(model)
    assert response.status_code == 200
    first, *_ = live.usage_of(response)["attempts"]
    assert first["error"] == "skipped:daily_cap"


@pytest.mark.parametrize("wrong", ["-1", "x", "99999999999999"])
def test_impossible_limits_are_refused(live: LiveGateway, wrong: str) -> None:
    with pytest.raises(AssertionError):
        live.new_channel("m", "--usd-per-day", wrong)
    assert json.dumps(wrong) not in str(live.manage("channel", "list"))

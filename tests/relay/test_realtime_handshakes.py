"""Realtime handshakes: which are refused, with what, and when another channel is asked."""

from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.harness.realtime_provider import (
    RealtimeProvider,
    Stage,
    answering,
    running_realtime,
)
from tests.relay.live_gateway import LiveGateway
from tests.relay.realtime_desk import (
    CREATE,
    UNITS,
    USED,
    Desk,
    read_until,
    refusal,
    say,
)


@pytest.fixture(scope="module")
def provider() -> Iterator[RealtimeProvider]:
    with running_realtime() as running:
        yield running


async def test_no_credit_is_a_refused_handshake(
    live: LiveGateway, provider: RealtimeProvider
) -> None:
    desk = Desk(live, provider, usd=0)
    desk.serve(("good", answering(USED)))
    assert await refusal(desk.connect()) == (403, "insufficient_user_quota")
    assert live.manage("usage", "--user", desk.user) == []


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_next_channel_is_asked_while_handshakes_fail(
    live: LiveGateway, provider: RealtimeProvider, status: int
) -> None:
    desk = Desk(live, provider)
    desk.serve(("bad", (status, "Incorrect key sk-abcdefghijk")), ("good", answering(USED)))
    async with desk.connect() as socket:
        await say(socket, CREATE)
        await read_until(socket, "response.done")
    row = desk.row()
    causes = {401: "credential:401", 429: "rate_limited:429", 500: "overloaded:500"}
    errors = [attempt.get("error") for attempt in row["attempts"]]
    assert errors == [causes[status], None]
    assert row["units"] == UNITS
    assert "sk-" not in str(row["attempts"])


async def test_error_in_place_of_a_greeting_is_a_failed_handshake(
    live: LiveGateway, provider: RealtimeProvider
) -> None:
    async def play(stage: Stage) -> None:
        error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "pay"}
        await stage.say({"type": "error", "error": error})
        await stage.connection.close(1008)

    desk = Desk(live, provider)
    desk.serve(("bad", play), ("good", answering(USED)))
    async with desk.connect() as socket:
        (greeting,) = await read_until(socket, "session.created")
        assert greeting["type"] == "session.created"
    assert desk.row()["attempts"][0]["error"] == "credential:502"


@pytest.mark.parametrize(
    ("status", "told"), [(401, (502, "upstream_refused")), (429, (429, "upstream_rate_limited"))]
)
async def test_last_failed_handshake_is_told_as_an_http_error(
    live: LiveGateway, provider: RealtimeProvider, status: int, told: tuple[int, str]
) -> None:
    desk = Desk(live, provider)
    desk.serve(("bad", (status, "no")))
    assert await refusal(desk.connect()) == told
    row = desk.row()
    assert (row["status"], row["http_status"], row["units"]) == ("failed", told[0], 0)


async def test_wrong_calls_are_refused_before_the_handshake(
    live: LiveGateway, provider: RealtimeProvider
) -> None:
    desk = Desk(live, provider)
    desk.serve(("good", answering(USED)))
    base, key = desk.url.partition("?")[0], desk.key
    assert await refusal(connect(desk.url, proxy=None)) == (401, "no_api_key")
    assert await refusal(connect(f"{desk.url}&key={key}", proxy=None)) == (401, "no_api_key")
    assert await refusal(desk.connect(url=base)) == (400, "missing_model")
    unserved = f"model={desk.model}-of-nobody"
    assert await refusal(desk.connect(url=f"{base}?{unserved}")) == (503, "no_available_channel")
    other = f"{base.replace('realtime', 'nothing')}?{unserved}"
    assert await refusal(desk.connect(url=other)) == (404, "unknown_url")
    desk.key = "sk-wrong"
    assert await refusal(desk.connect()) == (401, "invalid_api_key")
    desk.key = live.new_token(desk.user, "--models", "another")
    assert await refusal(desk.connect()) == (401, "model_not_allowed")
    desk.key = f"{key}-1"
    assert await refusal(desk.connect()) == (403, "channel_pin_not_allowed")
    assert provider.met[f"{desk.model}-good"] == []


async def test_key_in_the_subprotocols_with_a_channel_of_an_administrators_choice(
    live: LiveGateway, provider: RealtimeProvider
) -> None:
    desk = Desk(live, provider)
    desk.serve(("first", answering(USED)))
    url = provider.play(f"{desk.model}-pinned", answering(USED))
    channel = live.new_channel(desk.model, "--priority", -9, url=url)
    live.take_in()
    admin = live.new_token(live.new_user("--role", "admin"))
    protocols: Any = ["realtime", f"openai-insecure-api-key.{admin}-{channel}"]
    protocols.append("openai-beta.realtime-v1")
    async with connect(desk.url, subprotocols=protocols, proxy=None) as socket:
        assert socket.subprotocol == "realtime"
        await read_until(socket, "session.created")
    assert desk.met("pinned").headers["openai-beta"] == "realtime=v1"
    assert "openai-insecure" not in str(desk.met("pinned").headers)
    assert provider.met[f"{desk.model}-first"] == []


async def test_sessions_count_as_calls_of_their_token(
    live: LiveGateway, provider: RealtimeProvider
) -> None:
    desk = Desk(live, provider)
    desk.key = live.new_token(desk.user, "--concurrency", 1)
    desk.serve(("good", answering(USED)))
    async with desk.connect():
        assert await refusal(desk.connect()) == (429, "concurrency_limit_exceeded")
    desk.row()
    async with desk.connect() as socket:
        await read_until(socket, "session.created")


async def test_sessions_count_as_calls_of_a_minute(
    live: LiveGateway, provider: RealtimeProvider
) -> None:
    desk = Desk(live, provider)
    desk.key = live.new_token(desk.user, "--requests-per-minute", 1)
    desk.serve(("good", answering(USED)))
    async with desk.connect():
        pass
    assert await refusal(desk.connect()) == (429, "rate_limit_exceeded")

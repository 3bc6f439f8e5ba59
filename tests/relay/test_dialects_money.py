"""What a translated call costs: exactly what the provider reported, whatever the client speaks."""

import json
from typing import Any

import pytest

from tests.relay.dialect_calls import DIALECTS, PAIRS, Desk, request_of
from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider, stream
from tests.unit.channels_app.dialects.pairs.transcripts import load, provider_stream
from tests.unit.channels_app.dialects.pairs.valid import read_valid

EVERYBODY = [*PAIRS, *((name, name) for name in DIALECTS)]
PRICES = {
    "input": 3,
    "output": 15,
    "cached-input": 0.3,
    "cache-write-5m": 3.75,
    "cache-write-1h": 6,
}
UNITS = {name: usd / 2 for name, usd in PRICES.items()}
"""A unit is two dollars per million."""
LIMITS = {
    "openai": "max_completion_tokens",
    "responses": "max_output_tokens",
    "anthropic": "max_tokens",
}
LENGTHS = {
    "openai": '"finish_reason":"length"',
    "responses": '"reason":"max_output_tokens"',
    "anthropic": '"stop_reason":"max_tokens"',
    "gemini": '"finishReason":"MAX_TOKENS"',
}
PRICE_OF_POVERTY = ("--input", 5, "--output", 10000)
ENOUGH_USD = 0.5
"""Pays for some dozen tokens of output at that price."""


@pytest.fixture(scope="module")
def desk(live: LiveGateway, scripts: ScriptedProvider) -> Desk:
    found = Desk(live, scripts)
    models = {f"bill-{client}-{wire}": wire for client, wire in EVERYBODY}
    poor = {f"poor-{client}-{wire}": wire for client, wire in PAIRS}
    ending = {f"end-{client}-{wire}": wire for client, wire in EVERYBODY}
    left = {f"left-{client}-{wire}": wire for client, wire in PAIRS}
    for model in models:
        rates = [word for name, usd in PRICES.items() for word in (f"--{name}", usd)]
        live.manage("price", "set", model, *rates)
    for model in (*poor, *ending):
        live.manage("price", "set", model, *PRICE_OF_POVERTY)
    found.serve(models | poor | ending | left)
    live.take_in()
    return found


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("client", "wire"), EVERYBODY)
def test_usage_is_charged_as_reported(
    desk: Desk, client: str, wire: str, *, is_stream: bool
) -> None:
    model = f"bill-{client}-{wire}"
    desk.say(model, wire, "plain", is_stream=is_stream)
    row = desk.live.usage_of(desk.ask(client, model, is_stream=is_stream))
    assert (row["status"], row["estimated"], row["stream"]) == ("ok", False, is_stream)
    counts = (row["prompt_tokens"], row["cached_tokens"], row["completion_tokens"])
    assert counts == (12, 4, 3)
    items = {name: float(count) for name, count, *_ in row["line_items"][:-1]}
    wanted = {"input": 8, "cached_input": 4, "output": 3}
    if wire == "anthropic":
        # Nobody but Claude tells what was written to the cache, and for how long.
        wanted |= {"input": 3, "cache_write_5m": 3, "cache_write_1h": 2}
    assert items == wanted
    cost = sum(UNITS[name.replace("_", "-")] * count for name, count in wanted.items())
    assert row["units"] == int(cost + 0.5)


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("client", "wire"), EVERYBODY)
def test_thoughts_are_part_of_the_output(
    desk: Desk, client: str, wire: str, *, is_stream: bool
) -> None:
    model = f"bill-{client}-{wire}"
    desk.say(model, wire, "thinking", is_stream=is_stream)
    row = desk.live.usage_of(desk.ask(client, model, is_stream=is_stream))
    assert (row["completion_tokens"], row["estimated"]) == (40, False)
    assert (row["prompt_tokens"], row["cached_tokens"]) == (60, 50)
    found = f"Usage.objects.get(request_id={row['request_id']!r}).reasoning_tokens"
    shown = desk.live.manage("shell", "-c", f"from billing.models import Usage; print({found})")
    assert shown.split()[-1] == "25"


@pytest.mark.parametrize(("client", "wire"), PAIRS)
def test_poor_user_is_answered_as_far_as_the_credit_goes(
    desk: Desk, client: str, wire: str
) -> None:
    model = f"poor-{client}-{wire}"
    desk.say(model, wire, "plain", is_stream=False)
    user = desk.live.new_user(usd=ENOUGH_USD)
    fields: dict[str, Any] = {}
    if client == "anthropic":
        fields["max_tokens"] = 5000
    response = desk.ask(client, model, key=desk.live.new_token(user), **fields)
    assert response.status_code == 200
    limit = int(response.headers["x-chatapi-max-tokens-clamped"])
    assert 1 <= limit <= 50
    asked = desk.asked(model)
    if wire == "gemini":
        assert asked["generationConfig"]["maxOutputTokens"] == limit
    else:
        assert asked[LIMITS[wire]] == limit
    assert desk.live.usage_of(response)["uncollected_units"] == 0


def endless(wire: str) -> list[bytes]:
    """A stream that goes on and on, cut into pieces."""
    events = load("plain")[wire]["stream"]
    first = next(n for n, event in enumerate(events) if "Hello" in json.dumps(event))
    again = provider_stream(wire, [events[first]]) * 40
    return [provider_stream(wire, events[:first])] + [again] * 20


@pytest.mark.parametrize(("client", "wire"), EVERYBODY)
def test_stream_ends_properly_when_the_credit_is_used_up(
    desk: Desk, client: str, wire: str
) -> None:
    """The provider does not care for the limit that it was told. An own stream of Responses can
    only be ended by an error: its last event would have to repeat all.
    """
    model = f"end-{client}-{wire}"
    desk.scripts.say(model, *stream(*endless(wire)))
    user = desk.live.new_user(usd=ENOUGH_USD)
    response = desk.ask(client, model, is_stream=True, key=desk.live.new_token(user))
    if (client, wire) == ("responses", "responses"):
        end = "insufficient_user_quota"
    else:
        end = LENGTHS[client]
    assert end.encode() in response.content[-2000:]
    if client != wire:
        read_valid(client, response.content)
    row = desk.live.usage_of(response)
    assert (row["status"], row["error"]) == ("stopped", "insufficient_user_quota")
    assert row["units"] > 0
    assert float(desk.live.manage("balance", user)["usd"]) >= 0


@pytest.mark.parametrize(("client", "wire"), PAIRS)
def test_client_that_leaves_a_translated_stream_pays_what_is_reported(
    desk: Desk, client: str, wire: str
) -> None:
    model = f"left-{client}-{wire}"
    data = provider_stream(wire, load("thinking")[wire]["stream"])
    size = max(len(data) // 20, 1)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    desk.scripts.say(model, *stream(*pieces))
    path, body = request_of(client, model, is_stream=True)
    headers = {"authorization": f"Bearer {desk.live.key}"}
    with desk.live.http.stream("POST", path, json=body, headers=headers) as response:
        request_id = response.headers["x-oneapi-request-id"]
        next(response.iter_raw())
    row = desk.live.usage_row(request_id)
    assert (row["status"], row["estimated"]) == ("left", False)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (60, 40)

"""An answer that broke off goes on at another channel: one stream, one charge."""

import json
import time
from itertools import product
from typing import Any

import httpx
import pytest

from channels_app.dialects.frames import SseFrames
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import collect, text_of
from tests.relay.dialect_calls import DIALECTS, KINDS, Desk, request_of
from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider, stream
from tests.unit.channels_app.dialects.pairs.transcripts import load, provider_stream
from tests.unit.channels_app.dialects.pairs.valid import read_valid

WHOLE = "Hello there!"
ROADS = [
    (client, first, second)
    for client, first, second in product(DIALECTS, repeat=3)
    if not client == first == "responses"
]
PARTS = {"openai": 2, "responses": 5, "anthropic": 4, "gemini": 1}
"""How many events tell the first word."""


@pytest.fixture(scope="module")
def desk(live: LiveGateway, scripts: ScriptedProvider) -> Desk:
    live.set_option("ContinueCutStreams", "true")
    return Desk(live, scripts)


def say_beginning(desk: Desk, name: str, wire: str) -> None:
    events = load("plain")[wire]["stream"][: PARTS[wire]]
    desk.scripts.say(name, *stream(provider_stream(wire, events)))


def say_all(desk: Desk, name: str, wire: str, **words: str) -> None:
    """The whole answer, some of its words replaced."""
    data = provider_stream(wire, load("plain")[wire]["stream"])
    for old, new in words.items():
        data = data.replace(json.dumps(old)[1:-1].encode(), new.encode())
    desk.scripts.say(name, *stream(data))


def open_channels(desk: Desk, model: str, first: str, second: str) -> tuple[str, str]:
    names = f"{model}-a", f"{model}-b"
    for name, wire, priority in zip(names, (first, second), (2, 1), strict=True):
        url = desk.scripts.say(name)
        desk.live.new_channel(model, *KINDS[wire], "--priority", priority, url=url)
    return names


def words_of(client: str, answer: httpx.Response) -> str:
    reader = find_dialect(client).reader()
    frames = SseFrames()
    deltas = [
        delta
        for frame in [*frames.feed(answer.content), *frames.flush()]
        if frame.data != b"[DONE]"
        for delta in reader.read(frame.data, frame.name)
    ]
    return text_of(collect(deltas))


@pytest.fixture(scope="module")
def roads(desk: Desk) -> dict[tuple[str, str, str], str]:
    """A model for each road, with a channel that breaks off before one that does not."""
    made = {}
    for road in ROADS:
        model = made[road] = f"cut-{'-'.join(road)}"
        names = open_channels(desk, model, *road[1:])
        say_beginning(desk, names[0], road[1])
        say_all(desk, names[1], road[2])
    desk.live.take_in()
    return made


@pytest.mark.parametrize("road", ROADS, ids="-".join)
def test_another_channel_goes_on(
    desk: Desk, roads: dict[tuple[str, str, str], str], road: tuple[str, str, str]
) -> None:
    client, model = road[0], roads[road]
    answer = desk.ask(client, model, is_stream=True)
    read_valid(client, answer.content)
    assert words_of(client, answer) == WHOLE
    row = desk.live.usage_of(answer)
    assert (row["status"], row["prompt_tokens"], row["completion_tokens"]) == ("ok", 12, 3)
    assert [bool(attempt.get("error")) for attempt in row["attempts"]] == [True, False]


@pytest.mark.parametrize("client", DIALECTS)
def test_other_words_are_no_end_of_this_answer(desk: Desk, client: str) -> None:
    wire = "anthropic" if client == "responses" else client
    model = desk.live.new_name(f"other-{client}")
    names = open_channels(desk, model, wire, wire)
    say_beginning(desk, names[0], wire)
    say_all(desk, names[1], wire, Hello="Howdy")
    desk.live.take_in()
    answer = desk.ask(client, model, is_stream=True)
    read_valid(client, answer.content)
    assert b"Howdy" not in answer.content
    assert b"broke off" in answer.content
    row = desk.live.usage_of(answer)
    counts = (row["status"], row["completion_tokens"], len(row["attempts"]))
    assert counts == ("cut", 1, 2)
    assert desk.live.manage("audit")["differences"] == []


def test_a_model_that_takes_the_beginning_goes_on_after_it(desk: Desk) -> None:
    model = "claude-3-5-haiku-20241022"
    names = open_channels(desk, model, "openai", "anthropic")
    say_beginning(desk, names[0], "openai")
    say_all(desk, names[1], "anthropic", Hello="", **{" there!": " again!"})
    desk.live.take_in()
    answer = desk.ask("openai", model, is_stream=True)
    assert words_of("openai", answer) == "Hello again!"
    asked: dict[str, Any] = json.loads(desk.scripts.asked_once(names[1]).body)
    last = asked["messages"][-1]
    assert last == {"role": "assistant", "content": "Hello"}
    row = desk.live.usage_of(answer)
    # One of the second provider's twelve is the word that the first one wrote.
    counts = (row["prompt_tokens"], row["completion_tokens"], row["estimated"])
    assert counts == (11, 4, True)


def test_nobody_left_to_go_on(desk: Desk) -> None:
    model = desk.live.new_name("alone")
    url = desk.scripts.say(model)
    desk.live.new_channel(model, *KINDS["openai"], url=url)
    desk.live.take_in()
    say_beginning(desk, model, "openai")
    answer = desk.ask("openai", model, is_stream=True)
    read_valid("openai", answer.content)
    assert b"broke off" in answer.content
    assert len(desk.scripts.asked[model]) == 1
    row = desk.live.usage_of(answer)
    assert (row["status"], row["completion_tokens"]) == ("cut", 1)


@pytest.mark.parametrize("has_third", [False, True])
def test_one_that_never_answers_is_passed_over(desk: Desk, *, has_third: bool) -> None:
    model = desk.live.new_name("silent")
    openai = KINDS["openai"]
    desk.live.new_channel(model, *openai, "--priority", 3, url=desk.scripts.say(f"{model}-a"))
    silent = ("--priority", 2, "--first-byte-seconds", 1)
    desk.live.new_channel(model, *openai, *silent, key="sim-key-hang")
    if has_third:
        desk.live.new_channel(model, *openai, url=desk.scripts.say(f"{model}-b"))
    desk.live.take_in()
    say_beginning(desk, f"{model}-a", "openai")
    if has_third:
        say_all(desk, f"{model}-b", "openai")
    answer = desk.ask("openai", model, is_stream=True)
    read_valid("openai", answer.content)
    row = desk.live.usage_of(answer)
    if has_third:
        assert words_of("openai", answer) == WHOLE
        assert (row["status"], row["completion_tokens"]) == ("ok", 3)
    else:
        assert b"broke off" in answer.content
        assert (row["status"], row["completion_tokens"]) == ("cut", 1)
    assert len(row["attempts"]) == 2 + has_third


def test_what_is_reported_at_the_beginning_is_not_all(desk: Desk) -> None:
    """Claude tells of one token first, and of all at the end that never comes."""
    model = desk.live.new_name("claude-cut")
    desk.live.new_channel(model, *KINDS["anthropic"], url=desk.scripts.say(model))
    desk.live.take_in()
    events = load("plain")["anthropic"]["stream"][: PARTS["anthropic"]]
    words = {"type": "text_delta", "text": " one two three four five"}
    more = {"type": "content_block_delta", "index": 0, "delta": words}
    desk.scripts.say(model, *stream(provider_stream("anthropic", [*events, more])))
    row = desk.live.usage_of(desk.ask("anthropic", model, is_stream=True))
    assert (row["status"], row["estimated"]) == ("cut", True)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (12, 6)


def test_calls_of_tools_are_not_carried_on(desk: Desk) -> None:
    model = desk.live.new_name("tools")
    names = open_channels(desk, model, "openai", "openai")
    events = load("tools")["openai"]["stream"]
    desk.scripts.say(names[0], *stream(provider_stream("openai", events[:3])))
    say_all(desk, names[1], "openai")
    desk.live.take_in()
    answer = desk.ask("openai", model, is_stream=True)
    assert desk.scripts.asked[names[1]] == []
    assert desk.live.usage_of(answer)["status"] == "cut"


def test_a_client_that_leaves_while_another_is_asked_pays_what_it_got(desk: Desk) -> None:
    model = desk.live.new_name("left")
    first = desk.scripts.say(f"{model}-a")
    desk.live.new_channel(model, *KINDS["openai"], "--priority", 1, url=first)
    desk.live.new_channel(model, "--first-byte-seconds", 20, key="sim-key-hang")
    desk.live.take_in()
    say_beginning(desk, f"{model}-a", "openai")
    path, body = request_of("openai", model, is_stream=True)
    headers = {"authorization": f"Bearer {desk.live.key}"}
    with desk.live.http.stream("POST", path, json=body, headers=headers) as answer:
        lines = answer.iter_lines()
        while "Hello" not in next(lines):
            pass
        time.sleep(0.5)  # until the second channel was asked
    row = desk.live.usage_of(answer)
    assert (row["status"], row["completion_tokens"]) == ("left", 1)
    assert desk.live.manage("audit")["differences"] == []

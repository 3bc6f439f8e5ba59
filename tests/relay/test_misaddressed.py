"""Cursor asks Chat Completions in the words of Responses, and reads what Chat Completions say."""

import json

import pytest

from channels_app.dialects.frames import SseFrames
from channels_app.dialects.openai_chat import DIALECT
from channels_app.dialects.reply import collect, text_of
from tests.relay.dialect_calls import Desk
from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider, whole

WIRES = ("openai", "responses", "anthropic")


@pytest.fixture(scope="module")
def desk(live: LiveGateway, scripts: ScriptedProvider) -> Desk:
    found = Desk(live, scripts)
    found.serve({f"cursor-{what}-{wire}": wire for wire in WIRES for what in ("whole", "stream")})
    found.serve({"cursor-error": "responses"})
    return found


def ask(desk: Desk, model: str, *, is_stream: bool) -> bytes:
    body = {"model": model, "input": "Say hello.", "stream": is_stream, "truncation": "auto"}
    headers = {"authorization": f"Bearer {desk.live.key}"}
    response = desk.live.http.post("/v1/chat/completions", json=body, headers=headers)
    assert response.status_code == 200
    assert "truncation" in response.headers["x-chatapi-dropped"]
    assert desk.live.usage_of(response)["units"] > 0
    return response.content


@pytest.mark.parametrize("wire", WIRES)
def test_whole_answer(desk: Desk, wire: str) -> None:
    model = f"cursor-whole-{wire}"
    desk.say(model, wire, "plain", is_stream=False)
    told = json.loads(ask(desk, model, is_stream=False))
    assert (told["object"], told["choices"][0]["finish_reason"]) == ("chat.completion", "stop")
    assert told["choices"][0]["message"]["content"]
    asked = desk.asked(model)
    assert ("input" in asked, "messages" in asked) == (wire == "responses", wire != "responses")
    assert asked.get("store") is (False if wire == "responses" else None)


@pytest.mark.parametrize("wire", WIRES)
def test_streamed_answer(desk: Desk, wire: str) -> None:
    model = f"cursor-stream-{wire}"
    desk.say(model, wire, "plain", is_stream=True)
    frames, reader = SseFrames(), DIALECT.reader()
    found = [one for one in frames.feed(ask(desk, model, is_stream=True)) if one.data]
    assert text_of(collect(delta for one in found for delta in reader.read(one.data, one.name)))


def test_error_is_one_of_chat_completions(desk: Desk) -> None:
    error = {"message": "no", "type": "invalid_request_error", "param": "input", "code": "bad"}
    desk.scripts.say(
        "cursor-error", whole(json.dumps({"error": error}).encode(), status="400 Bad Request")
    )
    headers = {"authorization": f"Bearer {desk.live.key}"}
    body = {"model": "cursor-error", "input": "Hi"}
    refused = desk.live.http.post("/v1/chat/completions", json=body, headers=headers)
    assert refused.status_code == 400
    assert refused.json()["error"] == error | {"message": refused.json()["error"]["message"]}

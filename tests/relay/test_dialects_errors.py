"""Errors as the SDKs of each dialect know them, also those that come when the answer has begun."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.relay.dialect_calls import DIALECTS, PAIRS, QUESTION, Desk, error_in
from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider, whole

SECONDS = 20
EVERYBODY = [*PAIRS, *((name, name) for name in DIALECTS)]
Stream = Callable[[str], Iterator[str]]
"""model -> the words of a streamed answer; raises as the SDK does"""
FAILURES: dict[str, type[Exception]] = {
    "openai": openai.APIError,
    "anthropic": anthropic.APIStatusError,
    "gemini": errors.APIError,
}
"""What an SDK raises for an error in a stream; for Responses it is an event."""
BODIES = {
    "openai": {
        "error": {"message": "no such thing", "type": "invalid_request_error", "code": None}
    },
    "anthropic": {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "no such thing"},
    },
    "gemini": {"error": {"code": 400, "message": "no such thing", "status": "INVALID_ARGUMENT"}},
}
BODIES["responses"] = BODIES["openai"]


@pytest.fixture(scope="module")
def desk(live: LiveGateway, scripts: ScriptedProvider) -> Desk:
    found = Desk(live, scripts)
    rules = ("error", "cut", "first", "refused")
    found.serve({f"{rule}-{a}-{b}": b for rule in rules for a, b in EVERYBODY})
    return found


@pytest.fixture(scope="module")
def streams(live: LiveGateway) -> Iterator[dict[str, Stream]]:
    options: dict[str, Any] = {"api_key": live.key, "max_retries": 0, "timeout": SECONDS}
    chat = openai.OpenAI(base_url=f"{live.url}/v1", **options)
    claude = anthropic.Anthropic(base_url=live.url, **options)
    place = types.HttpOptions(base_url=live.url, timeout=SECONDS * 1000)
    google = genai.Client(api_key=live.key, http_options=place)

    def stream_chat(model: str) -> Iterator[str]:
        messages: Any = [{"role": "user", "content": QUESTION}]
        for chunk in chat.chat.completions.create(model=model, messages=messages, stream=True):
            yield from (choice.delta.content or "" for choice in chunk.choices)

    def stream_responses(model: str) -> Iterator[str]:
        for event in chat.responses.create(model=model, input=QUESTION, stream=True):
            if event.type == "response.output_text.delta":
                yield event.delta
            elif event.type == "response.failed":
                assert event.response.error is not None
                raise RuntimeError(event.response.error.message)

    def stream_claude(model: str) -> Iterator[str]:
        messages: Any = [{"role": "user", "content": QUESTION}]
        with claude.messages.stream(model=model, messages=messages, max_tokens=50) as stream:
            yield from stream.text_stream

    def stream_gemini(model: str) -> Iterator[str]:
        for chunk in google.models.generate_content_stream(model=model, contents=QUESTION):
            yield chunk.text or ""

    yield {
        "openai": stream_chat,
        "responses": stream_responses,
        "anthropic": stream_claude,
        "gemini": stream_gemini,
    }
    chat.close()
    claude.close()
    google.close()


def hear(stream: Iterator[str]) -> tuple[str, Exception | None]:
    """(what was said, what the SDK raised then)"""
    said = ""
    try:
        for words in stream:
            said += words
    except Exception as error:  # noqa: BLE001 -- its class is what is looked at
        return said, error
    return said, None


@pytest.mark.parametrize(("client", "wire"), EVERYBODY)
@pytest.mark.parametrize(("scene", "message"), [("error", "Overloaded"), ("cut", "broke off")])
def test_sdk_raises_after_what_was_said(
    desk: Desk, streams: dict[str, Stream], client: str, wire: str, scene: str, message: str
) -> None:
    model = f"{scene}-{client}-{wire}"
    desk.say(model, wire, scene, is_stream=True)
    said, error = hear(streams[client](model))
    assert said == "Hel"
    assert isinstance(error, FAILURES.get(client, RuntimeError))
    assert message in str(error)
    assert "request id: " in str(error)


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("client", "wire"), EVERYBODY)
def test_what_the_provider_says_of_the_request_reaches_the_client(
    desk: Desk, client: str, wire: str, *, is_stream: bool
) -> None:
    model = f"refused-{client}-{wire}"
    body = json.dumps(BODIES[wire]).encode()
    desk.scripts.say(model, whole(body, status="400 Bad Request"))
    response = desk.ask(client, model, is_stream=is_stream)
    assert response.status_code == 400
    message, kind = error_in(client, response.json())
    assert message.startswith("no such thing (request id: ")
    assert kind.lower() in {"invalid_request_error", "invalid_argument", "400"}
    assert desk.live.usage_of(response)["units"] == 0


@pytest.mark.parametrize(("client", "wire"), EVERYBODY)
def test_stream_that_begins_with_an_error_is_an_error_answer(
    desk: Desk, client: str, wire: str
) -> None:
    """Nothing was said: another channel could have answered."""
    model = f"first-{client}-{wire}"
    event = b"data: " + json.dumps(BODIES[wire]).encode() + b"\n\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    desk.scripts.say(model, head, event)
    response = desk.ask(client, model, is_stream=True)
    assert response.status_code >= 400
    assert response.headers["content-type"] == "application/json"
    message, _ = error_in(client, response.json())
    assert "no such thing" in message
    assert desk.live.usage_of(response)["units"] == 0

"""Calls in every client's dialect, to scripted providers of every dialect."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from tests.relay.live_gateway import LiveGateway
from tests.relay.scripted_provider import ScriptedProvider, stream, whole
from tests.unit.channels_app.dialects.pairs.transcripts import load, provider_stream

DIALECTS = ("openai", "responses", "anthropic", "gemini")
PAIRS = [(client, wire) for client in DIALECTS for wire in DIALECTS if client != wire]
KINDS = {
    "openai": ("--kind", "openai", "--setting=dialects=openai"),
    "responses": ("--kind", "openai", "--setting=dialects=responses"),
    "anthropic": ("--kind", "anthropic"),
    "gemini": ("--kind", "gemini", "--setting=dialects=gemini"),
}
"""A channel that speaks nothing but this dialect."""
QUESTION = "Say hello."
CONTENT: dict[str, dict[str, Any]] = {
    "openai": {"messages": [{"role": "user", "content": QUESTION}]},
    "responses": {"input": QUESTION},
    "anthropic": {"max_tokens": 300, "messages": [{"role": "user", "content": QUESTION}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]},
}
PATHS = {
    "openai": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
}
Json = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """`serve` opens channels, `say` scripts what they answer, `ask` calls."""

    live: LiveGateway
    scripts: ScriptedProvider

    def serve(self, models: dict[str, str], *arguments: object) -> None:
        """A channel for each model, by its provider's dialect."""
        for model, wire in models.items():
            url = self.scripts.say(model)
            self.live.new_channel(model, *KINDS[wire], *arguments, url=url)
        self.live.take_in()

    def say(self, model: str, wire: str, scene: str, *, is_stream: bool) -> None:
        """One of the scenes of pairs/."""
        told = load(scene)[wire]
        if is_stream:
            self.scripts.say(model, *stream(provider_stream(wire, told["stream"])))
        else:
            self.scripts.say(model, whole(json.dumps(told["answer"]).encode()))

    def asked(self, model: str) -> Json:
        """The only request that came."""
        body: Json = json.loads(self.scripts.asked_once(model).body)
        return body

    def ask(
        self, client: str, model: str, *, is_stream: bool = False, key: str = "", **fields: Any
    ) -> httpx.Response:
        path, body = request_of(client, model, is_stream=is_stream, **fields)
        headers = {"authorization": f"Bearer {key or self.live.key}"}
        return self.live.http.post(path, json=body, headers=headers)


def request_of(client: str, model: str, *, is_stream: bool, **fields: Any) -> tuple[str, Json]:
    """(path, body)"""
    content: Json = CONTENT[client] | fields
    if client == "gemini":
        action = "streamGenerateContent?alt=sse" if is_stream else "generateContent"
        return f"/v1beta/models/{model}:{action}", content
    if client == "openai" and is_stream:
        content |= {"stream_options": {"include_usage": True}}
    return PATHS[client], {"model": model, **content} | ({"stream": True} if is_stream else {})


def error_in(client: str, body: Json) -> tuple[str, str]:
    """(message, what the dialect calls this kind of error)"""
    error = body["error"]
    match client:
        case "anthropic":
            return error["message"], error["type"]
        case "gemini":
            return error["message"], error["status"]
        case _:
            return error["message"], error["code"]

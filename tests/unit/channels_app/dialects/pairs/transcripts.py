"""What a client of one dialect and a provider of another say to each other, scene by scene.

A scene is a file of this folder. Of each dialect it holds what its client asks (`request`) and its
provider answers (`answer`, `stream`), and what its provider gets (`asked`) and its client is told
(`told`, `told_stream`) in most pairs; `differences` are those of single pairs, "client>provider".
`models` are asked in place of the usual ones. Of a stream's events only what differs from event to
event is written down.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from channels_app.dialects.conversation import Conversation
from channels_app.dialects.dialect import Target, WriteOptions
from channels_app.dialects.frames import SseFrames
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.watch import DialectWatch
from channels_app.failures import from_answer
from tests.unit.channels_app.dialects.pairs.valid import read_valid

FOLDER = Path(__file__).parent
SCENES = sorted(path.stem for path in FOLDER.glob("*.json"))
DIALECTS = ("openai", "responses", "anthropic", "gemini")
PAIRS = [(client, provider) for client in DIALECTS for provider in DIALECTS if client != provider]
TARGETS = {
    "openai": Target("gpt-4o", "openai"),
    "responses": Target("gpt-5.2", "openai"),
    "anthropic": Target("claude-sonnet-4-5", "anthropic"),
    "gemini": Target("gemini-3-flash-preview", "gemini"),
}
IDS = {"openai": "chatcmpl-1", "responses": "resp_1", "anthropic": "msg_1", "gemini": "1"}
CREATED = 1700000001
NAMES: dict[str, dict[str, Any]] = {
    "openai": {"id": "chatcmpl-9", "created": 1700000009, "model": "gpt-4o-2024-08-06"},
    "responses": {"id": "resp_9", "created_at": 1700000009, "model": "gpt-4o-2024-08-06"},
    "gemini": {"modelVersion": "gemini-3-flash-preview", "responseId": "r9"},
}
"""What a provider's events say of themselves; Claude says it once."""
SAID = ("id", "status", "model", "output", "usage", "error", "incomplete_details")
"""Of the `response` object in events; the rest repeats the request."""
REPEATING = (
    "_part.added",
    "_part.done",
    "_text.done",
    "_arguments.done",
    "_input.done",
    "refusal.done",
)
"""Events that say what others say too."""
Json = dict[str, Any]


def load(scene: str) -> Json:
    data: Json = json.loads((FOLDER / f"{scene}.json").read_text(encoding="utf-8"))
    return data


def understand(data: Json, client: str, *, is_stream: bool = False) -> Conversation:
    """The client's request in the hub; an empty one in scenes without."""
    request = data[client].get("request")
    if request is None:
        return Conversation(client, "m", [], is_stream)
    fields = msgspec.json.decode(json.dumps(request), type=dict[str, msgspec.Raw])
    return find_dialect(client).parse_request(fields, "m", is_stream)


def ask(data: Json, client: str, provider: str) -> tuple[Any, list[str]]:
    """(what the provider gets, what is dropped)"""
    target = TARGETS[provider]
    if provider in data.get("models", {}):
        target = msgspec.structs.replace(target, model=data["models"][provider])
    rendered = find_dialect(provider).render_request(understand(data, client), target)
    return json.loads(msgspec.json.encode(rendered.body)), rendered.dropped


def options_of(data: Json, client: str, provider: str) -> WriteOptions:
    request = understand(data, client)
    return WriteOptions(IDS[client], "m", CREATED, request=request, signer=provider)


def tell(data: Json, client: str, provider: str) -> Any:
    """What the client gets of a whole answer; of a failure its message."""
    reply = find_dialect(provider).read_answer(json.dumps(data[provider]["answer"]).encode())
    if reply.error:
        return from_answer(502, reply.error).message
    told = json.loads(find_dialect(client).write_answer(reply, options_of(data, client, provider)))
    return shorten_response(told) if client == "responses" else told


def tell_stream(data: Json, client: str, provider: str, size: int = 0) -> list[Any]:
    """The client's events of a stream that arrives in pieces of `size` bytes."""
    stream = provider_stream(provider, data[provider]["stream"])
    dialect, options = find_dialect(client), options_of(data, client, provider)
    writer = dialect.writer(options)
    watch = DialectWatch(SseFrames(), find_dialect(provider).reader(), writer, writer)
    pieces = [
        stream[at : at + (size or len(stream))] for at in range(0, len(stream), size or len(stream))
    ]
    told = b"".join([watch.feed(piece) for piece in pieces]) + watch.flush()
    if watch.error or not watch.is_finished:
        message = from_answer(502, watch.error).message if watch.error else "broke off"
        told += watch.fail(message, "upstream_error")
    else:
        told += watch.ending()
    return client_events(client, told)


# --- Events, written in full and in short ---


def provider_stream(dialect: str, events: Sequence[Any]) -> bytes:
    """The bytes of a provider's stream."""
    return b"".join(
        [_provider_event(dialect, number, event) for number, event in enumerate(events)]
    )


def _provider_event(dialect: str, number: int, event: Any) -> bytes:
    if isinstance(event, str):
        return f"data: {event}\n\n".encode()
    match dialect:
        case "openai" if "delta" in event or "usage" in event:
            event = NAMES[dialect] | {"object": "chat.completion.chunk"} | _choice(event)
        case "gemini" if "error" not in event:
            event = _candidate(event) | NAMES[dialect]
        case "responses" if "response" in event:
            event = {**event, "response": NAMES[dialect] | event["response"]}
        case _:
            pass
    name = f"event: {event['type']}\n" if dialect == "anthropic" else ""
    if dialect == "responses":
        name, event = f"event: {event['type']}\n", {"sequence_number": number, **event}
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def _choice(event: Json) -> Json:
    usage = {"usage": event["usage"]} if "usage" in event else {}
    if "delta" not in event:
        return {"choices": [], **usage}
    choice = {name: value for name, value in event.items() if name != "usage"}
    return {"choices": [{"index": 0, "logprobs": None, "finish_reason": None} | choice], **usage}


def _candidate(event: Json) -> Json:
    candidate: Json = {"index": 0}
    if "parts" in event:
        candidate["content"] = {"role": "model", "parts": event["parts"]}
    rest = {name: value for name, value in event.items() if name not in {"parts", "usageMetadata"}}
    usage = {"usageMetadata": event["usageMetadata"]} if "usageMetadata" in event else {}
    return {"candidates": [candidate | rest], **usage}


def client_events(dialect: str, data: bytes) -> list[Any]:
    """A client's stream, valid and in short: without what all its events say of themselves, and
    what only repeats others.
    """
    events = [shorten(dialect, event) for event in read_valid(dialect, data)]
    return [event for event in events if event is not None]


def shorten(dialect: str, event: Any) -> Any:
    """The event in short; None for one that says what others say too."""
    match dialect:
        case "openai":
            return _short_chunk(event)
        case "gemini":
            return _short_candidate(event)
        case "responses":
            return _short_event(event)
        case _:
            return event


def _short_chunk(event: Any) -> Any:
    match event:
        case {"choices": [choice], **rest}:
            told: Json = {name: value for name, value in choice.items() if value not in (None, 0)}
            return told | {name: value for name, value in rest.items() if name == "usage"}
        case {"choices": [], "usage": usage}:
            return {"usage": usage}
        case _:
            return event


def _short_candidate(event: Json) -> Any:
    match event:
        case {"candidates": [{"content": content, **candidate}], **rest}:
            told = {"parts": content["parts"], **candidate}
            del told["index"]
            return told | {name: value for name, value in rest.items() if name == "usageMetadata"}
        case _:
            return event


def _short_event(event: Json) -> Json | None:
    kind = event["type"]
    if kind == "response.in_progress" or kind.endswith(REPEATING):
        return None
    if "response" in event:
        told = shorten_response(event["response"])
        told.pop("output", None)
        return {"type": kind, "response": told}
    names = ("output_index", "delta", "annotation", "item")
    return {"type": kind} | {name: event[name] for name in names if name in event}


def shorten_response(response: Json) -> Json:
    return {name: response[name] for name in SAID if response[name] not in (None, [])}


# --- Differences ---


def apply_difference(base: Any, difference: Any) -> Any:
    """`set` values at their paths and what is `gone`; `instead` of all of it."""
    if difference is None:
        return base
    if "instead" in difference:
        return difference["instead"]
    changed = json.loads(json.dumps(base))
    for path in difference.get("gone", ()):
        holder, name = _find(changed, path)
        del holder[name]
    for path, value in difference.get("set", {}).items():
        holder, name = _find(changed, path)
        holder[name] = value
    return changed


def _find(value: Any, path: str) -> tuple[Any, Any]:
    *way, last = path.split("/")
    for step in way:
        value = value[int(step) if isinstance(value, list) else step]
    return value, int(last) if isinstance(value, list) else last

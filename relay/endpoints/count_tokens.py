"""How many tokens a request would have: POST /v1/messages/count_tokens, …:countTokens. Counted
here, whatever the channel; costs nothing.
"""

import asyncio

import msgspec

from channels_app.tokens import count_tokens_aside
from relay import errors
from relay.admission import admit, check_model
from relay.counting import MEDIA_TOKENS, MESSAGE_TOKENS, media_count, prompt_text
from relay.fields import BIG_BODY, read_fields
from relay.gateway import Gateway
from relay.http import ClientExchange
from relay.request import NO_PARTS, CallRequest, PathParts, understand
from relay.token_limits import one_more_call

MOST_COUNTED = 1024 * 1024
"""Characters; what follows is guessed to have as many tokens in proportion."""


async def count_for_claude(exchange: ClientExchange, gateway: Gateway) -> None:
    """https://docs.anthropic.com/en/api/messages-count-tokens"""
    counted = await _count(exchange, gateway, "messages", NO_PARTS)
    await exchange.answer(200, msgspec.json.encode({"input_tokens": counted}))


async def count_for_gemini(exchange: ClientExchange, gateway: Gateway, path: PathParts) -> None:
    """https://ai.google.dev/api/tokens"""
    counted = await _count(exchange, gateway, "generate", path)
    await exchange.answer(200, msgspec.json.encode({"totalTokens": counted}))


async def _count(exchange: ClientExchange, gateway: Gateway, endpoint: str, path: PathParts) -> int:
    admitted = await admit(exchange, gateway)
    body = await exchange.read_body(gateway.options.max_body_bytes)
    with one_more_call(gateway, admitted.caller):
        if len(body) > BIG_BODY:
            model, text, extra = await asyncio.to_thread(read_text, endpoint, body, path)
        else:
            model, text, extra = read_text(endpoint, body, path)
        check_model(admitted.caller, model)
        if not gateway.snapshot.routes.has_model(admitted.caller.group, model):
            raise errors.no_channel(admitted.caller.group, model)
        begun = text[:MOST_COUNTED]
        counted = await count_tokens_aside(model, begun, is_free=True)
    return counted * len(text) // max(len(begun), 1) + extra


def read_text(endpoint: str, body: bytes, path: PathParts) -> tuple[str, str, int]:
    """(the model, what it would read, tokens besides)."""
    request = read_request(endpoint, body, path)
    text = prompt_text(request) or ""
    lines = text.count("\n") + 1
    return request.model, text, MESSAGE_TOKENS * lines + media_count(request) * MEDIA_TOKENS


def read_request(endpoint: str, body: bytes, path: PathParts) -> CallRequest:
    """Claude's form lacks max_tokens here; Gemini's may hold a whole generateContent request."""
    fields = read_fields(body)
    whole = fields.pop("generateContentRequest", None)
    if whole is not None:
        fields = read_fields(bytes(whole))
    if endpoint == "messages":
        fields["max_tokens"] = msgspec.Raw(b"1")
    return understand(endpoint, fields, len(body), path)

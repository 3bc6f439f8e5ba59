"""What this token may use: /v1/models in OpenAI's or Claude's form, /v1beta/models in Gemini's."""

from collections.abc import Sequence
from typing import Any

import msgspec

from channels_app.kind_models import owner_of
from relay import errors
from relay.admission import admit
from relay.gateway import Gateway
from relay.http import ClientExchange

CREATED = 1626777600
"""The creation time that the existing product tells of every model."""
CREATED_AT = "2021-07-20T10:40:00Z"
GEMINI_METHODS = ["generateContent", "streamGenerateContent", "countTokens", "embedContent"]


async def list_models(exchange: ClientExchange, gateway: Gateway) -> None:
    form = form_of(exchange)
    admitted = await admit(exchange, gateway)
    served = gateway.snapshot.routes.models_of_group.get(admitted.caller.group, ())
    models = admitted.caller.models
    entries = [DESCRIBE[form](name) for name in served if models.allows(name)]
    await exchange.answer(200, msgspec.json.encode(write_list(form, entries)))


async def retrieve_model(exchange: ClientExchange, gateway: Gateway, model: str) -> None:
    form = form_of(exchange)
    admitted = await admit(exchange, gateway)
    served = gateway.snapshot.routes.has_model(admitted.caller.group, model)
    if not served or not admitted.caller.models.allows(model):
        raise errors.unknown_model(model[:100])
    await exchange.answer(200, msgspec.json.encode(DESCRIBE[form](model)))


def form_of(exchange: ClientExchange) -> str:
    """Anthropic's SDKs ask at OpenAI's address, and are known by their version header."""
    if b"anthropic-version" in exchange.headers and exchange.dialect == "openai":
        exchange.dialect = "anthropic"
    return exchange.dialect


def write_list(form: str, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if form == "gemini":
        return {"models": entries}
    if form == "anthropic":
        ends = [entries[index]["id"] if entries else None for index in (0, -1)]
        return {"data": entries, "has_more": False, "first_id": ends[0], "last_id": ends[1]}
    return {"object": "list", "data": entries}


def describe_model(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": owner_of(name) or "custom",
        "root": name,
        "parent": None,
    }


def describe_for_claude(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": CREATED_AT}


def describe_for_gemini(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "displayName": name,
        "version": "001",
        "supportedGenerationMethods": GEMINI_METHODS,
    }


DESCRIBE = {
    "openai": describe_model,
    "anthropic": describe_for_claude,
    "gemini": describe_for_gemini,
}

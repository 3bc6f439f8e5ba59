"""Bytes pass through between equal dialects: only what must differ is replaced in the client's
own fields.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from channels_app.dialects.openai_models import OPENAI_KINDS, is_new_model

_encode = msgspec.json.Encoder().encode
Fields = Mapping[str, msgspec.Raw]
OLD_LIMIT, NEW_LIMIT = "max_tokens", "max_completion_tokens"


def splice(
    fields: Fields,
    dialect: str,
    kind: str,
    model: str,
    *,
    asks_usage: bool = False,
    max_tokens: int | None = None,
) -> dict[str, Any]:
    """The client's fields with the provider's model name, usage asked for, and the output limited
    to `max_tokens` where that is not None, by the name that the provider knows.
    """
    spliced: dict[str, Any] = dict(fields)
    if dialect != "gemini":
        spliced["model"] = model
    if asks_usage:
        spliced["stream_options"] = msgspec.Raw(ask_usage(fields.get("stream_options")))
    if dialect == "openai":
        _limit_chat(spliced, limit_name(kind, model), max_tokens)
    elif max_tokens is None:
        return spliced
    elif dialect == "gemini":
        spliced.update(_limit_gemini(fields, max_tokens))
    else:
        spliced["max_output_tokens" if dialect == "responses" else "max_tokens"] = max_tokens
    return spliced


def limit_name(kind: str, model: str) -> str:
    """What limits the output of Chat. Reasoning models of OpenAI refuse `max_tokens`, those who
    copied it ignore the other: https://platform.openai.com/docs/api-reference/chat/create,
    https://api-docs.deepseek.com/api/create-chat-completion
    """
    return NEW_LIMIT if kind in OPENAI_KINDS or is_new_model(model) else OLD_LIMIT


def _limit_chat(fields: dict[str, Any], name: str, max_tokens: int | None) -> None:
    """Who knows the new name knows the old one too, and gets what the client wrote."""
    names = (NEW_LIMIT, OLD_LIMIT)
    given = {n: fields[n] for n in names if n in fields and bytes(fields[n]) != b"null"}
    if max_tokens is None and (name == NEW_LIMIT or NEW_LIMIT not in given):
        return
    if name == NEW_LIMIT and given:
        name = next(iter(given))
    for other in names:
        fields.pop(other, None)
    fields[name] = given[NEW_LIMIT] if max_tokens is None else max_tokens


def _limit_gemini(fields: Fields, max_tokens: int) -> dict[str, Any]:
    for name in ("generation_config", "generationConfig"):
        if name in fields and bytes(fields[name]) != b"null":
            config = msgspec.json.decode(fields[name], type=dict[str, msgspec.Raw])
            config.pop("max_output_tokens", None)
            return {name: {**config, "maxOutputTokens": max_tokens}}
    return {"generationConfig": {"maxOutputTokens": max_tokens}}


def ask_usage(options: msgspec.Raw | None) -> bytes:
    """`stream_options` with include_usage, whatever else the client put there kept."""
    if options is None or bytes(options) == b"null":
        return b'{"include_usage":true}'
    fields = msgspec.json.decode(options, type=dict[str, msgspec.Raw])
    fields["include_usage"] = msgspec.Raw(b"true")
    return _encode(fields)

"""Bytes pass through between equal dialects: only what must differ is replaced in the client's
own fields.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from channels_app.dialects.openai_models import OPENAI_KINDS, is_new_model

_encode = msgspec.json.Encoder().encode
Fields = Mapping[str, msgspec.Raw]


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
    to `max_tokens` where that is not None.
    """
    spliced: dict[str, Any] = dict(fields)
    if dialect != "gemini":
        spliced["model"] = model
    if asks_usage:
        spliced["stream_options"] = msgspec.Raw(ask_usage(fields.get("stream_options")))
    if max_tokens is None:
        return spliced
    if dialect == "gemini":
        spliced.update(_limit_gemini(fields, max_tokens))
    else:
        spliced[_limit_field(fields, dialect, kind, model)] = max_tokens
    return spliced


def _limit_field(fields: Fields, dialect: str, kind: str, model: str) -> str:
    if dialect == "responses":
        return "max_output_tokens"
    for name in ("max_completion_tokens", "max_tokens"):
        if name in fields and bytes(fields[name]) != b"null":
            return name
    # https://platform.openai.com/docs/api-reference/chat/create: max_tokens is refused by reasoning
    # models.
    is_new = dialect == "openai" and (kind in OPENAI_KINDS or is_new_model(model))
    return "max_completion_tokens" if is_new else "max_tokens"


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

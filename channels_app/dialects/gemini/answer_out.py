"""A Reply becomes a GenerateContentResponse.

https://ai.google.dev/api/generate-content#generatecontentresponse
"""

from typing import Any

import msgspec

from channels_app.dialects.conversation import (
    Audio,
    Image,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from channels_app.dialects.dialect import WriteOptions
from channels_app.dialects.gemini.contents_out import (
    STAND_IN,
    read_args,
    sign_last,
    write_thought,
)
from channels_app.dialects.gemini.logprobs import write_logprobs
from channels_app.dialects.gemini.media import is_base64, write_blob, write_format
from channels_app.dialects.gemini.usage import write_usage
from channels_app.dialects.provenance import mark
from channels_app.dialects.reply import Choice, CitationDelta, FinishReason, Reply

NAME = "gemini"
FINISHES: dict[FinishReason, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "pause": "STOP",
    "length": "MAX_TOKENS",
    "context": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
}
Json = dict[str, Any]
_encode = msgspec.json.Encoder().encode


def write_answer(reply: Reply, options: WriteOptions) -> bytes:
    candidates = [
        _candidate(index, choice, options.signer) for index, choice in enumerate(reply.choices)
    ]
    body: Json = {"candidates": candidates}
    if reply.consumed is not None:
        body["usageMetadata"] = write_usage(reply.consumed)
    body["modelVersion"] = reply.model or options.model
    body["responseId"] = reply.id or options.id
    return _encode(body)


def _candidate(index: int, choice: Choice, signer: str) -> Json:
    parts: list[Json] = []
    for part in choice.parts:
        if isinstance(part, Thinking):
            signature = usable_signature(part.signature, signer)
            if part.text:
                parts.append(write_thought(part.text, signature))
            elif signature:
                sign_last(parts, signature)
        elif (told := write_part(part)) is not None:
            parts.append(told)
    sign_first_call(parts, signer)
    content = {"parts": parts or [{"text": ""}], "role": "model"}
    finish = FINISHES[choice.finish]
    told = {"content": content, "finishReason": finish, "index": index}
    return told | write_sources(choice.citations) | write_probabilities(choice.logprobs)


def write_part(part: Part) -> Json | None:
    match part:
        case Text() | Refusal():
            return {"text": part.text}
        case ToolCall():
            return write_call(part)
        case Image(data=data) if data:
            return write_blob(part.media_type or "image/png", data)
        case Image():
            return {"fileData": {"mimeType": part.media_type or "image/png", "fileUri": part.url}}
        case Audio(data=data) if data:
            return write_blob(write_format(part.format), data)
        case Audio():
            return {"text": part.transcript} if part.transcript else None
        case Opaque(dialect="gemini"):
            return dict(part.value)
        case _:
            return None


def write_call(call: ToolCall) -> Json:
    args = {"input": call.arguments} if call.is_custom else read_args(call.arguments)
    told: Json = {"functionCall": {"id": call.id, "name": call.name, "args": args}}
    if not call.id:
        del told["functionCall"]["id"]
    signature = usable_signature(call.signature)
    return told | {"thoughtSignature": signature} if signature else told


def usable_signature(signature: str, signer: str = "") -> str:
    """Other providers' signatures may be no base64, on which clients of this dialect break."""
    return mark(signature, signer, NAME) if signature and is_base64(signature) else ""


def sign_first_call(parts: list[Json], signer: str) -> None:
    """A call of another provider's may come back to a model that wants its own signature on it."""
    call = next((part for part in parts if "functionCall" in part), None)
    if call is not None and signer not in {"", NAME}:
        call.setdefault("thoughtSignature", STAND_IN)


def write_sources(citations: list[CitationDelta]) -> Json:
    """groundingMetadata; nothing where no source is known."""
    known = [one for one in citations if one.url or (one.title and one.dialect == NAME)]
    if not known:
        return {}
    chunks = [
        one.value
        if one.dialect == NAME and isinstance(one.value, dict)
        else {"web": {"uri": one.url, "title": one.title}}
        for one in known
    ]
    told: Json = {"groundingChunks": chunks}
    supports = [
        {"segment": {"text": one.text}, "groundingChunkIndices": [index]}
        for index, one in enumerate(known)
        if one.text
    ]
    if supports:
        told["groundingSupports"] = supports
    return {"groundingMetadata": told}


def write_probabilities(value: Any) -> Json:
    told = write_logprobs(value)
    return {} if told is None else {"logprobsResult": told}

"""A Reply becomes a Claude message; what whole answers and streams have in common."""

from typing import Any

import msgspec

from channels_app.dialects.claude.blocks_in import NAME
from channels_app.dialects.claude.tool_input import read_input
from channels_app.dialects.claude.usage import write_usage
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
from channels_app.dialects.provenance import mark
from channels_app.dialects.reply import Choice, CitationDelta, FinishReason, Reply

REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
    "context": "model_context_window_exceeded",
}
_encode = msgspec.json.Encoder().encode


def write_answer(reply: Reply, options: WriteOptions) -> bytes:
    """Of several choices the first: Claude knows no more."""
    choice = reply.choices[0] if reply.choices else Choice()
    has_calls = any(isinstance(part, ToolCall) for part in choice.parts)
    has_refused = any(isinstance(part, Refusal) for part in choice.parts)
    message = write_head(reply.id, reply.model, options)
    message["content"] = _content(choice, message["id"], options.signer)
    message["stop_reason"] = stop_reason(
        choice.finish, choice.stop_sequence, has_calls=has_calls, has_refused=has_refused
    )
    message["stop_sequence"] = choice.stop_sequence
    message["usage"] = write_usage(reply.consumed)
    return _encode(message)


def write_head(answer_id: str, model: str, options: WriteOptions) -> dict[str, Any]:
    """A message that has not begun; the provider's id only where it looks like Claude's."""
    return {
        "id": answer_id if answer_id.startswith("msg_") else options.id,
        "type": "message",
        "role": "assistant",
        "model": model or options.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": write_usage(None),
    }


def stop_reason(
    finish: FinishReason, sequence: str | None, *, has_calls: bool, has_refused: bool
) -> str:
    if has_refused:
        return "refusal"
    if finish == "stop" and sequence is not None:
        return "stop_sequence"
    if finish == "stop" and has_calls:
        return "tool_use"
    return REASONS[finish]


def write_citation(citation: CitationDelta) -> dict[str, Any] | None:
    """Another provider's source becomes a web search's; an empty index marks it as foreign."""
    if citation.dialect == NAME:
        return citation.value if isinstance(citation.value, dict) else None
    if not citation.url:
        return None
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title or None,
        "encrypted_index": "",
        "cited_text": citation.text,
    }


def call_id(told: str, answer_id: str, index: int) -> str:
    """Some providers name no calls."""
    return told or f"toolu_{answer_id.removeprefix('msg_')}_{index}"


def image_link(url: str) -> str:
    """A picture that the model drew: in words, since Claude draws none."""
    return f"![image]({url})"


def _content(choice: Choice, answer_id: str, signer: str) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for part in choice.parts:
        block = _block(part, call_id("", answer_id, len(blocks)), signer)
        if block is not None:
            blocks.append(block)
    texts = [block for block in blocks if block["type"] == "text"]
    if texts and not any("citations" in block for block in texts):
        told = [write_citation(citation) for citation in choice.citations]
        if citations := [value for value in told if value is not None]:
            texts[-1]["citations"] = citations
    return blocks


def _block(part: Part, spare_id: str, signer: str) -> dict[str, Any] | None:
    match part:
        case Text(text=words, citations=citations) if words:
            block = {"type": "text", "text": words}
            return {**block, "citations": citations} if citations else block
        case Refusal(text=words) | Audio(transcript=words) if words:
            return {"type": "text", "text": words}
        case Image(url=url) if url:
            return {"type": "text", "text": image_link(url)}
        case Thinking(redacted=data) if data:
            return {"type": "redacted_thinking", "data": data}
        case Thinking() if part.text or part.signature:
            signature = mark(part.signature, signer, NAME)
            return {"type": "thinking", "thinking": part.text, "signature": signature}
        case ToolCall():
            given = read_input(part.arguments, is_custom=part.is_custom)
            told = part.id or spare_id
            return {"type": "tool_use", "id": told, "name": part.name, "input": given}
        case Opaque(dialect=dialect, value={"type": str()} as value) if dialect == NAME:
            return dict(value)
        case _:
            return None

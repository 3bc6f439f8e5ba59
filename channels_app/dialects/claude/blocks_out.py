"""Parts become content blocks of a request to Claude."""

import base64
import binascii
from typing import Any

from channels_app.dialects.claude.blocks_in import NAME
from channels_app.dialects.claude.models import Traits
from channels_app.dialects.claude.tool_input import CallIds, read_input
from channels_app.dialects.conversation import (
    Audio,
    File,
    Image,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from channels_app.dialects.provenance import own_signature
from channels_app.dialects.reading import cache_control

Block = dict[str, Any]
CACHEABLE = Text | Image | File | ToolCall | ToolResult
PICTURES = {
    "iVBORw0": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}
"""How base64 of each kind begins: Anthropic refuses a picture under a wrong media type."""
TEXT_TYPES = frozenset({"application/json", "application/xml", "application/yaml"})
"""Documents beside text/* that are sent as words: base64 is for PDF only."""


class BlockWriter:
    """Writes the blocks of one request, and notes in `dropped` what has no place in it."""

    def __init__(self, traits: Traits, dropped: list[str], source: str) -> None:
        self._traits = traits
        self._dropped = dropped
        self._client = source
        self._is_own = source == NAME
        self._ids = CallIds()

    def write(self, part: Part, role: str) -> Block | None:
        """The block, with its cache mark; None where nothing can be told."""
        match role:
            case "assistant":
                block = self._said(part)
            case "user":
                block = self._shown(part)
            case _:
                block = self._common(part)
        if block is not None and isinstance(part, CACHEABLE) and part.cache:
            block["cache_control"] = cache_control(part.cache)
        return block

    def _said(self, part: Part) -> Block | None:
        """By the model."""
        match part:
            case Thinking():
                return self._thinking(part)
            case ToolCall():
                given, call_id = read_input(part.arguments), self._ids.for_call(part.id)
                return {"type": "tool_use", "id": call_id, "name": part.name, "input": given}
            case Refusal():
                return self._text(Text(part.text))
            case Audio(transcript=words) if words:
                return self._text(Text(words))
            case Image() | File():
                self._dropped.append(type(part).__name__.lower())
                return None
            case _:
                return self._common(part)

    def _shown(self, part: Part) -> Block | None:
        """To the model."""
        match part:
            case Image():
                return self._image(part)
            case File():
                return self._document(part)
            case ToolResult():
                return self._result(part)
            case _:
                return self._common(part)

    def _common(self, part: Part) -> Block | None:
        match part:
            case Text():
                return self._text(part)
            case Opaque(dialect=dialect, value=dict(value)) if dialect == NAME:
                return dict(value)
            case Opaque(value={"type": str(kind)}):
                self._dropped.append(kind)
            case _:
                self._dropped.append(type(part).__name__.lower())
        return None

    def _text(self, part: Text) -> Block | None:
        """Anthropic refuses blank texts."""
        if not part.text.strip():
            return None
        block: Block = {"type": "text", "text": part.text}
        citations = [value for value in part.citations if _is_genuine(value)]
        if citations and self._is_own:
            block["citations"] = citations
        return block

    def _thinking(self, part: Thinking) -> Block | None:
        """Claude takes back what it signed itself. Others sign nothing, and want it back."""
        if part.redacted:
            return {"type": "redacted_thinking", "data": part.redacted}
        signature = own_signature(part.signature, self._client, NAME)
        if signature or (self._is_own and not self._traits.is_claude):
            return {"type": "thinking", "thinking": part.text, "signature": signature}
        return None

    def _image(self, image: Image) -> Block | None:
        if image.file_id:
            return self._by_id("image", image.file_id)
        if image.url:
            return {"type": "image", "source": {"type": "url", "url": image.url}}
        source = {"type": "base64", "media_type": _media_type(image), "data": image.data}
        return {"type": "image", "source": source}

    def _by_id(self, kind: str, file_id: str) -> Block | None:
        """A file that lies with the provider whose dialect the client speaks."""
        if self._is_own:
            return {"type": kind, "source": {"type": "file", "file_id": file_id}}
        self._dropped.append("image" if kind == "image" else "file")
        return None

    def _document(self, file: File) -> Block | None:
        if file.media_type.startswith("image/"):
            return self._image(Image(file.media_type, file.data, file.url, file.file_id))
        block = self._source(file)
        if block is None:
            return None
        if file.name:
            block["title"] = file.name
        if self._is_own:
            extra = {name: value for name, value in file.extra.items() if name != "content"}
            block.update(extra)
        return block

    def _source(self, file: File) -> Block | None:
        source: Block
        if self._is_own and "content" in file.extra:
            source = {"type": "content", "content": file.extra["content"]}
        elif file.file_id:
            return self._by_id("document", file.file_id)
        elif file.url:
            source = {"type": "url", "url": file.url}
        elif file.data and (file.media_type or "application/pdf") == "application/pdf":
            source = {"type": "base64", "media_type": "application/pdf", "data": file.data}
        elif (words := file.text or _words_in(file)).strip():
            source = {"type": "text", "media_type": "text/plain", "data": words}
        else:
            self._dropped.append("file")
            return None
        return {"type": "document", "source": source}

    def _result(self, result: ToolResult) -> Block:
        """A failure is told in words only, and never without."""
        block: Block = {"type": "tool_result", "tool_use_id": self._ids.for_result(result.call_id)}
        told = [self.write(part, "user") for part in result.parts]
        blocks = [inner for inner in told if inner is not None]
        if result.is_error:
            block["is_error"] = True
            words = [inner for inner in blocks if inner.get("type") == "text"]
            self._dropped += ["image"] if len(words) < len(blocks) else []
            blocks = words or [{"type": "text", "text": "Error"}]
        if blocks:
            block["content"] = shorten(blocks)
        return block


def shorten(blocks: list[Block]) -> str | list[Block]:
    """A plain text where one will do: some who copied this dialect take nothing else."""
    match blocks:
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return text
        case _:
            return blocks


def _is_genuine(citation: Any) -> bool:
    """False for what answer_out made of another provider's source: Anthropic would refuse it."""
    match citation:
        case {"type": "web_search_result_location", "encrypted_index": ""}:
            return False
        case _:
            return isinstance(citation, dict)


def _media_type(image: Image) -> str:
    for start, media_type in PICTURES.items():
        if image.data.startswith(start):
            return media_type
    if image.media_type in {"", "image/jpg"}:
        return "image/jpeg"
    return image.media_type


def _words_in(file: File) -> str:
    """The text of a document that came as base64; '' where it is none."""
    kind = file.media_type.partition(";")[0]
    if not (kind.startswith("text/") or kind in TEXT_TYPES):
        return ""
    try:
        return base64.b64decode(file.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""

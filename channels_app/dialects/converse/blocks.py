"""Parts of turns become Converse's content blocks.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from channels_app.dialects.conversation import (
    CacheTtl,
    File,
    Image,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from channels_app.dialects.converse.families import TAKES_CACHE_MARKS, TAKES_STATUS
from channels_app.dialects.fitting import input_of, name_of
from channels_app.dialects.provenance import own_signature

Block = dict[str, Any]
IMAGES = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9()\[\]-]+")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")


class BlockWriter:
    """Writes the blocks of one request, whose documents must all have names of their own."""

    def __init__(self, family: str, dropped: list[str], source: str) -> None:
        self._family, self._dropped, self._source = family, dropped, source
        self._names: set[str] = set()
        self._numbers: dict[str, int] = {}

    def write(self, parts: Iterable[Part], role: Role) -> list[Block]:
        """The blocks of these parts; what may not stand in a turn of this role is dropped."""
        blocks: list[Block] = []
        for part in parts:
            block = self._block(part, role)
            if block is not None:
                blocks.append(block)
                blocks += self.cache_point(getattr(part, "cache", ""))
        return blocks

    def cache_point(self, ttl: CacheTtl) -> list[Block]:
        """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CachePointBlock.html"""
        if not ttl:
            return []
        if self._family not in TAKES_CACHE_MARKS:
            self._dropped.append("cache_control")
            return []
        point = {"type": "default", "ttl": "1h"} if ttl == "1h" else {"type": "default"}
        return [{"cachePoint": point}]

    def _block(self, part: Part, role: Role) -> Block | None:
        block: Block | None = None
        match part:
            case Text() | Refusal():
                # Blank texts are refused.
                return {"text": part.text} if part.text.strip() else None
            case Image() if role == "user":
                block = _image(part)
            case File() if role == "user":
                block = self._document(part)
            case Thinking() if role == "assistant":
                block = self._thought(part)
            case ToolCall() if role == "assistant":
                block = _call(part)
            case ToolResult() if role == "user":
                block = self._result(part)
            case _:
                pass
        if block is None:
            self._dropped.append(name_of(part))
        return block

    def _document(self, file: File) -> Block | None:
        """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html"""
        kind, data = DOCUMENTS.get(file.media_type.partition(";")[0].lower()), file.data
        if file.text:
            kind, data = kind or "txt", b64encode(file.text.encode()).decode()
        if kind is None or not data:
            return None
        stem = file.name.rpartition(".")[0] or file.name
        base = _NOT_IN_NAMES.sub(" ", stem).strip()[:180] or "document"
        name, number = base, self._numbers.get(base, 1)
        while name in self._names:
            number += 1
            name = f"{base} {number}"
        self._numbers[base] = number
        self._names.add(name)
        return {"document": {"format": kind, "name": name, "source": {"bytes": data}}}

    def _thought(self, thought: Thinking) -> Block | None:
        """Only what was signed is taken back."""
        if self._family not in {"claude", "unknown"}:
            return None
        if thought.redacted:
            return {"reasoningContent": {"redactedContent": thought.redacted}}
        signature = own_signature(thought.signature, self._source, "converse")
        if not signature:
            return None
        text = {"text": thought.text, "signature": signature}
        return {"reasoningContent": {"reasoningText": text}}

    def _result(self, result: ToolResult) -> Block:
        told: Block = {
            "toolUseId": tool_id(result.call_id),
            "content": self.write(result.parts, "user"),
        }
        if result.is_error and self._family in TAKES_STATUS:
            told["status"] = "error"
        elif result.is_error:
            told["content"].insert(0, {"text": "Error:"})
        return {"toolResult": told}


def _image(image: Image) -> Block | None:
    kind = IMAGES.get(image.media_type.lower())
    if kind is None or not image.data:
        return None
    return {"image": {"format": kind, "source": {"bytes": image.data}}}


def _call(call: ToolCall) -> Block:
    told = {"toolUseId": tool_id(call.id), "name": call.name, "input": input_of(call)}
    return {"toolUse": told}


def tool_id(call_id: str) -> str:
    """Other providers' ids may be longer and hold other characters."""
    return _NOT_IN_IDS.sub("_", call_id)[:64]

"""The items of an answer become deltas: all of an item, or what its events left untold."""

from typing import Any

from channels_app.dialects.reply import (
    CitationDelta,
    Delta,
    ImageDelta,
    LogprobsDelta,
    OpaqueDelta,
    RedactedDelta,
    RefusalDelta,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
)
from channels_app.dialects.responses.own import NAME, REDACTED
from channels_app.dialects.responses.thoughts import thought_of

Key = int | str


def citation_of(note: Any) -> CitationDelta:
    if not isinstance(note, dict) or note.get("type") != "url_citation":
        return CitationDelta(dialect=NAME, value=note)
    url, title = note.get("url"), note.get("title")
    return CitationDelta(str(url or ""), str(title or ""), "", NAME, note)


class OutputReader:
    """Knows of each item, by its key, what was told already."""

    def __init__(self) -> None:
        self.texts: set[Key] = set()
        self.noted: set[Key] = set()
        self.weighed: set[Key] = set()
        self.thoughts: set[Key] = set()
        self.arguments: set[Key] = set()
        self.calls: dict[Key, int] = {}

    def start_item(self, key: Key, item: Any) -> list[Delta]:
        match item:
            case {"type": "function_call" | "custom_tool_call"}:
                return self._start_call(key, item)
            case _:
                return []

    def finish_item(self, key: Key, item: Any) -> list[Delta]:
        match item:
            case {"type": "message", "content": [*content]}:
                return [delta for part in content for delta in self._piece(key, part)]
            case {"type": "reasoning"}:
                return self._thinking(key, item)
            case {"type": "function_call"}:
                return self._start_call(key, item) + self.finish_call(key, item.get("arguments"))
            case {"type": "custom_tool_call"}:
                return self._start_call(key, item) + self.finish_call(key, item.get("input"))
            case {"type": "image_generation_call", "result": str(data)} if data:
                form = item.get("output_format")
                return [ImageDelta(f"image/{form if isinstance(form, str) else 'png'}", data)]
            case {"type": str(kind)} if kind != "message":
                return [OpaqueDelta(NAME, item)]
            case _:
                return []

    def finish_call(self, key: Key, arguments: Any) -> list[Delta]:
        if key not in self.calls or key in self.arguments or not isinstance(arguments, str):
            return []
        if not arguments:
            return []
        self.arguments.add(key)
        return [ToolDelta(self.calls[key], arguments)]

    def _start_call(self, key: Key, item: dict[str, Any]) -> list[Delta]:
        if key in self.calls:
            return []
        index = self.calls[key] = len(self.calls)
        call_id, name = item.get("call_id") or item.get("id"), item.get("name")
        start = ToolStarted(index, str(call_id or ""), str(name or ""))
        start.is_custom = item["type"] == "custom_tool_call"
        start.namespace = str(item.get("namespace") or "")
        return [start]

    def _piece(self, key: Key, part: Any) -> list[Delta]:
        is_untold = key not in self.texts
        match part:
            case {"type": "refusal", "refusal": str(text)} if text and is_untold:
                return [RefusalDelta(text)]
            case {"type": "output_text"}:
                text, notes, logprobs = (part.get(n) for n in ("text", "annotations", "logprobs"))
                deltas: list[Delta] = []
                if is_untold and isinstance(text, str) and text:
                    deltas.append(TextDelta(text))
                if key not in self.noted and isinstance(notes, list):
                    deltas += [citation_of(note) for note in notes]
                if key not in self.weighed and isinstance(logprobs, list) and logprobs:
                    deltas.append(LogprobsDelta({"content": logprobs, "refusal": None}))
                return deltas
            case _:
                return []

    def _thinking(self, key: Key, item: dict[str, Any]) -> list[Delta]:
        """A thought that is neither told nor signed is nothing to anybody else."""
        name, signature = item.get("id"), item.get("encrypted_content")
        signature = signature if isinstance(signature, str) else ""
        if signature.startswith(REDACTED):
            return [RedactedDelta(signature.removeprefix(REDACTED))]
        text = "" if key in self.thoughts else thought_of(item)
        deltas: list[Delta] = [ThinkingDelta(text)] if text else []
        if signature or ((text or key in self.thoughts) and name):
            deltas.append(SignatureDelta(signature, str(name or "")))
        return deltas

"""Items of an answer that are being written, and the events that are told of them.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from dataclasses import dataclass, field
from typing import Any

from channels_app.dialects.provenance import mark
from channels_app.dialects.reply import CitationDelta
from channels_app.dialects.responses.annotations import annotation_of
from channels_app.dialects.responses.own import NAME

Item = dict[str, Any]
Event = dict[str, Any]


def event_of(kind: str, **fields: Any) -> Event:
    return {"type": f"response.{kind}", **fields}


@dataclass(slots=True)
class Message:
    """`pieces`, of `length` together, are of its current part, whose type is `kind`; `content` are
    the parts before.
    """

    index: int
    id: str
    kind: str = ""
    pieces: list[str] = field(default_factory=list)
    notes: list[Item] = field(default_factory=list)
    tokens: list[Item] = field(default_factory=list)
    length: int = 0
    content: list[Item] = field(default_factory=list)

    def place(self) -> dict[str, Any]:
        return {
            "item_id": self.id,
            "output_index": self.index,
            "content_index": len(self.content),
        }

    def begin_part(self, kind: str) -> list[Event]:
        events = self.end_part()
        self.kind = kind
        part: Item = {"type": kind, "text": "", "annotations": [], "logprobs": []}
        if kind == "refusal":
            part = {"type": kind, "refusal": ""}
        return [*events, event_of("content_part.added", **self.place(), part=part)]

    def say(self, text: str) -> Event:
        self.pieces.append(text)
        self.length += len(text)
        if self.kind == "refusal":
            return event_of("refusal.delta", **self.place(), delta=text)
        return event_of("output_text.delta", **self.place(), delta=text, logprobs=[])

    def cite(self, citation: CitationDelta) -> list[Event]:
        note = annotation_of(citation, self.length)
        if note is None:
            return []
        place = {**self.place(), "annotation_index": len(self.notes)}
        self.notes.append(note)
        return [event_of("output_text.annotation.added", **place, annotation=note)]

    def end_part(self) -> list[Event]:
        if not self.kind:
            return []
        text, place = "".join(self.pieces), self.place()
        if self.kind == "refusal":
            part: Item = {"type": "refusal", "refusal": text}
            told = event_of("refusal.done", **place, refusal=text)
        else:
            about = {"annotations": self.notes, "logprobs": self.tokens}
            part = {"type": "output_text", "text": text, **about}
            told = event_of("output_text.done", **place, text=text, logprobs=self.tokens)
        self.kind, self.pieces, self.notes, self.tokens, self.length = "", [], [], [], 0
        self.content.append(part)
        return [told, event_of("content_part.done", **place, part=part)]


@dataclass(slots=True)
class Thought:
    """A reasoning item; what was thought is told as its only summary."""

    index: int
    id: str
    signer: str
    pieces: list[str] = field(default_factory=list)
    signature: str = ""

    def place(self) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": self.index, "summary_index": 0}

    def think(self, text: str) -> list[Event]:
        events = []
        if not self.pieces:
            part = {"type": "summary_text", "text": ""}
            events.append(event_of("reasoning_summary_part.added", **self.place(), part=part))
        self.pieces.append(text)
        events.append(event_of("reasoning_summary_text.delta", **self.place(), delta=text))
        return events

    def end(self) -> tuple[Item, list[Event]]:
        """The rest of the item, and what is told before it."""
        signature = mark(self.signature, self.signer, NAME)
        rest: Item = {"encrypted_content": signature} if signature else {}
        if not self.pieces:
            return rest, []
        text = "".join(self.pieces)
        part = {"type": "summary_text", "text": text}
        return {"summary": [part], **rest}, [
            event_of("reasoning_summary_text.done", **self.place(), text=text),
            event_of("reasoning_summary_part.done", **self.place(), part=part),
        ]


@dataclass(slots=True)
class Call:
    index: int
    id: str
    name: str
    is_custom: bool
    pieces: list[str] = field(default_factory=list)

    def tell(self, arguments: str) -> Event:
        self.pieces.append(arguments)
        return self._event("delta", delta=arguments)

    def end(self) -> tuple[Item, list[Event]]:
        """No arguments at all are an empty object to those who parse them."""
        if self.is_custom:
            rest: Item = {"input": "".join(self.pieces)}
            return rest, [self._event("done", **rest)]
        events = [] if any(self.pieces) else [self.tell("{}")]
        rest = {"arguments": "".join(self.pieces)}
        return rest, [*events, self._event("done", name=self.name, **rest)]

    def _event(self, what: str, **fields: Any) -> Event:
        kind = "custom_tool_call_input" if self.is_custom else "function_call_arguments"
        return event_of(f"{kind}.{what}", item_id=self.id, output_index=self.index, **fields)

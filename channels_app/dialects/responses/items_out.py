"""Turns become the items of a request's `input`."""

from collections.abc import Sequence
from typing import Any

from channels_app.dialects.conversation import (
    Conversation,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from channels_app.dialects.provenance import is_marked
from channels_app.dialects.responses.content_out import (
    plain_words,
    render_output,
    render_piece,
)
from channels_app.dialects.responses.own import (
    INSTRUCTIONS,
    NAME,
    OwnCall,
    OwnPiece,
    OwnResult,
    OwnThinking,
    OwnTurn,
)

Item = dict[str, Any]


def render_input(conversation: Conversation, dropped: list[str]) -> str | list[Item]:
    """A plain text where the conversation is no more than that."""
    turns = [turn for turn in conversation.turns if not is_instructions(turn, conversation)]
    match turns:
        case [Turn(role="user", parts=[Text(text=words)], name="") as turn] if not (
            isinstance(turn, OwnTurn)
        ):
            return words
    writer = _Items(conversation, dropped)
    for turn in turns:
        writer.take(turn)
    return writer.items


def is_instructions(turn: Turn, conversation: Conversation) -> bool:
    return (
        conversation.dialect == NAME
        and turn.id == INSTRUCTIONS
        and turn.role == "system"
        and not isinstance(turn, OwnTurn)
    )


class _Items:
    def __init__(self, conversation: Conversation, dropped: list[str]) -> None:
        self.items: list[Item] = []
        self._dropped = dropped
        self._dialect = conversation.dialect
        self._is_own = conversation.dialect == NAME
        # Elsewhere only the call says that it is one of free text; here its result does too.
        self._customs = {
            part.id
            for turn in conversation.turns
            for part in turn.parts
            if isinstance(part, ToolCall) and part.is_custom and not self._is_own
        }

    def take(self, turn: Turn) -> None:
        """What stands between calls, thoughts and results is a message."""
        shell = turn.shell if isinstance(turn, OwnTurn) and self._is_own else None
        said: list[Part] = []
        for part in turn.parts:
            if not isinstance(part, Thinking | ToolCall | ToolResult | Opaque) or isinstance(
                part, OwnPiece
            ):
                said.append(part)
                continue
            if said:
                self._put_message(turn, said, shell)
                said, shell = [], None
            self._put_item(part)
        if said:
            self._put_message(turn, said, shell)
        if turn.name:
            self._dropped.append("name")

    def _put_message(self, turn: Turn, said: Sequence[Part], shell: Item | None) -> None:
        rendered = [render_piece(part, turn.role, self._dialect, self._dropped) for part in said]
        pieces = [piece for piece in rendered if piece is not None]
        if not pieces:
            return
        is_list = isinstance(turn, OwnTurn) and turn.is_list
        words = None if is_list else plain_words(said, turn.role)
        head = {"type": "message", "role": turn.role} if shell is None else shell
        self.items.append({**head, "content": pieces if words is None else words})

    def _put_item(self, part: Part) -> None:
        match part:
            case Thinking(signature=signature) if is_marked(signature):
                self._dropped.append("thinking")
            case OwnThinking() if self._is_own and not part.redacted:
                self.items.append(part.item)
            case Thinking(signature=str(signature), id=str(name)) if (
                self._is_own and signature and name
            ):
                self.items.append(_reasoning(part))
            case Thinking():
                self._dropped.append("thinking")
            case ToolCall():
                self.items.append(_call(part))
            case ToolResult():
                self.items.append(self._result(part))
            case Opaque(dialect="responses", value=dict(item)) if self._is_own:
                self.items.append(item)
            case Opaque(value=dict(value)):
                self._dropped.append(str(value.get("type", "part")))
            case _:
                self._dropped.append("part")

    def _result(self, result: ToolResult) -> Item:
        is_custom = result.is_custom or result.call_id in self._customs
        item: Item = {"type": "custom_tool_call_output" if is_custom else "function_call_output"}
        if result.call_id:
            item["call_id"] = result.call_id
        item["output"] = render_output(result, self._dialect, self._dropped)
        return item | (result.rest if isinstance(result, OwnResult) else {})


def _reasoning(thought: Thinking) -> Item:
    summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
    return {
        "type": "reasoning",
        "id": thought.id,
        "summary": summary,
        "encrypted_content": thought.signature,
    }


def _call(call: ToolCall) -> Item:
    kind, field = (
        ("custom_tool_call", "input") if call.is_custom else ("function_call", "arguments")
    )
    item = {"type": kind, "call_id": call.id, "name": call.name}
    item[field] = call.arguments if call.is_custom else call.arguments or "{}"
    return item | (call.rest if isinstance(call, OwnCall) else {})

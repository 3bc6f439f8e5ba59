"""The items of a request's `input` become turns."""

from typing import Any

from channels_app.dialects import reading
from channels_app.dialects.conversation import (
    BadConversation,
    File,
    Image,
    MoreTools,
    Opaque,
    Part,
    Role,
    Text,
    ToolCall,
    Turn,
)
from channels_app.dialects.responses.content_in import read_content, rest_of
from channels_app.dialects.responses.own import (
    NAME,
    REDACTED,
    OwnCall,
    OwnPiece,
    OwnResult,
    OwnThinking,
    OwnTurn,
)
from channels_app.dialects.responses.thoughts import thought_of
from channels_app.dialects.responses.tools_in import read_tools

ROLES = frozenset({"system", "developer", "user", "assistant"})
OUTPUTS = frozenset(
    {
        "computer_call_output",
        "local_shell_call_output",
        "shell_call_output",
        "apply_patch_call_output",
        "mcp_approval_response",
    }
)
"""What a client answers to the provider's own tools."""
ANYWHERE = frozenset({"item_reference", "configuration_update", "compaction_trigger"})
"""Nobody said these; they stay where they stand."""


def read_input(value: Any) -> list[Turn]:
    """A text, or a list of items; raises BadConversation."""
    if isinstance(value, str):
        return [Turn("user", [Text(value)])]
    turns = _Turns()
    for index, item in enumerate(reading.items(value, "input")):
        turns.take(reading.mapping(item, f"input[{index}]"), f"input[{index}]")
    return list(turns.found)


class _Turns:
    """What the model said, thought and called without a break is one turn, with one message at
    most: a second one begins the next, so that both can be told apart again.
    """

    def __init__(self) -> None:
        self.found: list[OwnTurn] = []

    def take(self, item: dict[str, Any], where: str) -> None:
        match _kind(item, where):
            case "message":
                self._take_message(item, where)
            case "reasoning":
                self._add("assistant", _thinking(item, where))
            case "function_call":
                self._add("assistant", _call(item, "arguments", where))
            case "custom_tool_call":
                self._add("assistant", _call(item, "input", where))
            case "function_call_output" | "custom_tool_call_output":
                self._add("user", _result(item, where))
            case "additional_tools":
                tools = read_tools(item.get("tools"), f"{where}.tools")
                self._add_anywhere(MoreTools(NAME, item, tools))
            case kind if kind in OUTPUTS:
                self._add("user", Opaque(NAME, item))
            case kind if kind in ANYWHERE:
                self._add_anywhere(Opaque(NAME, item))
            case _:
                self._add("assistant", Opaque(NAME, item))

    def _take_message(self, item: dict[str, Any], where: str) -> None:
        role = reading.text(item.get("role"), f"{where}.role")
        if role not in ROLES:
            raise BadConversation(f"{where}.role", "is not known")
        content = item.get("content")
        parts = read_content(content, role, f"{where}.content")
        if not parts:
            self._add_anywhere(Opaque(NAME, item))
            return
        turn = OwnTurn(
            role,  # type: ignore[arg-type]
            parts,
            id=reading.optional_text(item.get("id"), f"{where}.id"),
            shell=rest_of(item, "content"),
            is_list=isinstance(content, list),
        )
        last = self.found[-1] if self.found else None
        if last is not None and last.role == role == "assistant" and last.shell is None:
            turn.parts = last.parts + parts
            self.found[-1] = turn
        else:
            self.found.append(turn)

    def _add(self, role: Role, part: Part) -> None:
        last = self.found[-1] if self.found else None
        # What tools answered is no part of a message that the user wrote before.
        if last and last.role == role and (role == "assistant" or last.shell is None):
            last.parts.append(part)
        else:
            self.found.append(OwnTurn(role, [part]))

    def _add_anywhere(self, part: Part) -> None:
        if self.found:
            self.found[-1].parts.append(part)
        else:
            self.found.append(OwnTurn("user", [part]))


def _kind(item: dict[str, Any], where: str) -> str:
    """Messages and references may come without a type."""
    kind = item.get("type")
    if kind is None:
        kind = "message" if "role" in item else "item_reference" if "id" in item else None
    return reading.text(kind, f"{where}.type")


def _thinking(item: dict[str, Any], where: str) -> OwnThinking:
    signature = reading.optional_text(item.get("encrypted_content"), f"{where}.encrypted_content")
    name = reading.optional_text(item.get("id"), f"{where}.id")
    if signature.startswith(REDACTED):
        return OwnThinking(redacted=signature.removeprefix(REDACTED), id=name, item=item)
    return OwnThinking(thought_of(item), signature, id=name, item=item)


def _call(item: dict[str, Any], field: str, where: str) -> ToolCall:
    call_id = reading.text(item.get("call_id"), f"{where}.call_id")
    name = reading.text(item.get("name"), f"{where}.name")
    words = reading.optional_text(item.get(field), f"{where}.{field}")
    is_custom = field == "input"
    rest = rest_of(item, "type", "call_id", "name", field)
    if rest:
        namespace = reading.optional_text(item.get("namespace"), f"{where}.namespace")
        return OwnCall(*(call_id, name, words), is_custom=is_custom, namespace=namespace, rest=rest)
    return ToolCall(call_id, name, words, is_custom=is_custom)


def _result(item: dict[str, Any], where: str) -> OwnResult:
    call_id = reading.optional_text(item.get("call_id"), f"{where}.call_id")
    output = item.get("output")
    values = output if isinstance(output, list) else [output]
    parts = read_content(output, "user", f"{where}.output")
    return OwnResult(
        call_id,
        [_within_result(part, value) for part, value in zip(parts, values, strict=True)],
        reading.optional_text(item.get("name"), f"{where}.name"),
        is_custom=item["type"] == "custom_tool_call_output",
        rest=rest_of(item, "type", "call_id", "output"),
        is_list=isinstance(output, list),
    )


def _within_result(part: Part, value: Any) -> Text | Image | File | Opaque:
    """Sound and refusals are nothing that a tool answers elsewhere."""
    return part if isinstance(part, Text | Image | File | Opaque) else OwnPiece(NAME, value)

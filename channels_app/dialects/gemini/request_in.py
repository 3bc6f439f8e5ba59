"""A generateContent request becomes a Conversation.

https://ai.google.dev/api/generate-content#request-body
https://ai.google.dev/api/caching#Content
"""

from collections import deque
from typing import Any

import msgspec

from channels_app.dialects import reading
from channels_app.dialects.conversation import (
    Audio,
    BadConversation,
    Conversation,
    File,
    Image,
    Opaque,
    Part,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from channels_app.dialects.dialect import Fields
from channels_app.dialects.gemini.casing import to_camel
from channels_app.dialects.gemini.config_in import take_config, take_tools
from channels_app.dialects.gemini.media import read_blob, read_link, to_standard
from channels_app.dialects.provenance import is_marked

NAME = "gemini"
ROLES: dict[str, Role] = {"user": "user", "model": "assistant", "function": "user"}
BESIDE = ("inlineData", "fileData", "thoughtSignature", "thought")
_encode = msgspec.json.Encoder().encode


def parse_request(fields: Fields, model: str, is_stream: bool) -> Conversation:  # noqa: FBT001 -- Dialect.parse_request
    """Raises BadConversation."""
    values = to_camel(reading.decode_fields(fields))
    values.pop("model", None)
    turns = _system(values.pop("systemInstruction", None))
    calls, said = _Calls(), _Said([])
    for index, content in enumerate(_listed(values.pop("contents", None), "contents")):
        turn = _turn(content, index, calls)
        if turn.role == "assistant" and turns and turns[-1].role == "assistant":
            said.add(turn.parts)
        else:
            said.finish()
            turns.append(turn)
            said = _Said(turn.parts)
    said.finish()
    conversation = Conversation(NAME, model, turns, is_stream)
    take_tools(conversation, values)
    take_config(conversation, values)
    conversation.extra |= values
    return conversation


def _listed(value: Any, where: str) -> list[Any]:
    """A list, or the one message that protobuf's JSON also takes for a list."""
    return [value] if isinstance(value, dict) else reading.items(value, where)


def _system(value: Any) -> list[Turn]:
    if value is None:
        return []
    if isinstance(value, str):
        return [Turn("system", [Text(value)])]
    content = to_camel(reading.mapping(value, "systemInstruction"))
    parts = content.get("parts", content if "text" in content else [])
    where = "systemInstruction.parts"
    read = [_parts(part, f"{where}[{n}]", 0, _Calls()) for n, part in _numbered(parts, where)]
    return [Turn("system", [part for parts in read for part in parts])]


def _turn(value: Any, index: int, calls: "_Calls") -> Turn:
    where = f"contents[{index}]"
    content = to_camel(reading.mapping(value, where))
    role = ROLES.get(reading.optional_text(content.get("role"), f"{where}.role").lower() or "user")
    if role is None:
        raise BadConversation(f"{where}.role", "is not known")
    calls.begin(role)
    parts: list[Part] = []
    for number, part in _numbered(content.get("parts", []), f"{where}.parts"):
        parts += _parts(part, f"{where}.parts[{number}]", index, calls)
    return Turn(role, parts)


class _Said:
    """What the model said in contents without a break. Clients send back each event of a stream as
    a content of its own: its words go on where those before it ended, and an empty thought signs
    the one before it.
    """

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._more: list[str] = []
        """Words that the last part goes on with."""

    def add(self, parts: list[Part]) -> None:
        if self._parts[-1:] == [Text("")] and not self._more:
            self._parts.pop()
        for number, part in enumerate(parts):
            match self._parts[-1] if self._parts else None, part:
                case _, Text(text=""):
                    pass
                case Text(), Text() if number == 0:
                    self._more.append(part.text)
                case Thinking(signature="") as last, Thinking(text=text) if text and number == 0:
                    self._more.append(text)
                    last.signature = part.signature
                case Thinking(signature="") as last, Opaque(value={"text": "", "thought": True}):
                    last.signature = to_camel(part.value).get("thoughtSignature", "")
                case _:
                    self.finish()
                    self._parts.append(part)

    def finish(self) -> None:
        last = self._parts[-1] if self._parts else None
        if self._more and isinstance(last, Text | Thinking):
            last.text += "".join(self._more)
        self._more.clear()


def _numbered(value: Any, where: str) -> list[tuple[int, Any]]:
    return list(enumerate(_listed(value, where)))


def _parts(value: Any, where: str, turn: int, calls: "_Calls") -> list[Part]:
    """One part. A signature over words or a picture follows them as a thought without words."""
    original = reading.mapping(value, where)
    part = to_camel(original)
    signature = reading.optional_text(part.get("thoughtSignature"), f"{where}.thoughtSignature")
    if is_marked(signature):
        # Another provider's, which takes no other alphabet.
        signature = to_standard(signature)
    signed: list[Part] = [Thinking("", signature)] if signature else []
    is_thought = reading.flag(part.get("thought"), f"{where}.thought")
    extra = {name: value for name, value in part.items() if name not in BESIDE}
    match part:
        case {"text": words}:
            words = reading.text(words, f"{where}.text")
            if not words and (signature or is_thought):
                return [Opaque(NAME, original)]
            return [Thinking(words, signature)] if is_thought else [Text(words), *signed]
        case {"inlineData": blob} if not is_thought:
            return [read_blob(blob, f"{where}.inlineData", extra=extra), *signed]
        case {"fileData": link} if not is_thought:
            return [read_link(link, f"{where}.fileData", extra=extra), *signed]
        case {"functionCall": call}:
            return [_call(call, f"{where}.functionCall", signature, turn, calls)]
        case {"functionResponse": response}:
            return [_result(response, f"{where}.functionResponse", turn, calls)]
        case _:
            return [Opaque(NAME, original)]


def _call(value: Any, where: str, signature: str, turn: int, calls: "_Calls") -> ToolCall:
    call = to_camel(reading.mapping(value, where))
    name = reading.text(call.get("name"), f"{where}.name")
    given = reading.optional_text(call.get("id"), f"{where}.id")
    args = _encode(reading.mapping(call.get("args", {}), f"{where}.args")).decode()
    return ToolCall(calls.note(name, given, turn), name, args, signature)


def _result(value: Any, where: str, turn: int, calls: "_Calls") -> ToolResult:
    result = to_camel(reading.mapping(value, where))
    name = reading.text(result.get("name"), f"{where}.name")
    given = reading.optional_text(result.get("id"), f"{where}.id")
    response = reading.mapping(result.get("response", {}), f"{where}.response")
    words, is_error = _words_of(response)
    parts: list[Text | Image | File | Opaque] = [Text(words)]
    for number, part in _numbered(result.get("parts", []), f"{where}.parts"):
        parts.append(_result_part(part, f"{where}.parts[{number}]"))
    return ToolResult(calls.find(name, given, turn), parts, name, is_error)


def _words_of(response: dict[str, Any]) -> tuple[str, bool]:
    """(text, whether it is an error): {"result": text} and {"error": text} are what a plain text
    becomes for Gemini; any other object stays JSON.
    """
    is_error = list(response) == ["error"]
    match response:
        case {"result": str(text), **rest} | {"error": str(text), **rest} if not rest:
            if text.lstrip()[:1] != "{":
                return text, is_error
    return _encode(response).decode(), is_error


def _result_part(value: Any, where: str) -> Image | File | Opaque:
    part = to_camel(reading.mapping(value, where))
    extra = {name: value for name, value in part.items() if name not in BESIDE}
    match part:
        case {"inlineData": blob}:
            medium = read_blob(blob, f"{where}.inlineData", extra=extra)
            return Opaque(NAME, value) if isinstance(medium, Audio) else medium
        case {"fileData": link}:
            return read_link(link, f"{where}.fileData", extra=extra)
        case _:
            return Opaque(NAME, value)


class _Calls:
    """Gives ids to calls that came without, and finds the call that a result belongs to."""

    def __init__(self) -> None:
        self._open: dict[int, str] = {}
        self._queues: dict[tuple[str, str], deque[int]] = {}
        self._count = 0
        self._made = 0
        self._role: Role = "user"

    def begin(self, role: Role) -> None:
        """A turn begins; calls stay open until the model speaks again."""
        if role == "assistant" and self._role != "assistant":
            self._open.clear()
            self._queues.clear()
        self._role = role
        self._made = 0

    def note(self, name: str, given: str, turn: int) -> str:
        call_id = given or f"call_{turn}_{self._made}"
        self._made += 1
        keys = [("any", ""), ("name", name), ("id", call_id)]
        for key in keys if given else [*keys, ("nameless", name)]:
            self._queues.setdefault(key, deque()).append(self._count)
        self._open[self._count] = call_id
        self._count += 1
        return call_id

    def find(self, name: str, given: str, turn: int) -> str:
        """By id; else by name, the first one not answered; else by order."""
        wanted = ("id", given), ("nameless", name)
        for key in wanted if given else (("name", name), ("any", "")):
            number = self._first(key)
            if number is not None:
                return self._open.pop(number)
        self._made += 1
        return given or f"call_{turn}_{self._made - 1}"

    def _first(self, key: tuple[str, str]) -> int | None:
        queue = self._queues.get(key)
        while queue and queue[0] not in self._open:
            queue.popleft()
        return queue[0] if queue else None

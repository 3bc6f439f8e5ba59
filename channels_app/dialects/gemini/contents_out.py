"""Turns of a conversation become contents: user and model in turn, answers of functions apart.

https://ai.google.dev/api/caching#Content
"""

import re
from typing import Any

import msgspec

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
    Turn,
)
from channels_app.dialects.gemini.abilities import Abilities
from channels_app.dialects.gemini.media import write_medium
from channels_app.dialects.provenance import is_marked

STAND_IN = "skip_thought_signature_validator"
"""The signature for a call that this model did not make itself
(https://ai.google.dev/gemini-api/docs/thought-signatures#faqs)."""
SIGNABLE = frozenset({"text", "inlineData", "fileData"})
_MADE_UP = re.compile(r"call_\d+_\d+")
"""Ids that `request_in` gave to calls without one."""
Json = dict[str, Any]


class Contents:
    """Turns become contents: user and model in turn, results of functions apart from words."""

    def __init__(self, can: Abilities, dropped: list[str], *, is_own: bool) -> None:
        self.told: list[Json] = []
        self._can, self._dropped, self._is_own = can, dropped, is_own
        self._names: dict[str, str] = {}

    def add_turn(self, turn: Turn) -> None:
        if turn.role == "assistant" or self._is_own:
            self.add("model" if turn.role == "assistant" else "user", self._parts(turn.parts))
            return
        # A content with answers of functions is refused when it holds anything else.
        results = [part for part in turn.parts if isinstance(part, ToolResult)]
        others = [part for part in turn.parts if not isinstance(part, ToolResult)]
        told = [self._result(result) for result in results]
        self.add("user", told)
        media = [] if self._can.nests_media else [m for one in results for m in _media_in(one)]
        self.add("user", self.user_parts([*media, *others]))

    def add(self, role: str, parts: list[Json]) -> None:
        """Neighbours of one role are joined, as Gemini wants them to take turns."""
        if not parts and not self._is_own:
            return
        last = {} if self._is_own or not self.told else self.told[-1]
        if last.get("role") == role and _is_results(last["parts"]) == _is_results(parts):
            last["parts"] += parts
        else:
            self.told.append({"role": role, "parts": parts})

    def user_parts(self, parts: list[Part]) -> list[Json]:
        return [told for part in parts for told in self._user_part(part)]

    def sign(self) -> None:
        """The first call of each step must be signed, else Gemini 3 refuses the request."""
        if not self._can.wants_signatures:
            return
        for content in self.told:
            calls = [part for part in content["parts"] if "functionCall" in part]
            if calls and content["role"] == "model":
                calls[0].setdefault("thoughtSignature", STAND_IN)

    def _user_part(self, part: Part) -> list[Json]:
        match part:
            case Text() | Refusal():
                return [{"text": part.text}] if part.text or self._is_own else []
            case Image() | Audio() | File():
                told = write_medium(part, self._dropped, is_own=self._is_own)
                return [] if told is None else [told]
            case ToolResult():
                return [self._result(part)]
            case Opaque(dialect="gemini", value=dict(value)) if self._is_own:
                return [dict(value)]
            case _:
                self._dropped.append(_name_of(part))
                return []

    def _parts(self, parts: list[Part]) -> list[Json]:
        told: list[Json] = []
        for part in parts:
            match part:
                case Thinking() if not self._is_own:
                    self._dropped.append("thinking")
                case Thinking(text="", signature=signature):
                    if not is_marked(signature):
                        sign_last(told, signature)
                case Thinking(signature=signature):
                    told.append(write_thought(part.text, "" if is_marked(signature) else signature))
                case ToolCall():
                    told.append(self._call(part))
                case _:
                    told += self._user_part(part)
        return told

    def _call(self, call: ToolCall) -> Json:
        self._names[call.id] = call.name
        args = read_args(call.arguments)
        told: Json = {"functionCall": {**self._id(call.id), "name": call.name, "args": args}}
        if call.signature:
            told["thoughtSignature"] = call.signature
        return told

    def _result(self, result: ToolResult) -> Json:
        words = "\n".join([part.text for part in result.parts if isinstance(part, Text)])
        name = self._names.get(result.call_id) or result.name or result.call_id
        response = _response(words, is_error=result.is_error)
        told: Json = {**self._id(result.call_id), "name": name, "response": response}
        for part in result.parts:
            if isinstance(part, Opaque) and not self._is_own:
                self._dropped.append(_name_of(part))
        if self._can.nests_media or self._is_own:
            parts = [part for part in result.parts if not isinstance(part, Text)]
            if media := self.user_parts([p for p in parts if self._is_own or _is_medium(p)]):
                told["parts"] = media
        return {"functionResponse": told}

    def _id(self, call_id: str) -> dict[str, str]:
        # Vertex AI has no such field: "Unknown name "id" at function_call".
        if not call_id or self._can.is_vertex or _MADE_UP.fullmatch(call_id):
            return {}
        return {"id": call_id}


def read_args(arguments: str) -> Json:
    """Arguments as the object that they must be here; what is none is wrapped."""
    if not arguments.strip():
        return {}
    found = _object(arguments)
    return {"input": arguments} if found is None else found


def write_thought(text: str, signature: str) -> Json:
    told: Json = {"text": text, "thought": True}
    return told | {"thoughtSignature": signature} if signature else told


def sign_last(told: list[Json], signature: str) -> None:
    """A signature stands on the part that it belongs to, or on an empty text."""
    last = told[-1] if told else {}
    if SIGNABLE.isdisjoint(last) or "thoughtSignature" in last or last.get("thought"):
        last = {"text": ""}
        told.append(last)
    last["thoughtSignature"] = signature


def _response(words: str, *, is_error: bool) -> Json:
    found = _object(words)
    if is_error:
        return found if found is not None and "error" in found else {"error": words}
    return {"result": words} if found is None else found


def is_object(text: str) -> bool:
    return _object(text) is not None


def _object(text: str) -> Json | None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_medium(part: Part) -> bool:
    return isinstance(part, Image | File)


def _media_in(result: ToolResult) -> list[Part]:
    return [part for part in result.parts if isinstance(part, Image | File)]


def _is_results(parts: list[Json]) -> bool:
    return bool(parts) and "functionResponse" in parts[0]


def _name_of(part: Part) -> str:
    if isinstance(part, Opaque):
        kind = part.value.get("type") if isinstance(part.value, dict) else None
        return kind if isinstance(kind, str) else "part"
    return type(part).__name__.lower()

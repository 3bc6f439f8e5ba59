"""A tool's arguments: an object in Claude's dialect, JSON text in the hub. Also ids."""

import re
from collections import deque
from typing import Any

import msgspec

_MARKS = re.compile(r"""\\.?|["{}\[\]]""", re.DOTALL)
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_decode = msgspec.json.Decoder(strict=True).decode
_encode = msgspec.json.Encoder().encode


def write_arguments(value: Any) -> str:
    """JSON text of a tool's input."""
    try:
        return _encode(value).decode()
    except RecursionError:
        return "{}"


def read_input(arguments: str, *, is_custom: bool = False) -> dict[str, Any]:
    """The object in this JSON text; what is no object becomes {"input": text}."""
    if is_custom:
        return {"input": arguments}
    if not arguments.strip():
        return {}
    try:
        value = _decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {"input": arguments}
    return value if isinstance(value, dict) else {"input": arguments}


class ObjectEnd:
    """Finds the end of a JSON object that is told in pieces, looking at each of them once."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_text = self._escapes = False
        self.is_found = False

    def feed(self, text: str) -> None:
        start = int(self._escapes)
        self._escapes = self._escapes and not text
        for mark in _MARKS.findall(text, start):
            if mark[0] == "\\":
                # The character that it escapes may be in the next piece.
                self._escapes = len(mark) == 1
            elif mark == '"':
                self._in_text = not self._in_text
            elif not self._in_text:
                self._depth += 1 if mark in "{[" else -1
                self.is_found = self.is_found or self._depth == 0


class CallIds:
    """Ids of tool calls as Anthropic takes them: ^[a-zA-Z0-9_-]+$, each only once.

    Where a dialect calls the same id again (function_call has only a name), the result belongs to
    the earliest call of that id that has none yet.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._waiting: dict[str, deque[str]] = {}
        self._latest: dict[str, str] = {}

    def for_call(self, call_id: str) -> str:
        clean = _FOREIGN.sub("_", call_id) or "call"
        told, number = clean, self._numbers.get(clean, 2)
        while told in self._used:
            told = f"{clean}_{number}"
            number += 1
        self._numbers[clean] = number
        self._used.add(told)
        self._waiting.setdefault(call_id, deque()).append(told)
        return told

    def for_result(self, call_id: str) -> str:
        waiting = self._waiting.get(call_id)
        if waiting:
            self._latest[call_id] = waiting.popleft()
        return self._latest.get(call_id) or _FOREIGN.sub("_", call_id) or "call"

"""The free text of a custom tool, which models that know functions only write as
{"input": "text"}.
"""

import json
import re
from typing import Any

import msgspec

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
_MOST_PIECES = 32
"""How many pieces the beginning of the object may come in, to be told as it comes."""
_BEGINNING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_WORDS = re.compile(
    r"""(?:[^"\\]++|\\(?:[^u]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}
    |u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))*+""",
    re.VERBOSE | re.DOTALL,
)
"""What of a JSON text is whole: no half escape, no half of a surrogate pair."""
_ESCAPES = re.compile(r"\\(.)", re.DOTALL)


def wrap(text: str) -> str:
    return msgspec.json.encode({"input": text}).decode()


def unwrap(arguments: str) -> str:
    text = FreeText()
    return text.feed(arguments) + text.end()


class FreeText:
    """Unwraps arguments that come in pieces, each as far as it can be understood. Arguments of
    another form wait for the end.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._left = ""
        self._is_open = self._is_over = False

    def feed(self, piece: str) -> str:
        if self._is_over:
            return ""
        if not self._is_open:
            self._pieces.append(piece)
            whole = "" if len(self._pieces) > _MOST_PIECES else "".join(self._pieces)
            found = _BEGINNING.match(whole)
            if found is None:
                return ""
            self._is_open, piece = True, whole[found.end() :]
        piece = self._left + piece
        found = _WORDS.match(piece)
        words = found[0] if found else ""
        self._left = piece[len(words) :]
        self._is_over = self._left.startswith('"')
        return _decode(words)

    def end(self) -> str:
        """What was held back."""
        if self._is_over:
            return ""
        return self._left if self._is_open else _only_text("".join(self._pieces))


def _decode(words: str) -> str:
    """Models forget to escape line ends, and escape what JSON does not."""
    try:
        return str(json.loads(f'"{words}"', strict=False))
    except ValueError:
        return str(json.loads(f'"{_ESCAPES.sub(_mend, words)}"', strict=False))


def _mend(found: re.Match[str]) -> str:
    return found[0] if found[1] in '"\\/bfnrtu' else f"\\\\{found[1]}"


def _only_text(arguments: str) -> str:
    """The text of an object that holds no more than one, whatever it is called."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return arguments
    match value:
        case {"input": str(text)}:
            return text
        case {**held} if len(held) <= 1:
            only = next(iter(held.values()), "")
            return only if isinstance(only, str) else arguments
        case _:
            return arguments

"""Claude's cache marks as clouds take them: no `scope` in them, and none for the whole request.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching#automatic-caching
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
MARK = "cache_control"
FIELDS = ("tools", "system", "messages")
"""In the order in which they are cached."""
MOST_MARKS = 4
UNMARKED = frozenset({"thinking", "redacted_thinking"})
Block = dict[str, Any]


def fit_marks(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body, raw or rendered; what is as it should be is not even read."""
    fitted = dict(body)
    whole = fitted.pop(MARK, None)
    read = {
        name: body[name]
        for name in FIELDS
        if name in body and (whole is not None or _may_have_scope(body[name]))
    }
    try:
        read = {name: _decode(_encode(value)) for name, value in read.items()}
        mark = _decode(_encode(whole))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return dict(body)
    marked = [block for block in _blocks_in(read) if isinstance(block.get(MARK), dict)]
    for block in marked:
        block[MARK].pop("scope", None)
    if isinstance(mark, dict) and len(marked) < MOST_MARKS:
        mark.pop("scope", None)
        _mark_last(read, mark)
    return fitted | read


def _may_have_scope(value: Any) -> bool:
    if isinstance(value, msgspec.Raw):
        return b'"scope"' in bytes(value)
    blocks = _blocks_in({"system": value, "messages": value})
    marks = [block.get(MARK) for block in blocks]
    return any(isinstance(mark, dict) and "scope" in mark for mark in marks)


def _blocks_in(fields: Mapping[str, Any]) -> Iterator[Block]:
    for name in ("tools", "system"):
        yield from _blocks_of(fields.get(name))
    for message in _dicts_in(fields.get("messages")):
        yield from _blocks_of(message.get("content"))


def _blocks_of(content: Any) -> Iterator[Block]:
    for block in _dicts_in(content):
        yield block
        if block.get("type") == "tool_result":
            yield from _dicts_in(block.get("content"))


def _dicts_in(value: Any) -> list[Block]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _mark_last(fields: dict[str, Any], mark: Block) -> None:
    """The last block that takes one; one that has its own keeps it."""
    holders = [(message, "content") for message in _dicts_in(fields.get("messages"))]
    holders = [(fields, "tools"), (fields, "system"), *holders]
    for holder, name in reversed(holders):
        words = holder.get(name)
        if isinstance(words, str) and words.strip():
            holder[name] = [{"type": "text", "text": words}]
        for block in reversed(_dicts_in(holder.get(name))):
            if _takes_mark(block):
                block.setdefault(MARK, mark)
                return


def _takes_mark(block: Block) -> bool:
    kind = str(block.get("type"))
    is_blank = kind == "text" and not str(block.get("text", "")).strip()
    return not (is_blank or kind in UNMARKED or block.get("defer_loading"))

"""Tools in a Chat Completions request that its provider would refuse: flat ones, as Responses has
them, and custom ones where only functions are known.
"""

import re

import msgspec

from channels_app.dialects.openai_models import OPENAI_KINDS
from channels_app.dialects.provenance import RESELLERS

TAKES_CUSTOM = OPENAI_KINDS | RESELLERS
NESTED = re.compile(rb'"function"\s*:')
ABSENT = msgspec.Raw()


class _Tool(msgspec.Struct):
    type: str = "function"
    function: msgspec.Raw = ABSENT
    custom: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(list[_Tool]).decode


def has_foreign_tools(tools: bytes, kind: str) -> bool:
    """Of `tools`, which is JSON. Reads it only where it may hold such: clients that write custom
    tools flat write functions as they should be.
    """
    if b'"custom"' not in tools and NESTED.search(tools):
        return False
    try:
        found = _decode(tools)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return any(_is_foreign(tool, kind) for tool in found)


def _is_foreign(tool: _Tool, kind: str) -> bool:
    match tool.type:
        case "function":
            return not tool.function
        case "custom":
            return not tool.custom or kind not in TAKES_CUSTOM
        case _:
            return False

"""Turns become Claude's `system` and `messages`, which must stand in a certain order."""

from typing import Any

from channels_app.dialects.claude.blocks_in import NAME
from channels_app.dialects.claude.blocks_out import Block, BlockWriter, shorten
from channels_app.dialects.claude.models import Traits
from channels_app.dialects.conversation import Conversation, Turn
from channels_app.dialects.dialect import Target

INSTRUCTIONS = frozenset({"system", "developer"})
CLOUDS = frozenset({"bedrock", "vertex"})
"""Who is behind Anthropic in taking instructions among the messages."""
FILLER = "."
"""The least that a user can say: the first message must be the user's."""


def render_turns(
    conversation: Conversation, target: Target, traits: Traits, dropped: list[str]
) -> tuple[list[Block], list[dict[str, Any]]]:
    """(system, messages), both as lists of blocks."""
    is_own = conversation.dialect == NAME
    writer = BlockWriter(traits, dropped, conversation.dialect)
    first = next(
        (i for i, turn in enumerate(conversation.turns) if turn.role not in INSTRUCTIONS),
        len(conversation.turns),
    )
    system = [
        block for turn in conversation.turns[:first] for block in _blocks(turn, "system", writer)
    ]
    keeps_system = is_own and traits.takes_system_turns and target.kind not in CLOUDS
    messages: list[dict[str, Any]] = []
    for turn in conversation.turns[first:]:
        role: str = turn.role
        if role in INSTRUCTIONS:
            role = "system" if keeps_system else "user"
        _add(messages, role, _blocks(turn, role, writer))
    if not messages or messages[0]["role"] != "user":
        messages.insert(0, {"role": "user", "content": [{"type": "text", "text": FILLER}]})
    for message in messages:
        _put_results_first(message)
    _trim_end(messages[-1])
    return system, messages


def _blocks(turn: Turn, role: str, writer: BlockWriter) -> list[Block]:
    told = [writer.write(part, role) for part in turn.parts]
    return [block for block in told if block is not None]


def _add(messages: list[dict[str, Any]], role: str, blocks: list[Block]) -> None:
    """Neighbours of one role are one message; a message must not be empty."""
    if not blocks:
        return
    if messages and messages[-1]["role"] == role:
        messages[-1]["content"] += blocks
    else:
        messages.append({"role": role, "content": blocks})


def _put_results_first(message: dict[str, Any]) -> None:
    if message["role"] == "user":
        message["content"].sort(key=lambda block: block.get("type") != "tool_result")


def _trim_end(message: dict[str, Any]) -> None:
    """Anthropic refuses a beginning of its answer that ends with white space."""
    last = message["content"][-1]
    if message["role"] == "assistant" and last.get("type") == "text":
        last["text"] = last["text"].rstrip()


def write_shortly(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**message, "content": shorten(message["content"])} for message in messages]


def has_unsigned_calls(messages: list[dict[str, Any]]) -> bool:
    """The tool loop that is not over yet has calls without the signed thought before them."""
    for message in reversed(messages):
        kinds = {block.get("type") for block in message["content"]}
        if message["role"] == "user" and "tool_result" not in kinds:
            return False
        thoughts = {"thinking", "redacted_thinking"}
        if message["role"] == "assistant" and "tool_use" in kinds and not kinds & thoughts:
            return True
    return False

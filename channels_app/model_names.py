"""What the name of a model asks for besides the model: thinking, an effort, the internet, pictures
in plain text. Pure.
"""

import re
from typing import NamedTuple

import msgspec

from channels_app.dialects.conversation import (
    Conversation,
    Image,
    Part,
    Reasoning,
    ServerTool,
    Text,
)
from channels_app.dialects.openai_models import THINKERS

INTERNET = "-internet"
PSEUDO_VISION = {"gpt-4-vision": "gpt-4o", "claude-3-haiku": "", "claude-3-opus": "", "glm-v4": ""}
"""Names whose plain texts are searched for links to pictures -> the model that is really called."""
_LINK = re.compile(r"https?://[^\s<>\"')\]]+")
_EFFORTS = re.compile(r"-(none|minimal|low|medium|high|xhigh)$")
_BUDGET = re.compile(r"-thinking-(\d{1,6})$")
_THINKS = re.compile(r"^(claude-|gemini-)")


class Wish(NamedTuple):
    """What is left of the name, and what it asked for."""

    model: str
    reasoning: Reasoning | None = None
    searches: bool = False
    reads_links: bool = False

    @property
    def is_plain(self) -> bool:
        return self.reasoning is None and not self.searches and not self.reads_links


def read_name(model: str, known: frozenset[str] = frozenset()) -> Wish:
    """Names that a provider knows as they are (`known`) ask for nothing."""
    if model in known:
        return Wish(model)
    if model in PSEUDO_VISION:
        return Wish(PSEUDO_VISION[model] or model, reads_links=True)
    if model.endswith(INTERNET):
        inner = read_name(model.removesuffix(INTERNET), known)
        return inner._replace(searches=True)
    if _THINKS.match(model):
        return _read_thinking(model)
    found = _EFFORTS.search(model) if THINKERS.match(model) else None
    if found is None:
        return Wish(model)
    return Wish(model[: found.start()], Reasoning(effort=found[1]))


def _read_thinking(model: str) -> Wish:
    if found := _BUDGET.search(model):
        return Wish(model[: found.start()], Reasoning(is_enabled=True, budget=int(found[1])))
    if model.endswith("-nothinking"):
        return Wish(model.removesuffix("-nothinking"), Reasoning(is_enabled=False, budget=0))
    if model.endswith("-thinking"):
        return Wish(model.removesuffix("-thinking"), Reasoning(is_enabled=True))
    return Wish(model)


def apply_wish(conversation: Conversation, wish: Wish) -> Conversation:
    """The conversation with what the name asked for; what the client said itself wins."""
    changed = msgspec.structs.replace(conversation)
    if wish.reasoning is not None and conversation.reasoning is None:
        changed.reasoning = wish.reasoning
    if wish.searches and not any(
        isinstance(tool, ServerTool) and tool.kind == "web_search" for tool in conversation.tools
    ):
        changed.tools = [*conversation.tools, ServerTool("web_search")]
    if wish.reads_links:
        changed.turns = [
            msgspec.structs.replace(turn, parts=[p for part in turn.parts for p in _linked(part)])
            if turn.role == "user"
            else turn
            for turn in conversation.turns
        ]
    return changed


def _linked(part: Part) -> list[Part]:
    """A text with links becomes pictures and what is left of the text."""
    if not isinstance(part, Text) or not (links := _LINK.findall(part.text)):
        return [part]
    pictures: list[Part] = [Image(url=link, detail="high") for link in links]
    rest = " ".join(_LINK.sub(" ", part.text).split())
    return [*pictures, Text(rest)] if rest else pictures

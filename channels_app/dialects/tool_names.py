"""Tools by the names that a provider takes, and its calls by those that the client knows.

Clients name tools in ways that only their own dialect allows: in namespaces, with points, at any
length, as custom tools of free text. Another provider gets plain functions under names of its own
alphabet, the same ones among the tools, in the choice of them and in earlier calls.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from channels_app.dialects import free_text
from channels_app.dialects.conversation import (
    Conversation,
    MoreTools,
    Namespace,
    Part,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from channels_app.dialects.openai_models import OPENAI_KINDS
from channels_app.dialects.provenance import RESELLERS
from channels_app.dialects.reply import Delta, Finished, Reply, ToolDelta, ToolStarted
from channels_app.dialects.tool_alphabets import ALPHABETS, USUAL, Alphabet, Known, name_all


def fit_tools(
    conversation: Conversation, dialect: str, kind: str
) -> tuple[Conversation, "ToolNames | None"]:
    """The conversation as a provider of this dialect and kind takes its tools; what puts its
    answer back, or None where nothing had to be changed.
    """
    is_own = conversation.dialect == dialect
    takes_text = _takes_text(dialect, kind, is_own=is_own)
    if is_own and takes_text:
        return conversation, None
    alphabet = None if is_own else ALPHABETS.get(dialect, USUAL)
    if not is_own:
        conversation = _together(conversation)
    named = _named_in(conversation)
    if not any(_is_odd(one, alphabet, takes_text=takes_text) for one in named):
        return conversation, None
    names = ToolNames(named, alphabet, takes_text=takes_text)
    fitted = replace(
        conversation,
        tools=[names.fit_tool(one) if isinstance(one, Tool) else one for one in conversation.tools],
        turns=[names.fit_turn(turn) for turn in conversation.turns],
        tool_choice=names.fit_choice(conversation.tool_choice),
    )
    return fitted, names


def _takes_text(dialect: str, kind: str, *, is_own: bool) -> bool:
    """Whether custom tools are known there. Who sells others' models is believed to, by a client
    that writes the same dialect.
    """
    if dialect == "responses":
        return True
    return dialect == "openai" and (kind in OPENAI_KINDS or (is_own and kind in RESELLERS))


def _together(conversation: Conversation) -> Conversation:
    """With all tools in one list: those of namespaces too, and those declared among the turns."""
    more = [
        part for turn in conversation.turns for part in turn.parts if isinstance(part, MoreTools)
    ]
    if not more and not any(isinstance(tool, Namespace) for tool in conversation.tools):
        return conversation
    declared = [*conversation.tools, *(tool for part in more for tool in part.tools)]
    tools = [
        one for tool in declared for one in (tool.tools if isinstance(tool, Namespace) else [tool])
    ]
    turns = [
        replace(turn, parts=[part for part in turn.parts if not isinstance(part, MoreTools)])
        for turn in conversation.turns
    ]
    left = [turn for turn in turns if turn.parts]
    return replace(conversation, tools=tools, turns=left)


def _named_in(conversation: Conversation) -> list[Tool | ToolCall]:
    """All tools that are declared, then all that were called."""
    named: list[Tool | ToolCall] = [one for one in conversation.tools if isinstance(one, Tool)]
    for turn in conversation.turns:
        named += [part for part in turn.parts if isinstance(part, ToolCall)]
    return named


def _is_odd(one: Tool | ToolCall, alphabet: Alphabet | None, *, takes_text: bool) -> bool:
    """Whether it can't go as it is; without an alphabet all names may stay."""
    if one.namespace or (one.is_custom and not takes_text):
        return True
    return alphabet is not None and not alphabet.takes(one.name)


class ToolNames:
    """The names of one request's tools. Of one answer it remembers the calls of free text that
    are not over.
    """

    def __init__(
        self, named: Sequence[Tool | ToolCall], alphabet: Alphabet | None, *, takes_text: bool
    ) -> None:
        known: dict[Known, bool] = {}
        for one in named:
            known.setdefault(Known(one.namespace, one.name), one.is_custom)
        self._sent = (
            {one: one.name for one in known} if alphabet is None else name_all(known, alphabet)
        )
        self._meant = {name: one for one, name in self._sent.items()}
        self._takes_text = takes_text
        self._texts = {one for one, is_text in known.items() if is_text and not takes_text}
        self._open: dict[tuple[int, int], free_text.FreeText] = {}

    def fit_tool(self, tool: Tool) -> Tool:
        one = Known(tool.namespace, tool.name)
        if tool.is_custom and not self._takes_text:
            return Tool(self._sent[one], _described(tool), free_text.SCHEMA, cache=tool.cache)
        return replace(tool, name=self._sent[one])

    def fit_turn(self, turn: Turn) -> Turn:
        if not any(isinstance(part, ToolCall | ToolResult) for part in turn.parts):
            return turn
        return replace(turn, parts=[self._fit_part(part) for part in turn.parts])

    def _fit_part(self, part: Part) -> Part:
        match part:
            case ToolCall():
                one = Known(part.namespace, part.name)
                fitted = replace(part, name=self._sent[one])
                if part.is_custom and not self._takes_text:
                    fitted.is_custom, fitted.arguments = False, free_text.wrap(part.arguments)
                return fitted
            case ToolResult(name=name) if name:
                return replace(part, name=self._sent.get(Known("", name), name))
            case _:
                return part

    def fit_choice(self, choice: ToolChoice | None) -> ToolChoice | None:
        """Choices name no namespace: the name may be that of several tools."""
        if choice is None or not choice.names:
            return choice
        names = [told for name in choice.names for told in self._named(name)]
        if choice.mode == "tool" and len(names) > 1:
            return replace(choice, mode="allowed", names=names, must_call=True)
        return replace(choice, names=names)

    def _named(self, name: str) -> list[str]:
        if (told := self._sent.get(Known("", name))) is not None:
            return [told]
        return [told for one, told in self._sent.items() if one.name == name] or [name]

    def change(self, deltas: Sequence[Delta]) -> Sequence[Delta]:
        """The deltas of a stream, as the client knows its tools."""
        told: list[Delta] = []
        for delta in deltas:
            match delta:
                case ToolStarted():
                    told.append(self._start(delta))
                case ToolDelta() if (delta.choice, delta.index) in self._open:
                    words = self._open[delta.choice, delta.index].feed(delta.arguments)
                    told += [ToolDelta(delta.index, words, delta.choice)] if words else []
                case Finished():
                    told += [*self._rest(delta.choice), delta]
                case _:
                    told.append(delta)
        return told

    def _start(self, start: ToolStarted) -> ToolStarted:
        one = self._meant.get(start.name)
        if one is None:
            return start
        is_text = one in self._texts and not start.is_custom
        if is_text:
            self._open[start.choice, start.index] = free_text.FreeText()
        return replace(
            start, name=one.name, namespace=one.namespace, is_custom=is_text or start.is_custom
        )

    def _rest(self, choice: int) -> list[Delta]:
        """What the calls that end here held back."""
        ended = [key for key in self._open if key[0] == choice]
        held = [(index, self._open.pop((choice, index)).end()) for _, index in ended]
        return [ToolDelta(index, text, choice) for index, text in held if text]

    def change_whole(self, reply: Reply) -> None:
        """A whole answer, as the client knows its tools."""
        for choice in reply.choices:
            for call in choice.parts:
                if isinstance(call, ToolCall) and (one := self._meant.get(call.name)):
                    call.namespace, call.name = one
                    if one in self._texts and not call.is_custom:
                        call.is_custom = True
                        call.arguments = free_text.unwrap(call.arguments)


def _described(tool: Tool) -> str:
    """A grammar, which nobody enforces on functions, is told to the model."""
    match tool.extra.get("format"):
        case {"grammar": {"definition": str(grammar), **rest}}:
            told = f"The input follows this grammar ({rest.get('syntax', 'lark')}):\n{grammar}"
            return "\n\n".join([tool.description, told] if tool.description else [told])
        case _:
            return tool.description

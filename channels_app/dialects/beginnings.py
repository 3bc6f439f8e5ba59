"""Answers that broke off, and what another provider says of them. Pure."""

from collections.abc import Sequence

import msgspec

from channels_app.dialects.claude.models import traits_of
from channels_app.dialects.conversation import Conversation, Text, Turn
from channels_app.dialects.openai_chat.request_out import TAKES_PARTIAL
from channels_app.dialects.reply import (
    BadStream,
    Delta,
    Finished,
    RedactedDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageDelta,
)

ANOTHER_ANSWER = "the other provider's answer began differently"


def takes_beginning(conversation: Conversation, dialect: str, kind: str, model: str) -> bool:
    """Whether a model goes on where a last turn of the assistant ends; one that thinks first does
    not.
    """
    if conversation.reasoning is not None or conversation.output is not None:
        return False
    if dialect in {"anthropic", "converse"}:
        return traits_of(model).takes_beginning
    return dialect == "openai" and kind in TAKES_PARTIAL


def begin_answer(conversation: Conversation, said: str) -> Conversation:
    """The same request, whose answer is to begin with what was said already."""
    turns = [*conversation.turns, Turn("assistant", [Text(said)])]
    return msgspec.structs.replace(conversation, turns=turns, begins_answer=True)


class Rest:
    """Lets through what the client has not got yet.

    A provider that was given the beginning goes on after it. Any other starts anew: then its words
    must be those that the client has, and BadStream is raised where they are not.
    """

    def __init__(self, said: str, *, is_begun: bool) -> None:
        self.is_begun = is_begun
        self.beginning = said
        self._told = [said]
        self._left = "" if is_begun else said
        self._drops_blank = is_begun and said[-1:].isspace()

    @property
    def said(self) -> str:
        """All that the client has."""
        return "".join(self._told)

    @property
    def has_more(self) -> bool:
        """Whether anything new was let through."""
        return len(self._told) > 1

    def change(self, deltas: Sequence[Delta]) -> list[Delta]:
        kept = (self._keep(delta) for delta in deltas)
        return [delta for delta in kept if delta is not None]

    def _keep(self, delta: Delta) -> Delta | None:
        match delta:
            case TextDelta():
                return self._keep_text(delta)
            case Started() | ThinkingDelta() | SignatureDelta() | RedactedDelta():
                return None
            case UsageDelta() | Finished(reason="length"):
                return delta
            case _ if self._left:
                raise BadStream(ANOTHER_ANSWER)
            case _:
                return delta

    def _keep_text(self, delta: TextDelta) -> Delta | None:
        text = delta.text
        if self._left:
            size = min(len(text), len(self._left))
            if text[:size] != self._left[:size]:
                raise BadStream(ANOTHER_ANSWER)
            self._left, text = self._left[size:], text[size:]
        elif self._drops_blank:
            # A beginning is sent without the white space at its end, which the client has.
            text = text.lstrip()
        if not text:
            return None
        self._drops_blank = False
        self._told.append(text)
        return TextDelta(text, delta.choice)

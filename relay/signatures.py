"""Gemini's thought signatures, remembered for clients of other dialects."""

from collections import OrderedDict

from channels_app.dialects.conversation import Conversation, ToolCall

MOST_SIGNATURES = 20_000


class Signatures:
    """Gemini's thought signatures by user and tool call, for clients that can't carry them. Kept
    in this worker's memory only: a call that another worker continues gets a stand-in.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, str], str] = OrderedDict()

    def note(self, user_id: int, call_id: str, signature: str) -> None:
        self._known[user_id, call_id] = signature
        if len(self._known) > MOST_SIGNATURES:
            self._known.popitem(last=False)

    def find(self, user_id: int, call_id: str) -> str:
        return self._known.get((user_id, call_id), "")


def sign_calls(conversation: Conversation, signatures: Signatures, user_id: int) -> None:
    """Gemini wants the signatures of its tool calls back; clients of other dialects lose them."""
    for turn in conversation.turns:
        for part in turn.parts:
            if isinstance(part, ToolCall) and not part.signature:
                part.signature = signatures.find(user_id, part.id)

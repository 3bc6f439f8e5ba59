"""Requests in the words of Responses at the address of Chat Completions, which want its answers.

Cursor's agent mode sends them to addresses of one's own:
https://forum.cursor.com/t/override-openai-base-url-sends-responses-api-payload-to-chat-completions-but-expects-chat-completions-output/159298
"""

import msgspec

from channels_app.dialects.dialect import Target
from channels_app.dialects.registry import find_dialect
from relay.fields import Fields

KEPT = ("model", "stream", "stream_options")
"""What is Chat Completions' own there too."""
MOST_TAKING = "newapi"
"""The kind that is given all that Chat Completions can say."""
_encode = msgspec.json.Encoder().encode


def is_misaddressed(fields: Fields) -> bool:
    if "input" not in fields or bytes(fields["input"]) == b"null":
        return False
    return "messages" not in fields or bytes(fields["messages"]) == b"null"


def as_chat(fields: Fields, model: str) -> tuple[Fields, tuple[str, ...]]:
    """(the same in the words of Chat Completions, what these have no place for). Raises
    BadConversation.
    """
    kept = {name: fields[name] for name in KEPT if name in fields}
    said = {name: raw for name, raw in fields.items() if name not in KEPT}
    asked = find_dialect("responses").parse_request(said, model, False)  # noqa: FBT003 -- Dialect.parse_request
    rendered = find_dialect("openai").render_request(asked, Target(model, MOST_TAKING))
    if asked.reasoning is not None and asked.reasoning.effort is not None:
        # Who answers decides what it takes of it.
        rendered.body["reasoning_effort"] = asked.reasoning.effort
    told = {name: msgspec.Raw(_encode(value)) for name, value in rendered.body.items()}
    return told | kept, tuple(rendered.dropped)

"""Which of a group's models chat, and which of them an example is shown with."""

import re
from collections.abc import Sequence

from chatapi.web.api.offers import models_of_group
from relay.models_allowed import ModelList

NO_CHAT = (
    "embed",
    "tts",
    "whisper",
    "dall-e",
    "rerank",
    "moderation",
    "transcribe",
    "mj_",
    "image",
)
"""Parts of names of models that don't chat."""
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
"""Names that mean themselves between any quotes, in a shell too."""


def chat_models(group: str, names_allowed: Sequence[str] = ()) -> list[str]:
    """What the group is served, of what a token allows."""
    names = models_of_group(group)
    allowed = ModelList(names_allowed)
    return [name for name in names if is_chat_model(name) and allowed.allows(name)]


def is_chat_model(name: str) -> bool:
    return not any(part in name.lower() for part in NO_CHAT)


def choose_example(usual: str, served: Sequence[str]) -> str:
    """The usual one if it is served, or else another that is, so that what is copied works."""
    if usual in served:
        return usual
    return next((name for name in served if PLAIN.fullmatch(name)), usual)

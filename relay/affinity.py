"""Which channel served such calls last: providers keep the beginning of a prompt for some minutes
and read it again at a fraction of its price, each account for itself.

Such calls are those of one token and model with the same `prompt_cache_key`, session, or first part
of a long prompt. In one worker's memory; forgotten after a while, and when there are many.
"""

import time
from typing import TYPE_CHECKING, NamedTuple

from channels_app.routing import ChannelConfig
from relay.request import CONTENT, CallRequest

if TYPE_CHECKING:
    from relay.gateway import Gateway

MOST_KEPT = 20_000
FIRST_BYTES = 2048
LEAST_BYTES = 4096
"""Shorter prompts no provider keeps: https://platform.openai.com/docs/guides/prompt-caching"""
SESSION_FIELDS = {"messages": "metadata"}
"""Where clients name their session; elsewhere `prompt_cache_key`. Claude's have `user_id` there:
https://docs.anthropic.com/en/api/messages
"""

Marker = int


class Served(NamedTuple):
    """By which channel and key, and when."""

    channel: int
    key: str
    at: float


class Affinity:
    """Two generations of what is remembered: when the younger is full, the older is dropped."""

    def __init__(self) -> None:
        self._young: dict[Marker, Served] = {}
        self._old: dict[Marker, Served] = {}
        self.seconds = 600.0

    def find(self, marker: Marker | None) -> Served | None:
        if marker is None:
            return None
        served = self._young.get(marker) or self._old.get(marker)
        if served is None or served.at < time.monotonic() - self.seconds:
            return None
        return served

    def keep(self, marker: Marker | None, channel: ChannelConfig) -> None:
        if marker is None:
            return
        if len(self._young) >= MOST_KEPT // 2:
            self._old, self._young = self._young, {}
        self._young[marker] = Served(channel.id, channel.key_tag, time.monotonic())


def mark(gateway: "Gateway", token_id: int, request: CallRequest) -> Marker | None:
    """What such calls have in common; None where there is nothing to gain."""
    if not (gateway.options.prefers_last_channel and request.has_output):
        return None
    fields = request.fields
    session = fields.get(SESSION_FIELDS.get(request.endpoint, "prompt_cache_key"))
    if session is not None and bytes(session) not in {b"null", b"{}", b'""'}:
        return hash((token_id, request.model, bytes(session)))
    if request.body_bytes < LEAST_BYTES:
        return None
    names = ("system", "instructions", CONTENT.get(request.endpoint, "input"))
    first = (bytes(memoryview(fields[name])[:FIRST_BYTES]) for name in names if name in fields)
    return hash((token_id, request.model, *first))

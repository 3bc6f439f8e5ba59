"""Claude's usage: input beside the cache, where the hub counts both together.

https://docs.anthropic.com/en/api/messages (usage)
"""

from typing import Any

from channels_app.dialects.consumed import Consumed
from channels_app.dialects.reply import UsageDelta

MOST = 2**40
_FIELDS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_DETAILS = {
    "cache_creation": ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"),
    "output_tokens_details": ("thinking_tokens",),
    "server_tool_use": ("web_search_requests",),
}


class UsageTally:
    """Adds up what the events of one answer tell: later counts replace earlier ones, each by its
    name.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def read(self, usage: Any) -> list[UsageDelta]:
        """None in the delta: it was told, but can't be read."""
        if not usage:
            return []
        told = _flatten(usage)
        if told is None:
            return [UsageDelta(None)]
        self._counts |= told
        return [UsageDelta(self.consumed())] if told else []

    def consumed(self) -> Consumed:
        count = self._counts.get
        for_5m = count("ephemeral_5m_input_tokens", 0)
        for_1h = count("ephemeral_1h_input_tokens", 0)
        for_5m += max(count("cache_creation_input_tokens", 0) - for_5m - for_1h, 0)
        cached = count("cache_read_input_tokens", 0)
        return Consumed(
            prompt_tokens=count("input_tokens", 0) + cached + for_5m + for_1h,
            completion_tokens=count("output_tokens", 0),
            cached_tokens=cached,
            cache_write_5m_tokens=for_5m,
            cache_write_1h_tokens=for_1h,
            reasoning_tokens=count("thinking_tokens", 0),
            web_searches=count("web_search_requests", 0),
        )


def _flatten(usage: Any) -> dict[str, int] | None:
    """The counts by name; None where one is no count."""
    if not isinstance(usage, dict):
        return None
    values = {name: usage.get(name) for name in _FIELDS}
    for holder, names in _DETAILS.items():
        inside = usage.get(holder)
        if isinstance(inside, dict):
            values |= {name: inside.get(name) for name in names}
    told = {}
    for name, value in values.items():
        if value is None:
            continue
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MOST:
            return None
        told[name] = number
    return told


def write_usage(used: Consumed | None) -> dict[str, Any]:
    """All zero where nothing is known: SDKs want the object."""
    used = used or Consumed()
    writes = used.cache_write_5m_tokens + used.cache_write_1h_tokens
    usage: dict[str, Any] = {
        "input_tokens": max(used.prompt_tokens - used.cached_tokens - writes, 0),
        "cache_creation_input_tokens": writes,
        "cache_read_input_tokens": used.cached_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": used.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": used.cache_write_1h_tokens,
        },
        "output_tokens": used.completion_tokens,
    }
    if used.reasoning_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": used.reasoning_tokens}
    return usage

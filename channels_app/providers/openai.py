"""OpenAI's own models, at OpenAI or in Azure: which of its two APIs is asked."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from channels_app.dialects.openai_models import THINKERS
from channels_app.providers.http import HttpAdaptor
from channels_app.routing import ChannelConfig

_HOSTS = re.compile(r"(?:.*\.)?(?:api\.openai\.com|azure\.(?:com|us|cn))")
"""Behind other addresses are resellers and proxies, who may know Chat Completions alone."""
_RESPONSES_ONLY = re.compile(r"codex|-pro(?:-|$)|deep-research|computer-use")
_CHAT_ONLY = re.compile(r"-search|gpt-oss")


class OpenaiAdaptor(HttpAdaptor):
    """Since GPT-5.4 Chat Completions refuses tools beside reasoning, and some models are at home in
    Responses only: https://developers.openai.com/api/docs/guides/deployment-checklist
    """

    def dialect_for(self, channel: ChannelConfig, client: str, model: str) -> str:
        usual = super().dialect_for(channel, client, model)
        if usual != "openai" or "responses" not in channel.dialects:
            return usual
        wants = needs_responses(model) if client == "openai" else is_better_in_responses(model)
        # An operator who names the dialects knows better than the address.
        is_known = "dialects" in channel.settings or is_official(channel.base_url)
        return "responses" if wants and is_known else usual


def is_better_in_responses(model: str) -> bool:
    """For those whom it is all the same: clients of neither."""
    name = model.lower()
    is_thinker = THINKERS.match(name) is not None and not _CHAT_ONLY.search(name)
    return is_thinker or needs_responses(name)


def needs_responses(model: str) -> bool:
    return _RESPONSES_ONLY.search(model.lower()) is not None


@lru_cache(maxsize=1024)
def is_official(base_url: str) -> bool:
    return _HOSTS.fullmatch(urlsplit(base_url).hostname or "") is not None

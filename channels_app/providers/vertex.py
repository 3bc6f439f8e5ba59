"""Google Vertex AI: Claude and Gemini, under a project and at a location.

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude,
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from channels_app.catalogue import endpoint_url
from channels_app.failures import Cause
from channels_app.providers.base import Outgoing, TokenRequest
from channels_app.providers.claude_cache import fit_marks
from channels_app.providers.claude_names import vertex_id
from channels_app.providers.claude_words import (
    BETA_HEADER,
    CLAUDE_BEGINNINGS,
    CLOUD_BETAS,
    betas_of,
)
from channels_app.providers.google_keys import read_google_key, read_project, request_token
from channels_app.providers.google_words import GOOGLE_BEGINNINGS, GOOGLE_CAUSES
from channels_app.providers.http import HttpAdaptor, Want, gemini_action, quote_name
from channels_app.providers.problems import ChannelProblem
from channels_app.providers.problems import gettext_noop as _
from channels_app.routing import ChannelConfig
from channels_app.upstream_request import UpstreamRequest

CLAUDE_VERSION = "vertex-2023-10-16"
BETAS = CLOUD_BETAS | {
    "inline-tools-2026-09-15",
    "per-turn-control-2026-07-01",
    "web-search-2025-03-05",
}
_LOCATION = re.compile(r"[a-z]+(-[a-z]+\d+)?")
_IN_PROJECT = "/projects/{project}/locations/{location}"
_MULTI_REGIONS = frozenset({"us", "eu"})


class VertexAdaptor(HttpAdaptor):
    """What both have in common: the address, and tokens for keys."""

    location = "global"
    causes = GOOGLE_CAUSES
    beginnings: Mapping[str, Cause] = GOOGLE_BEGINNINGS

    def token_request(self, channel: ChannelConfig, now: float) -> TokenRequest | None:
        try:
            return request_token(channel.key, channel.settings.get("token_uri", ""), now)
        except ChannelProblem as problem:
            raise problem.as_failure() from problem

    def build(self, outgoing: Outgoing, channel: ChannelConfig, now: float) -> UpstreamRequest:
        """The token changes by the hour: it is no part of what is remembered of a channel."""
        if outgoing.token:
            bearer = ("authorization", f"Bearer {outgoing.token}")
            outgoing = replace(outgoing, headers=(*outgoing.headers, bearer))
        return super().build(outgoing, channel, now)

    def address(self, channel: ChannelConfig, want: Want) -> str:
        key = read_google_key(channel.key)
        project = read_project(key, channel.settings)
        location = read_location(channel.settings, self.location)
        base = channel.base_url
        if base == channel.kind.base_url:
            base = host_of(location)
        url = endpoint_url(channel.kind, base, want.endpoint)
        if not project:
            # https://docs.cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/overview
            url = url.replace(_IN_PROJECT, "")
        url = url.replace("{project}", quote_name(project)).replace("{location}", location)
        url = url.replace("{model}", quote(self.model_id(want.model), safe="@"))
        return url.replace("{action}", self.action(is_stream=want.is_stream))

    def authorize(self, channel: ChannelConfig, dialect: str) -> dict[str, str]:  # noqa: ARG002 -- HttpAdaptor
        key = read_google_key(channel.key)
        return {"x-goog-api-key": key.api_key} if key.api_key else {}

    def model_id(self, model: str) -> str:
        return model

    def action(self, *, is_stream: bool) -> str:
        return gemini_action(is_stream=is_stream)


class VertexGeminiAdaptor(VertexAdaptor):
    """Gemini's own API."""

    def model_id(self, model: str) -> str:
        return model.removeprefix("models/")


class VertexClaudeAdaptor(VertexAdaptor):
    """Claude's own API: the body names the version instead of the model."""

    location = "us-east5"
    beginnings = {**GOOGLE_BEGINNINGS, **CLAUDE_BEGINNINGS}

    def build(self, outgoing: Outgoing, channel: ChannelConfig, now: float) -> UpstreamRequest:
        betas = betas_of(outgoing.headers, BETAS)
        headers = ((BETA_HEADER, ",".join(betas)),) if betas else ()
        return super().build(replace(outgoing, headers=headers), channel, now)

    def shape(self, outgoing: Outgoing, channel: ChannelConfig) -> Mapping[str, Any]:  # noqa: ARG002 -- HttpAdaptor
        body = fit_marks(outgoing.body)
        body.pop("model", None)
        return body | {"anthropic_version": CLAUDE_VERSION}

    def authorize(self, channel: ChannelConfig, dialect: str) -> dict[str, str]:  # noqa: ARG002 -- HttpAdaptor
        refuse_api_key(channel.key)
        return {}

    def model_id(self, model: str) -> str:
        return vertex_id(model)

    def action(self, *, is_stream: bool) -> str:
        return "streamRawPredict" if is_stream else "rawPredict"


def read_location(settings: Mapping[str, str], usual: str) -> str:
    """Raises ChannelProblem."""
    location = settings.get("location", "").strip() or usual
    if not _LOCATION.fullmatch(location):
        raise ChannelProblem(_("The setting location must look like us-east5, eu or global."))
    return location


def host_of(location: str) -> str:
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def refuse_api_key(key: str) -> None:
    """Claude takes none; raises ChannelProblem."""
    if read_google_key(key).api_key:
        raise ChannelProblem(_("Claude at Google needs a service account, not an API key."))

"""The usual adaptor: a known dialect at an address of its own, and a key in a header."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from channels_app.catalogue import MissingBaseUrl, endpoint_url
from channels_app.dialects.frames import Frames, SseFrames
from channels_app.failures import Cause, UpstreamFailure, from_answer, read_error
from channels_app.providers.base import Outgoing, TokenRequest
from channels_app.providers.problems import ChannelProblem
from channels_app.routing import ChannelConfig
from channels_app.upstream_request import UpstreamRequest

_encode = msgspec.json.Encoder().encode
Headers = tuple[tuple[str, str], ...]

PREFERRED = ("gemini", "openai", "anthropic", "responses")
"""Which of a channel's dialects is spoken for clients of another one: first a provider's own, then
the one that carries most.
"""
ENDPOINTS = {
    "openai": "chat",
    "completions": "completions",
    "responses": "responses",
    "anthropic": "messages",
    "gemini": "generate",
}
"""The endpoint at which a dialect is spoken."""
FITTED = frozenset({("perplexity", "responses"), ("groq", "responses")})
"""Who refuses fields of a dialect that they copied in part: store, include and others."""
CLAUDE_VERSION = "2023-06-01"
_BLANK = re.compile(r"\{(\w+)\}")


class Want(NamedTuple):
    """What of an Outgoing decides about address and headers."""

    endpoint: str
    dialect: str
    model: str
    is_stream: bool


class HttpAdaptor:
    """Kinds that differ override one or another of these."""

    own_dialect = ""
    """The dialect of a provider that speaks none that clients speak."""
    causes: Mapping[str, Cause] = {}
    """What the provider's codes, types and statuses mean where the usual reading is wrong."""
    beginnings: Mapping[str, Cause] = {}
    """The same by how a message begins, where nothing but its text tells. Only words that a prompt
    can't put there.
    """

    def dialect_for(self, channel: ChannelConfig, client: str, model: str) -> str:  # noqa: ARG002 -- for subclasses
        if self.own_dialect:
            return self.own_dialect
        spoken = channel.dialects if "chat" in channel.kind.capabilities else ()
        if client == "completions" and "openai" in spoken:
            return client if "completions" in channel.kind.capabilities else "openai"
        if client in spoken:
            return client
        for name in PREFERRED:
            if name in spoken:
                return name
        msg = f"channels of kind {channel.kind.name} answer no such calls"
        raise UpstreamFailure(Cause.OVERLOADED, msg, code="channel_without_dialect")

    def passes(self, channel: ChannelConfig, dialect: str) -> bool:
        """Whether a request in this dialect may be passed on as the client wrote it; otherwise it
        is rendered anew, with what the provider takes.
        """
        return (channel.kind.name, dialect) not in FITTED

    def always_streams(self, dialect: str) -> bool:  # noqa: ARG002 -- Adaptor
        return False

    def never_streams(self, dialect: str) -> bool:  # noqa: ARG002 -- Adaptor
        return False

    def token_request(self, channel: ChannelConfig, now: float) -> TokenRequest | None:  # noqa: ARG002 -- Adaptor
        return None

    def build(self, outgoing: Outgoing, channel: ChannelConfig, now: float) -> UpstreamRequest:  # noqa: ARG002 -- Adaptor
        url, headers = self.head(channel, outgoing)
        if outgoing.content is not None:
            kind, data = outgoing.content
            others = tuple(pair for pair in headers if pair[0] != "content-type")
            return UpstreamRequest("POST", url, (("content-type", kind), *others), data)
        if outgoing.headers:
            headers = (*headers, *outgoing.headers)
        return UpstreamRequest("POST", url, headers, _encode(self.shape(outgoing, channel)))

    def shape(self, outgoing: Outgoing, channel: ChannelConfig) -> Mapping[str, Any]:  # noqa: ARG002 -- for subclasses
        """The body as this kind wants it."""
        return outgoing.body

    def frames(self, dialect: str) -> Frames:  # noqa: ARG002 -- Adaptor
        return SseFrames()

    def failure(self, status: int, body: bytes, retry_after: str | None) -> UpstreamFailure:
        failure = from_answer(status, body, retry_after)
        for word in (failure.code, failure.type, str(status)):
            if word in self.causes:
                failure.cause = self.causes[word]
                return failure
        if self.beginnings:
            # As it came: the failure's own message is cleaned for clients.
            message = read_error(body)[0]
            found = (cause for words, cause in self.beginnings.items() if message.startswith(words))
            failure.cause = next(found, failure.cause)
        return failure

    def head(self, channel: ChannelConfig, outgoing: Outgoing) -> tuple[str, Headers]:
        """Address and headers; raises UpstreamFailure."""
        want = Want(outgoing.endpoint, outgoing.dialect, outgoing.model, outgoing.is_stream)
        try:
            return prepare(self, channel, want)
        except MissingBaseUrl as error:
            raise UpstreamFailure(Cause.NETWORK, str(error), code="bad_address") from error
        except ChannelProblem as problem:
            raise problem.as_failure() from problem

    def address(self, channel: ChannelConfig, want: Want) -> str:
        """The URL; what is left in braces is filled in from the channel's settings. Raises
        MissingBaseUrl or ChannelProblem.
        """
        url = endpoint_url(channel.kind, channel.base_url, want.endpoint)
        url = url.replace("{model}", quote_name(want.model))
        return url.replace("{action}", gemini_action(is_stream=want.is_stream))

    def authorize(self, channel: ChannelConfig, dialect: str) -> dict[str, str]:
        """The headers that carry the channel's key; raises ChannelProblem."""
        return authorize(channel, dialect)

    def accept(self, want: Want) -> str:
        return "text/event-stream" if want.is_stream else "application/json"


@lru_cache(maxsize=4096)
def prepare(adaptor: HttpAdaptor, channel: ChannelConfig, want: Want) -> tuple[str, Headers]:
    """Address and headers, the same for every call of this channel, endpoint and model. Raises
    MissingBaseUrl or ChannelProblem.
    """
    url = adaptor.address(channel, want)
    for name, value in channel.settings.items():
        if value.strip():
            url = url.replace(f"{{{name}}}", quote_name(value))
    for name in blanks_of(url):
        raise ChannelProblem.missing(name)
    headers = {
        "content-type": "application/json",
        "accept": adaptor.accept(want),
        "accept-encoding": "identity",
    }
    headers |= {name.lower(): value for name, value in channel.headers}
    headers |= adaptor.authorize(channel, want.dialect)
    return url, tuple(headers.items())


def blanks_of(url: str) -> list[str]:
    """The names in braces that settings must fill in."""
    return _BLANK.findall(url) if "{" in url else []


def gemini_action(*, is_stream: bool) -> str:
    return "streamGenerateContent?alt=sse" if is_stream else "generateContent"


def authorize(channel: ChannelConfig, dialect: str) -> dict[str, str]:
    """The headers that carry the channel's key, and the version that Claude's API asks for."""
    scheme = channel.kind.auth_for(dialect)
    headers = {}
    if dialect == "anthropic":
        headers["anthropic-version"] = CLAUDE_VERSION
        if channel.key and scheme == "bearer":
            # Providers that copied this API take the key in either place.
            headers["x-api-key"] = channel.key
    if not channel.key or scheme == "none":
        return headers
    if scheme in {"x-api-key", "x-goog-api-key", "api-key"}:
        return headers | {scheme: channel.key}
    return headers | {"authorization": f"Bearer {channel.key}"}


def quote_name(model: str) -> str:
    return quote(model, safe="")

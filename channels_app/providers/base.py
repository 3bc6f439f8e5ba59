"""What an adaptor is: it turns a body in some dialect into a provider's request and reads what
came back. Pure: data in, data out.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from channels_app.dialects.frames import Frames
from channels_app.failures import UpstreamFailure
from channels_app.routing import ChannelConfig
from channels_app.upstream_request import UpstreamRequest


class Outgoing(msgspec.Struct, frozen=True):
    """A request on its way to a channel.

    endpoint   what the channel is asked for: a key of catalogue.PATHS
    dialect    what `body` is written in
    body       raw fields as the client wrote them, or rendered values; never changed in place
    headers    the client's headers that go on: anthropic-beta and its like
    token      an access token for kinds whose keys must be exchanged for one
    content    a body that is not JSON: (content type, bytes)
    """

    endpoint: str
    dialect: str
    model: str
    is_stream: bool
    body: Mapping[str, Any]
    headers: tuple[tuple[str, str], ...] = ()
    token: str = ""
    content: tuple[str, bytes] | None = None


class TokenRequest(msgspec.Struct, frozen=True):
    """How an access token is fetched: POST a form or JSON; the answer's access_token lives for
    expires_in seconds. `cache_key` never holds a secret in clear.
    """

    cache_key: str
    request: UpstreamRequest
    value_field: str = "access_token"
    seconds_field: str = "expires_in"
    usual_seconds: int = 3600


class Adaptor(Protocol):
    """Speaks to one family of kinds."""

    def dialect_for(self, channel: ChannelConfig, client: str, model: str) -> str:
        """The dialect to speak upstream for a client of dialect `client` who wants this model;
        raises UpstreamFailure where nothing can be done.
        """

    def passes(self, channel: ChannelConfig, dialect: str) -> bool:
        """Whether requests in this dialect may be passed on as clients wrote them."""

    def always_streams(self, dialect: str) -> bool:
        """Whether the provider is asked for a stream also when the client wants a whole answer."""

    def never_streams(self, dialect: str) -> bool:
        """Whether the provider gives whole answers only."""

    def token_request(self, channel: ChannelConfig, now: float) -> TokenRequest | None:
        """What must be fetched before a call: None where the channel's key is all. Raises
        UpstreamFailure for a key that can't be used.
        """

    def build(self, outgoing: Outgoing, channel: ChannelConfig, now: float) -> UpstreamRequest:
        """The provider's request; `now` (Unix seconds) is for signatures. Raises UpstreamFailure
        for a key or address that can't be used.
        """

    def frames(self, dialect: str) -> Frames:
        """What cuts the provider's stream."""

    def failure(self, status: int, body: bytes, retry_after: str | None) -> UpstreamFailure:
        """What an answer with an error status means."""

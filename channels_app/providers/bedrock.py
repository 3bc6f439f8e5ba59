"""Amazon Bedrock: Claude by InvokeModel, all models by Converse; keys sign, or are bearers.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from msgspec.structs import replace

from channels_app.catalogue import endpoint_url
from channels_app.dialects.aws_frames import AwsMessage
from channels_app.dialects.frames import Frame, Frames
from channels_app.failures import Cause
from channels_app.providers.aws_keys import AwsKey, read_aws_key, read_cross
from channels_app.providers.base import Outgoing
from channels_app.providers.claude_cache import fit_marks
from channels_app.providers.claude_names import bedrock_id
from channels_app.providers.claude_words import CLAUDE_BEGINNINGS, CLOUD_BETAS, betas_of
from channels_app.providers.framing import AwsFrames, read_claude, read_converse
from channels_app.providers.http import HttpAdaptor, Want, quote_name
from channels_app.providers.sigv4 import sign
from channels_app.routing import ChannelConfig
from channels_app.upstream_request import UpstreamRequest

CLAUDE_VERSION = "bedrock-2023-05-31"
BETAS = CLOUD_BETAS | {
    "computer-use-2024-10-22",
    "dev-full-thinking-2025-05-14",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "mid-conversation-output-config-2026-07-01",
    "mid-conversation-tool-changes-2026-07-01",
    "output-128k-2025-02-19",
    "token-efficient-tools-2025-02-19",
    "tool-examples-2025-10-29",
}
"""https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html"""
EVENT_STREAM = "application/vnd.amazon.eventstream"


class BedrockAdaptor(HttpAdaptor):
    """What both APIs have in common. `actions` are the ends of the paths: whole, streamed."""

    actions = ("", "")
    read_message: Callable[[AwsMessage], Frame]
    # A model that failed on Amazon's side: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
    causes: Mapping[str, Cause] = {"424": Cause.OVERLOADED}
    beginnings = CLAUDE_BEGINNINGS

    def build(self, outgoing: Outgoing, channel: ChannelConfig, now: float) -> UpstreamRequest:
        request = super().build(outgoing, channel, now)
        signer = _key_of(channel).signer
        return request if signer is None else sign(request, signer, now)

    def address(self, channel: ChannelConfig, want: Want) -> str:
        cross = read_cross(channel.settings)
        name = bedrock_id(want.model)
        if cross and name != want.model:
            name = f"{cross}.{name}"
        url = endpoint_url(channel.kind, channel.base_url, want.endpoint)
        url = url.replace("{region}", _key_of(channel).region).replace("{model}", quote_name(name))
        return url.replace("{action}", self.actions[want.is_stream])

    def authorize(self, channel: ChannelConfig, dialect: str) -> dict[str, str]:  # noqa: ARG002 -- HttpAdaptor
        bearer = _key_of(channel).bearer
        return {"authorization": f"Bearer {bearer}"} if bearer else {}

    def accept(self, want: Want) -> str:
        return EVENT_STREAM if want.is_stream else "application/json"

    def frames(self, dialect: str) -> Frames:  # noqa: ARG002 -- Adaptor
        return AwsFrames(type(self).read_message)


class BedrockClaudeAdaptor(BedrockAdaptor):
    """Claude's own API: the body names neither model nor stream, but the version."""

    actions = ("invoke", "invoke-with-response-stream")
    read_message = staticmethod(read_claude)

    def build(self, outgoing: Outgoing, channel: ChannelConfig, now: float) -> UpstreamRequest:
        body = fit_marks(outgoing.body)
        for name in ("model", "stream"):
            body.pop(name, None)
        body["anthropic_version"] = CLAUDE_VERSION
        if betas := betas_of(outgoing.headers, BETAS):
            body["anthropic_beta"] = betas
        return super().build(replace(outgoing, body=body, headers=()), channel, now)


class ConverseAdaptor(BedrockAdaptor):
    own_dialect = "converse"
    actions = ("converse", "converse-stream")
    read_message = staticmethod(read_converse)


@lru_cache(maxsize=1024)
def _key_of(channel: ChannelConfig) -> AwsKey:
    return read_aws_key(channel.key, channel.settings)

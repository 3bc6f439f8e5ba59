"""A chat request on its way to a channel, made as the relay makes it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from channels_app.catalogue import find_kind
from channels_app.dialects.dialect import Target
from channels_app.dialects.frames import Frame
from channels_app.dialects.registry import find_dialect
from channels_app.dialects.reply import Reply, collect
from channels_app.providers import adaptor_of
from channels_app.providers.base import Outgoing
from channels_app.providers.http import ENDPOINTS
from channels_app.routing import ChannelConfig
from channels_app.upstream_request import UpstreamRequest

NOW = 1_795_000_000.0
CHAT: Mapping[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How are you?"},
    ],
    "max_tokens": 50,
}


def make_channel(
    kind: str,
    key: str = "key",
    base_url: str = "",
    settings: Mapping[str, str] | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> ChannelConfig:
    found = find_kind(kind)
    return ChannelConfig(
        id=1,
        name="channel",
        kind=found,
        base_url=base_url or found.base_url,
        key=key,
        models=("m",),
        groups=("default",),
        headers=headers,
        settings=settings or {},
    )


def ask(
    channel: ChannelConfig,
    model: str = "model-1",
    *,
    is_stream: bool = False,
    token: str = "",
    now: float = NOW,
    **fields: Any,
) -> tuple[str, UpstreamRequest]:
    """(dialect, request) of an OpenAI chat; raises UpstreamFailure."""
    adaptor = adaptor_of(channel.kind)
    dialect = adaptor.dialect_for(channel, "openai", model)
    is_stream = (is_stream or adaptor.always_streams(dialect)) and not adaptor.never_streams(
        dialect
    )
    told = {**CHAT, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in told.items()}
    parse = find_dialect("openai").parse_request
    conversation = parse(raw, model, is_stream)
    target = Target(model, channel.kind.name, is_stream, settings=channel.settings)
    rendered = find_dialect(dialect).render_request(conversation, target)
    endpoint = ENDPOINTS.get(dialect, "chat")
    outgoing = Outgoing(endpoint, dialect, model, is_stream, rendered.body, token=token)
    return dialect, adaptor.build(outgoing, channel, now)


def pass_on(
    channel: ChannelConfig,
    endpoint: str,
    dialect: str,
    model: str,
    body: Mapping[str, Any],
    **more: Any,
) -> UpstreamRequest:
    """A client's own body in a dialect that the channel speaks too."""
    is_stream = bool(body.get("stream"))
    outgoing = Outgoing(endpoint, dialect, model, is_stream, body, **more)
    return adaptor_of(channel.kind).build(outgoing, channel, NOW)


def body_of(request: UpstreamRequest) -> Any:
    return msgspec.json.decode(request.body)


def read_stream(channel: ChannelConfig, dialect: str, stream: bytes, cut: int = 7) -> Reply:
    """The whole answer of a provider's stream that arrives in pieces of `cut` bytes."""
    frames, reader = adaptor_of(channel.kind).frames(dialect), find_dialect(dialect).reader()
    pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
    told: list[Frame] = [frame for piece in pieces for frame in frames.feed(piece)]
    told += frames.flush()
    return collect(delta for frame in told if frame.data for delta in reader.read(*frame[1:]))

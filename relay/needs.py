"""What a call needs that not every channel of its model gives."""

import re

from channels_app.routing import ChannelConfig
from relay.request import CONTENT, CallRequest

IMAGE = re.compile(rb'"(?:image_url|input_image|image|inlineData|inline_data|fileData|file_data)"')
"""Names and types of pictures in all dialects. Inside a text the quotes would be escaped."""
EMPTY = frozenset({b"null", b"[]"})


def is_fit(channel: ChannelConfig, request: CallRequest) -> bool:
    """Whether the channel takes such a call, by its own switches."""
    if channel.claude_only and request.dialect != "anthropic":
        return False
    if channel.passes_through and not speaks(channel, request):
        return False
    if not channel.accepts_tools and has_tools(request):
        return False
    return channel.accepts_images or not has_images(request)


def speaks(channel: ChannelConfig, request: CallRequest) -> bool:
    """Whether the call is in a dialect of the channel's own; what is no text has none."""
    if not request.has_output:
        return True
    dialect = "openai" if request.dialect == "completions" else request.dialect
    return dialect in channel.dialects


def has_tools(request: CallRequest) -> bool:
    return any(
        bytes(request.fields[name]) not in EMPTY
        for name in ("tools", "functions")
        if name in request.fields
    )


def has_images(request: CallRequest) -> bool:
    content = request.fields.get(CONTENT.get(request.endpoint, "input"))
    return content is not None and IMAGE.search(content) is not None

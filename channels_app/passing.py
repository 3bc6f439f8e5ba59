"""What of a client's headers a channel gets: by templates that an operator wrote, or all of them
where the channel passes calls through.
"""

from collections.abc import Iterable, Mapping

import msgspec

from channels_app.request_headers import TEMPLATE, is_withheld
from channels_app.upstream_request import UpstreamRequest

Headers = tuple[tuple[str, str], ...]
ClientHeaders = Mapping[bytes, bytes]

MOST_VALUE = 4000
KEPT = frozenset(
    {"authorization", "x-api-key", "api-key", "x-goog-api-key", "content-type", "accept-encoding"}
)
"""What the provider's side needs as it is: no client's value takes its place."""


def fill_in(templates: Headers, client: ClientHeaders, model: str, request_id: str) -> Headers:
    """Headers with the client's values; those of which nothing is left are not sent."""
    found = []
    for name, template in templates:
        value = TEMPLATE.sub(lambda match: _value(match[1], client, model, request_id), template)
        if value.strip():
            found.append((name.lower(), value.strip()))
    return tuple(found)


def _value(name: str, client: ClientHeaders, model: str, request_id: str) -> str:
    if name == "model":
        return model if is_clean(model) else ""
    if name == "request_id":
        return request_id
    text = client.get(name.removeprefix("client.").lower().encode(), b"").decode("latin-1")
    return text if is_clean(text) else ""


def is_clean(text: str) -> bool:
    """Whether it can stand in a header: visible ASCII, so no end of line, and not too long."""
    return text.isascii() and text.isprintable() and len(text) <= MOST_VALUE


def pass_all(client: ClientHeaders) -> Headers:
    """All of a client's headers but its credentials, its address and what frames the message."""
    texts = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in client.items())
    return tuple(
        (name, value)
        for name, value in texts
        if value and is_clean(name) and is_clean(value) and not is_withheld(name)
    )


def with_headers(request: UpstreamRequest, more: Headers) -> UpstreamRequest:
    return msgspec.structs.replace(request, headers=merge(request.headers, more))


def merge(headers: Headers, more: Iterable[tuple[str, str]]) -> Headers:
    """`more` takes the place of what has the same name, but for KEPT."""
    merged = dict(headers)
    merged |= {name: value for name, value in more if not (name in KEPT and name in merged)}
    return tuple(merged.items())

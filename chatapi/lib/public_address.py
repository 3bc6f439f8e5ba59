"""Which addresses a stranger may have us connect to: public ones only, resolved once and pinned."""

import socket
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from chatapi.lib.net import METADATA_ADDRESSES

HIDING = tuple(ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
"""Where an IPv4 address is reached under another name: translation, and the old compatible form."""
SITE_LOCAL = ip_network("fec0::/10")


class AddressRefused(ValueError):
    """The name is unknown, or one of its addresses is not a public one; the text is fit for
    clients.
    """


def is_public(text: str) -> bool:
    """Whether anybody may be sent there: not our own networks, not a cloud's metadata, not what
    hides an IPv4 address inside IPv6.
    """
    address = ip_address(text)
    if any(address in network for network in HIDING if network.version == address.version):
        return False
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if inner is not None:
        address = inner
    if getattr(address, "teredo", None) is not None or address in METADATA_ADDRESSES:
        return False
    if address.version == SITE_LOCAL.version and address in SITE_LOCAL:
        return False
    return address.is_global and not address.is_multicast


def pick_public(found: Iterable[tuple[Any, ...]]) -> str:
    """The first address of what getaddrinfo found; raises AddressRefused unless all are public."""
    addresses = addresses_of(found)
    if not addresses or not all(is_public(address) for address in addresses):
        raise AddressRefused("the address is not a public one")
    return addresses[0]


def pick_not_metadata(found: Iterable[tuple[Any, ...]]) -> str:
    """The same for an address that an operator set: private ones are allowed, metadata never."""
    addresses = addresses_of(found)
    if not addresses or any(_is_metadata(address) for address in addresses):
        raise AddressRefused("cloud metadata addresses are never allowed")
    return addresses[0]


def addresses_of(found: Iterable[tuple[Any, ...]]) -> list[str]:
    return [
        str(entry[4][0]).partition("%")[0]
        for entry in found
        if entry[0] in {socket.AF_INET, socket.AF_INET6}
    ]


def pin(url: str, address: str) -> tuple[str, str]:
    """(the URL with the checked address in place of its name, what belongs into Host)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    literal = f"[{address}]" if ":" in address else address
    named = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        literal, named = f"{literal}:{parts.port}", f"{named}:{parts.port}"
    return urlunsplit((parts.scheme, literal, parts.path or "/", parts.query, "")), named


def _is_metadata(text: str) -> bool:
    address = ip_address(text)
    plain = getattr(address, "ipv4_mapped", None) or address
    return plain in METADATA_ADDRESSES or (plain.version == 4 and plain.is_link_local)

"""Addresses: who the client is, and which hosts the gateway may be pointed at."""

import socket
import unicodedata
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA_HOSTS = frozenset({"metadata.google.internal", "metadata", "instance-data"})
METADATA_ADDRESSES = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
    )
)


class UrlNotAllowed(ValueError):
    """The URL may not be used as a provider's or proxy's address."""


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks of a comma or line separated list; raises ValueError naming the wrong part, to be
    shown to whoever wrote it.
    """
    parts = (part.strip() for part in text.replace("\n", ",").split(","))
    return tuple(_parse_network(part) for part in parts if part)


def _parse_network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        told = _("“%(part)s” is neither an address nor a network.") % {"part": text[:60]}
        raise ValueError(told) from error


def is_inside(address: str, networks: Iterable[Network]) -> bool:
    """True when the address lies in one of the networks; an unreadable address is in none."""
    try:
        ip = _plain(ip_address(address))
    except ValueError:
        return False
    return any(ip in network for network in networks if network.version == ip.version)


def client_address(
    peer: str, forwarded: Sequence[str], real_ip: str, trusted: Sequence[Network]
) -> str:
    """The client's address: the right-most hop that is not one of our proxies.

    `forwarded` are the values of X-Forwarded-For in the order received. Without a trusted peer
    every forwarding header is ignored, because anybody can write one.
    """
    if not trusted or not is_inside(peer, trusted):
        return peer
    hops = [hop.strip() for value in forwarded for hop in value.split(",") if hop.strip()]
    for hop in reversed(hops):
        address = _without_port(hop)
        if not is_inside(address, trusted):
            return address if _is_address(address) else peer
    if not hops and _is_address(real_ip):
        return real_ip
    return _without_port(hops[0]) if hops and _is_address(_without_port(hops[0])) else peer


def check_operator_url(url: str, schemes: frozenset[str] = frozenset({"http", "https"})) -> str:
    """A base URL or proxy set by an operator, without trailing slash; raises UrlNotAllowed.

    Private addresses are allowed (Ollama, a proxy in the same network), cloud metadata never.
    """
    if any(ord(char) <= 32 or char == "\\" or ord(char) == 127 for char in url):
        msg = _("the address contains a space, a control character or a backslash")
        raise UrlNotAllowed(msg)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        msg = _("the address is not a valid URL")
        raise UrlNotAllowed(msg) from error
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        known = " or ".join(f"{scheme}://" for scheme in sorted(schemes))
        msg = _("the address must start with %(known)s and name a host") % {"known": known}
        raise UrlNotAllowed(msg)
    if parts.fragment or (
        parts.username is not None and schemes <= {"http", "https"} and "socks5" not in schemes
    ):
        msg = _("the address must not contain a user name or a fragment")
        raise UrlNotAllowed(msg)
    if is_metadata_host(parts.hostname):
        msg = _("cloud metadata addresses are never allowed")
        raise UrlNotAllowed(msg)
    return url.rstrip("/")


def is_metadata_host(host: str) -> bool:
    """Also in the spellings that a resolver takes for the same address: 0xa9fea9fe, ①⑥⑨.…"""
    name = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().rstrip(".")
    if name in METADATA_HOSTS:
        return True
    name = name.strip("[]").split("%")[0]
    try:
        ip = _plain(ip_address(name))
    except ValueError:
        try:
            ip = IPv4Address(socket.inet_aton(name))
        except (OSError, UnicodeError):
            return False
    return ip in METADATA_ADDRESSES or (ip.version == 4 and ip.is_link_local)


def _plain(ip: Address) -> Address:
    """The IPv4 address inside a mapped, 6to4 or NAT64 one."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip.sixtofour is not None:
            return ip.sixtofour
        if ip in ip_network("64:ff9b::/96") or ip in ip_network("::/96"):
            return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop

"""Addresses that look like ours, or are none, and that no `next` may lead to."""

import re
from urllib.parse import urljoin, urlsplit

ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "https://evil.example/",
    "http:///evil.example",
    "https:evil.example",
    "https:/evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "/\\\tevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "//evil\u3002example",
    "//evil.example@testserver",
    "//testserver.evil.example",
    "https://testserver@evil.example",
    "%2f%2fevil.example",
    "/%0d%0aSet-Cookie:x=1\r\nX: y",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "?next=//evil.example",
    "evil.example",
    "/" + "x" * 2001,
    "/api/user/logout",
    "/api/oauth/telegram/bind?id=1&hash=2",
    "/%61pi/oauth/wechat/bind?code=1",
    "/./api/oauth/email/bind",
    "/log/%2e%2e/api/user/token",
    "/.//api",
)


def stays_here(location: str) -> bool:
    """As browsers read it: they drop tabs and line breaks, take a backslash for a slash, and do not
    count slashes before a host.
    """
    read = re.sub(r"[\t\r\n]", "", location).strip().replace("\\", "/")
    read = re.sub(r"^(https?:|(?=//))/*", r"\1//", read, flags=re.IGNORECASE)
    address = urlsplit(urljoin("http://testserver/admin/login/", read))
    return (address.scheme, address.netloc) == ("http", "testserver")

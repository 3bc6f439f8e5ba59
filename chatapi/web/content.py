"""What an operator wrote for the site, ready for a template: sanitised, or in a sandboxed frame.

The template `components/content.html` shows a Content; the view that uses it sends the `policy` as
Content-Security-Policy. `components/head.html` shows a Head.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.utils.safestring import SafeString, mark_safe

from chatapi.lib.markup import clean_head, render_markdown
from chatapi.lib.net import UrlNotAllowed, check_operator_url
from chatapi.web.security import make_policy

HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:]+\](:\d+)?")


@dataclass(frozen=True, slots=True)
class Content:
    """Either `html` or the address of a frame; both empty when nothing was written."""

    html: str = ""
    frame: str = ""

    def __bool__(self) -> bool:
        return bool(self.html or self.frame)

    @property
    def policy(self) -> str:
        """Pictures may come from anywhere by https; a frame from its own site alone."""
        if not self.frame:
            return make_policy(img_src="https:")
        parts = urlsplit(self.frame)
        return make_policy(img_src="https:", frame_src=f"https://{parts.netloc}")


@lru_cache(maxsize=64)
def read_content(text: str) -> Content:
    """Markdown or HTML, or nothing but an https address."""
    text = text.strip()
    if text.lower().startswith("https://") and not text.split()[1:]:
        try:
            address = check_operator_url(text.partition("#")[0])
        except UrlNotAllowed:
            return Content()
        # The host becomes a part of the policy, where a semicolon would end its directive.
        is_plain = HOST.fullmatch(urlsplit(address).netloc)
        return Content(frame=address) if is_plain else Content()
    return Content(html=mark_safe(render_markdown(text)))  # noqa: S308 -- nh3 has let only harmless HTML through


@dataclass(frozen=True, slots=True)
class Head:
    """What browsers, search engines and previews of links are told of the site."""

    title: str
    description: str
    preview_title: str
    preview_description: str
    picture: str
    extra: SafeString


def read_head(values: Mapping[str, Any], address: str) -> Head:
    """From all options; `address` is the site's, because previews need a whole one for the
    picture.
    """
    title = values["SiteTitle"] or values["SystemName"]
    description = values["SiteDescription"]
    picture = values["OpenGraphImage"] or values["Logo"]
    return Head(
        title=title,
        description=description,
        preview_title=values["OpenGraphTitle"] or title,
        preview_description=values["OpenGraphDescription"] or description,
        picture=urljoin(f"{address}/", picture) if picture else "",
        # Sanitised once more: what is stored may come from an import or from the command line.
        extra=_clean_extra(values["HeadHtml"]),
    )


@lru_cache(maxsize=4)
def _clean_extra(text: str) -> SafeString:
    return mark_safe(clean_head(text))  # noqa: S308 -- nothing but checked meta and link is left

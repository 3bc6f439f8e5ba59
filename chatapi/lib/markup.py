"""Texts of operators as HTML that can do no harm: no scripts, no forms, no styles."""

import nh3
from markdown_it import MarkdownIt

TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt"),
    *("em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins"),
    *("kbd", "li", "mark", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "summary"),
    *("sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "details": {"open"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
}
SCHEMES = {"http", "https", "mailto", "tel"}
SILENT = {"script", "style", "title", "noscript", "template", "svg", "math"}
"""Elements whose content is no text for people."""

HEAD_RELATIONS = {"alternate", "apple-touch-icon", "canonical", "icon", "me", "shortcut icon"}
_markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def render_markdown(text: str) -> str:
    """Markdown, in which HTML may stand, as sanitised HTML."""
    return clean_html(_markdown.render(text))


def clean_html(text: str) -> str:
    return nh3.clean(
        text,
        tags=TAGS,
        attributes=ATTRIBUTES,
        clean_content_tags=SILENT,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
    )


def clean_head(text: str) -> str:
    """What may stand in a page's head: `meta` with a name or property, and `link` to pictures and
    to other forms of the page. No http-equiv, which could lead the page elsewhere.
    """
    return nh3.clean(
        text,
        tags={"meta", "link"},
        attributes={
            "meta": {"name", "property", "content"},
            "link": {"rel", "href", "hreflang", "sizes", "type", "media"},
        },
        attribute_filter=_keep_in_head,
        clean_content_tags=SILENT,
        url_schemes={"http", "https"},
        link_rel=None,
    ).strip()


def _keep_in_head(tag: str, name: str, value: str) -> str | None:
    if tag == "link" and name == "rel" and value.lower().strip() not in HEAD_RELATIONS:
        return None
    if tag == "meta" and name == "name" and value.lower().strip() in {"referrer", "viewport"}:
        return None
    return value

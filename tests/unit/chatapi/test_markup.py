"""Operators' texts as HTML: nothing in them acts."""

from html.parser import HTMLParser

import pytest

from chatapi.lib.markup import TAGS, clean_head, render_markdown

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "<a href=' java\tscript:alert(1)'>x</a>",
    "<iframe src=https://evil.example></iframe>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>",
    "<form action=//evil.example><input name=password></form>",
    "<style>*{display:none}</style>",
    "<p style='position:fixed' class=x id=y onclick=alert(1)>x</p>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<object data=//evil.example></object><embed src=//evil.example>",
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
]


class Elements(HTMLParser):
    """Names and attributes of all elements, as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.mark.parametrize("text", PAYLOADS)
def test_nothing_in_a_text_acts(text: str) -> None:
    for made in (render_markdown(text), clean_head(text)):
        found = Elements(made)
        assert found.names <= TAGS | {"meta", "link"}
        assert {name for name, _ in found.attributes} <= {
            "href",
            "src",
            "alt",
            "title",
            "rel",
            "content",
        }
        assert [
            v for _, v in found.attributes if v.strip().lower().startswith(("java", "data:"))
        ] == []


def test_what_people_write_stays() -> None:
    made = render_markdown(
        "# Hi\n\n**bold** <u>html</u> [link](https://a.example)\n\n|a|\n|-|\n|1|"
    )
    for part in ("<h1>Hi</h1>", "<strong>bold</strong>", "<u>html</u>", "<table>"):
        assert part in made
    assert '<a href="https://a.example" rel="noopener noreferrer">link</a>' in made


def test_a_head_keeps_names_and_pictures_only() -> None:
    head = (
        '<meta name="verify" content="1"><meta property="og:type" content="website">'
        '<link rel="icon" href="/x.png"><link rel="stylesheet" href="/x.css">'
        '<link rel="icon" href="javascript:x"><meta name="referrer" content="unsafe-url">'
        "<title>x</title><script>x</script>"
    )
    kept = clean_head(head)
    assert '<meta name="verify" content="1">' in kept
    assert '<link rel="icon" href="/x.png">' in kept
    assert not any(part in kept for part in ("stylesheet", "javascript", "referrer", "<title"))

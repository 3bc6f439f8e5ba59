"""Operators' texts on pages: sanitised HTML, or one frame with a policy for it alone."""

import pytest
from django.template.loader import render_to_string

from chatapi.options.snapshot import read_values
from chatapi.web.content import read_content, read_head


def test_markdown_and_html_become_harmless_html() -> None:
    content = read_content("# Hi\n<script>alert(1)</script><img src=x onerror=alert(1)>")
    made = render_to_string("components/content.html", {"content": content})
    assert "<h1>Hi</h1>" in made
    assert "script>" not in made
    assert "onerror" not in made
    assert "frame-src" not in content.policy


def test_an_https_address_becomes_a_frame_that_alone_is_allowed() -> None:
    content = read_content(" https://docs.example/guide?a=1&b=2#part ")
    made = render_to_string("components/content.html", {"content": content})
    assert 'src="https://docs.example/guide?a=1&amp;b=2"' in made
    assert "sandbox=" in made
    assert "allow-top-navigation" not in made
    assert "frame-src https://docs.example;" in f"{content.policy};"


@pytest.mark.parametrize(
    "text",
    [
        'https://a.example/"onload="alert(1)',
        "https://169.254.169.254/latest",
        "https://user:word@a.example/",
        "https://a.example/;script-src",
        "https://a.example;script-src",
        "HTTPS://a.example/x\\y",
        "https://[::1",
    ],
)
def test_a_crooked_address_breaks_nothing(text: str) -> None:
    content = read_content(text)
    made = render_to_string("components/content.html", {"content": content})
    assert made.count('"') % 2 == 0
    assert "onload=" not in made.replace("&quot;onload=", "")
    assert "script-src 'self';" in f"{content.policy};"


def test_more_than_an_address_is_a_text() -> None:
    assert read_content("https://a.example and more").frame == ""
    assert not read_content("   ")


@pytest.mark.django_db
def test_the_head_falls_back_and_escapes() -> None:
    values = read_values() | {"SystemName": 'A "B" <c>', "Logo": "/logo.png"}
    head = read_head(
        values | {"HeadHtml": "<script>x</script><meta name=a content=b>"}, "https://a.b"
    )
    made = render_to_string("components/head.html", {"head": head})
    assert "A &quot;B&quot; &lt;c&gt;" in made
    assert 'content="https://a.b/logo.png"' in made
    assert "<script" not in made
    assert '<meta name="a" content="b">' in made

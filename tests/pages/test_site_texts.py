"""Home, tutorial and announcement: the operator's words, sanitised, or our own."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from constance import config
from django.test import Client

from channels_app.models import Channel
from chatapi.accounts.models import User
from chatapi.web.tutorial import CODE
from tests.pages.user_site import XSS

pytestmark = pytest.mark.django_db
PATHS = {"HomePageContent": "/", "About": "/about", "Notice": "/announcement"}


@pytest.mark.parametrize(("option", "path"), PATHS.items())
def test_the_operators_words_are_shown_without_scripts(
    client: Client, option: str, path: str
) -> None:
    text = f"# Welcome\n\n{XSS}<img src=x onerror=alert(1)>[a](javascript:alert(1))"
    setattr(config, option, text)
    answer = client.get(path)
    page = answer.content.decode()
    assert "<h1>Welcome</h1>" in page
    assert "alert(1)</script>" not in page
    assert "onerror" not in page
    assert 'href="javascript' not in page
    assert "script-src 'self';" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(("option", "path"), PATHS.items())
def test_an_address_is_shown_in_a_frame(client: Client, option: str, path: str) -> None:
    setattr(config, option, "https://docs.example.com/start")
    answer = client.get(path)
    assert 'src="https://docs.example.com/start"' in answer.content.decode()
    assert "frame-src https://docs.example.com" in answer["Content-Security-Policy"]


def test_the_part_for_the_dialog_has_no_frame_around_it(client: Client) -> None:
    config.Notice = f"**News** {XSS}"
    part = client.get("/announcement?part=1").content.decode()
    assert "<strong>News</strong>" in part
    assert "<html" not in part
    assert "<script" not in part


def test_every_page_leads_to_the_announcement(
    client: Client, alice: User, as_user: Callable[[User], Client]
) -> None:
    assert "data-announcement" not in client.get("/").content.decode()
    config.Notice = "News"
    first = client.get("/").content.decode()
    assert 'data-announcement="/announcement"' in first
    config.Notice = "Other news"
    second = as_user(alice).get("/dashboard").content.decode()
    marks = [re.findall(r'data-notice="(\w+)"', page) for page in (first, second)]
    assert marks[0] != marks[1]


def test_the_tutorial_has_the_sites_own_address(client: Client) -> None:
    page = text_of(client.get("/about", headers={"host": "api.example.com"}))
    assert 'base_url="http://api.example.com/v1"' in page
    assert "ANTHROPIC_BASE_URL=http://api.example.com\n" in page
    config.ServerAddress = "https://gate.example.org"
    answer = client.get("/about")
    assert 'base_url="https://gate.example.org/v1"' in text_of(answer)
    assert 'data-base-url=""' in answer.content.decode()


def test_examples_ask_for_models_that_their_reader_can_call(
    client: Client, alice: User, as_user: Callable[[User], Client]
) -> None:
    names = "text-embedding-3-small, qwen'3, gpt-4o-mini, qwen3"
    Channel.objects.create(name="c", kind=1, models_text=names)
    mine = text_of(as_user(alice).get("/about"))
    assert mine.count('"gpt-4o-mini"') == 6
    assert "ANTHROPIC_MODEL=gpt-4o-mini\n" in mine
    assert "claude-sonnet-4-5" not in mine
    # Strangers do not learn what is served, unless the prices are public.
    assert "claude-sonnet-4-5" in text_of(client.get("/about"))
    config.PublicPrices = True
    assert "claude-sonnet-4-5" not in text_of(client.get("/about"))
    Channel.objects.update(models_text="qwen'3,qwen3")
    assert '\'{"model": "qwen3"' in text_of(client.get("/"))


def text_of(answer: Any) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", answer.content.decode()))


@pytest.mark.parametrize("name", [one.name for one in CODE if one.name.startswith("python")])
def test_snippets_are_python(name: str) -> None:
    (snippet,) = (one for one in CODE if one.name == name)
    text = snippet.at("https://gate.example.org")
    compile(text, name, "exec")
    assert "<" not in text


def test_only_placeholders_are_replaced() -> None:
    (codex,) = (one for one in CODE if one.name == "codex")
    assert 'env_key = "GATEWAY_KEY"' in codex.at("https://gate.example.org", "sk-1")


def test_previews_have_what_the_operator_wrote(client: Client) -> None:
    config.SiteTitle = 'A "title"'
    config.OpenGraphDescription = f"Words {XSS}"
    page = client.get("/about").content.decode()
    assert '<meta property="og:title" content="A &quot;title&quot;"' in page
    assert "<script>alert" not in page
    assert "<title>A &quot;title&quot;</title>" in client.get("/").content.decode()


def test_the_footer_is_the_operators(client: Client) -> None:
    config.Footer = f"© **Us** {XSS}"
    page = client.get("/").content.decode()
    assert "© <strong>Us</strong>" in page
    assert "<script>alert" not in page

"""The first page, and the pages that say no."""

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries, Settings

from chatapi.web.frontend import FrontendRedirectMiddleware
from tests.pages.elsewhere import ELSEWHERE, stays_here

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("language", "headline"),
    [("en", "Every model behind one key"), ("zh-CN,zh;q=0.9", "一个密钥，所有模型")],
)
def test_home_speaks_the_browsers_language(client: Client, language: str, headline: str) -> None:
    page = client.get("/", headers={"accept-language": language}).content.decode()
    assert headline in page


def test_home_shows_the_base_url_and_the_name(client: Client) -> None:
    page = client.get("/", headers={"host": "api.example.com:3000"}).content.decode()
    assert "http://api.example.com:3000/v1" in page
    assert "Chat API" in page


def test_home_costs_one_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get("/")
    with django_assert_num_queries(1):
        answer = client.get("/")
    assert answer.status_code == 200


def test_the_switch_of_languages_lasts(client: Client) -> None:
    answer = client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/"})
    assert answer.status_code == 302
    assert answer["Location"] == "/"
    page = client.get("/", headers={"accept-language": "en"}).content.decode()
    assert 'lang="zh-hans"' in page
    assert "一个密钥，所有模型" in page


def test_the_switch_leads_nowhere_else(client: Client) -> None:
    for target in ELSEWHERE:
        answer = client.post("/i18n/setlang/", {"language": "en", "next": target})
        assert stays_here(answer["Location"]), target


def test_only_the_home_page_is_for_robots(client: Client) -> None:
    answer = client.get("/robots.txt")
    assert answer["Content-Type"] == "text/plain"
    assert b"Allow: /$\nDisallow: /\n" in answer.content


def test_the_old_place_of_the_icon_leads_to_the_new(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert answer["Location"] == "/static/img/favicon.svg"
    assert client.get(answer["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("language", "headline"), [("en", "There is nothing here"), ("zh", "页面不存在")]
)
def test_an_unknown_page_is_told_so(client: Client, language: str, headline: str) -> None:
    answer = client.get("/nothing", headers={"accept-language": language})
    assert answer.status_code == 404
    assert headline in answer.content.decode()
    assert "/static/css/error.css" in answer.content.decode()


def test_a_form_without_its_secret_is_told_so() -> None:
    answer = Client(enforce_csrf_checks=True).post("/i18n/setlang/", {"language": "en"})
    assert answer.status_code == 403
    assert "The form has expired" in answer.content.decode()


def test_our_own_mistakes_look_like_us(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page of a 500 must need no database: that may be what is broken."""

    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr("chatapi.web.pages.frame.read_values", fail)
    client.raise_request_exception = False
    answer = client.get("/", headers={"accept-language": "zh"})
    assert answer.status_code == 500
    assert "出错了" in answer.content.decode()
    assert "Content-Security-Policy" in answer.headers


# --- FRONTEND_BASE_URL ---


def test_a_slave_sends_people_to_the_pages(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, rf: RequestFactory
) -> None:
    monkeypatch.setattr(settings.ENV, "FRONTEND_BASE_URL", "https://pages.example.com/")
    monkeypatch.setattr(settings.ENV, "NODE_TYPE", "slave")
    answer = FrontendRedirectMiddleware(lambda _: HttpResponse())(rf.get("/admin/?q=1"))
    assert answer.status_code == 301
    assert answer["Location"] == "https://pages.example.com/admin/?q=1"


@pytest.mark.parametrize("path", ["/api/status", "/api/user/epay/notify", "/api/stripe/webhook"])
def test_a_slave_answers_programs_and_payment_gateways_itself(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, rf: RequestFactory, path: str
) -> None:
    monkeypatch.setattr(settings.ENV, "FRONTEND_BASE_URL", "https://pages.example.com")
    monkeypatch.setattr(settings.ENV, "NODE_TYPE", "slave")
    answer = FrontendRedirectMiddleware(lambda _: HttpResponse("here"))(rf.post(path))
    assert answer.content == b"here"


@pytest.mark.parametrize(("node", "base"), [("master", "https://x.example"), ("slave", "")])
def test_others_show_their_own_pages(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, node: str, base: str
) -> None:
    monkeypatch.setattr(settings.ENV, "FRONTEND_BASE_URL", base)
    monkeypatch.setattr(settings.ENV, "NODE_TYPE", node)
    with pytest.raises(MiddlewareNotUsed):
        FrontendRedirectMiddleware(lambda _: HttpResponse())

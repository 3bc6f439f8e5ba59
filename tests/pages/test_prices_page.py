"""Models and prices: of one's own group and of open ones; for strangers if the option says so."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from constance import config
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from billing.models import Price
from channels_app.models import Channel
from chatapi.accounts.models import Group, User
from tests.pages.user_site import XSS

pytestmark = pytest.mark.django_db


def serve(models: str, groups: str = "default") -> None:
    Channel.objects.create(name="c", kind=1, models_text=models, groups_text=groups)


def set_price(model: str, **prices: str) -> None:
    values = {name: Decimal(usd) for name, usd in prices.items()}
    Price.objects.update_or_create(model=model, defaults=values)


@pytest.fixture
def browser(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


def text_of(client: Client, **query: Any) -> str:
    answer = client.get("/model", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_prices_have_the_groups_ratio_in_them(browser: Client) -> None:
    """gpt-4o at $2.50 and $10, ratio 0.8: $2 and $8."""
    Group.objects.filter(name="vip").update(ratio="0.8", is_selectable=True)
    serve("my-model", "default, vip")
    set_price("my-model", input="2.5", output="10", per_call="0.05", per_image="0.04")
    page = text_of(browser)
    assert all(text in page for text in ("$2.50", "$10.00", "$0.05", "$0.04 / image"))
    page = text_of(browser, group="vip")
    assert all(text in page for text in ("$2.00", "$8.00", "$0.04", "$0.032 / image"))


def test_groups_that_are_not_open_are_not_shown(browser: Client) -> None:
    Group.objects.create(name="inner", is_selectable=False, ratio="0.1")
    serve("secret-model", "inner")
    for query in ({}, {"group": "inner"}, {"group": "x" * 999}):
        assert "secret-model" not in text_of(browser, **query)


def test_strangers_see_them_only_if_the_option_says_so(client: Client) -> None:
    serve("my-model")
    assert client.get("/model").status_code == 302
    config.PublicPrices = True
    page = text_of(client)
    assert "my-model" in page
    assert 'href="/model"' in page


def test_models_without_a_price(browser: Client) -> None:
    serve("strange-model")
    assert "$30.00" in text_of(browser)
    config.UnpricedCallUsd = Decimal("0.05")
    assert "$0.05" in text_of(browser)
    config.ModelRatioEnabled = False
    assert "$30.00" not in text_of(browser)
    config.UnpricedModelPolicy = "refuse"
    assert "without a price: calls are refused" in text_of(browser)


def test_found_by_name_and_vendor(browser: Client) -> None:
    serve("gpt-4o, deepseek-chat, my-own")
    assert "deepseek-chat" not in text_of(browser, q="GPT")
    page = text_of(browser, vendor="deepseek")
    assert "deepseek-chat" in page
    assert "gpt-4o" not in page
    assert "gpt-4o" in text_of(browser, vendor="nobody")
    assert "No model has this name." in text_of(browser, q="%")


def test_names_are_texts(browser: Client) -> None:
    serve(f"{XSS}")
    for query in ({}, {"q": XSS}, {"vendor": XSS}, {"group": XSS}):
        page = text_of(browser, **query)
        assert "<script>alert" not in page


def test_queries_do_not_grow_with_models(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    text_of(browser)
    for models in ("one", "two, three"):
        serve(models)
        with django_assert_num_queries(7):
            page = text_of(browser)
        assert all(model in page for model in models.split(", "))

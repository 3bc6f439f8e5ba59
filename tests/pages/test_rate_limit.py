"""GLOBAL_WEB_RATE_LIMIT keeps its promise to strangers and leaves the operator alone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from chatapi.accounts.models import Role, User
from tests.pages.conftest import PASSWORD, make_user

pytestmark = pytest.mark.django_db
LIMIT = 5
AsUser = Callable[[User], Client]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(settings.ENV, "GLOBAL_WEB_RATE_LIMIT", LIMIT)
    monkeypatch.setattr(settings.ENV, "GLOBAL_API_RATE_LIMIT", LIMIT)


def statuses(client: Client, path: str, times: int, **more: Any) -> list[int]:
    return [client.get(path, **more).status_code for _ in range(times)]


def test_a_stranger_has_so_many_pages(client: Client) -> None:
    assert statuses(client, "/", LIMIT + 2) == [200] * LIMIT + [429] * 2


@pytest.mark.parametrize(
    ("language", "text"), [("en", "Too many requests"), ("zh", "请求过于频繁")]
)
def test_the_refusal_says_when_to_come_back(client: Client, language: str, text: str) -> None:
    statuses(client, "/", LIMIT)
    answer = client.get("/", headers={"accept-language": language})
    assert 0 < int(answer["Retry-After"]) <= 180
    assert text in answer.content.decode()
    assert answer["Retry-After"] in answer.content.decode()


def test_addresses_are_counted_apart(client: Client) -> None:
    statuses(client, "/", LIMIT + 1, REMOTE_ADDR="192.0.2.1")
    assert client.get("/", REMOTE_ADDR="192.0.2.2").status_code == 200


def test_one_owner_of_a_network_is_one_address(client: Client) -> None:
    for number in range(LIMIT):
        client.get("/", REMOTE_ADDR=f"2001:db8::{number + 1}:2")
    assert client.get("/", REMOTE_ADDR="2001:db8:0:0:ffff::9").status_code == 429
    assert client.get("/", REMOTE_ADDR="2001:db8:0:1::9").status_code == 200


def test_styles_and_pictures_are_free(client: Client) -> None:
    assert set(statuses(client, "/static/css/site.css", LIMIT * 2)) == {200}
    assert set(statuses(client, "/robots.txt", LIMIT * 2)) == {200}


def test_staff_click_as_fast_as_they_can(console: Client, support: User, as_user: AsUser) -> None:
    assert set(statuses(console, "/robots-are-here/", LIMIT * 10 + 2)) == {404}
    assert set(statuses(as_user(support), "/robots-are-here/", LIMIT * 10 + 2)) == {404}


def test_an_operator_behind_a_busy_address_browses_on(client: Client, console: Client) -> None:
    statuses(client, "/", LIMIT * 3)
    assert console.get("/admin/").status_code == 200


def test_customers_are_counted_by_account(alice: User, as_user: AsUser) -> None:
    """From one address, in two browsers; another account there has its own count."""
    found = statuses(as_user(alice), "/robots-are-here/", LIMIT * 10)
    assert found == [404] * (LIMIT * 10)
    assert statuses(as_user(alice), "/robots-are-here/", 1) == [429]
    bob = as_user(make_user("bob", Role.COMMON))
    assert statuses(bob, "/robots-are-here/", 1) == [404]


def test_a_flood_from_behind_the_same_address_shuts_nobody_out(
    client: Client, alice: User, as_user: AsUser
) -> None:
    browser = as_user(alice)
    assert statuses(browser, "/robots-are-here/", 1) == [404]
    client.cookies["sessionid"] = "x" * 32
    assert statuses(client, "/", LIMIT * 10 + 2)[-1] == 429
    assert statuses(browser, "/robots-are-here/", 1) == [404]
    browser.logout()
    assert statuses(browser, "/", 1) == [429]


def test_a_made_up_session_does_not_help(client: Client) -> None:
    client.cookies["sessionid"] = "x" * 32
    assert statuses(client, "/", LIMIT + 1)[-1] == 429


def test_who_is_far_over_the_limit_costs_no_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.cookies["sessionid"] = "x" * 32
    statuses(client, "/", LIMIT * 10 + 2)
    with django_assert_num_queries(0):
        assert client.get("/").status_code == 429


def test_guesses_of_passwords_are_counted(client: Client, root: User) -> None:
    data = {"username": "root", "password": "wrong"}
    for _ in range(LIMIT):
        client.post("/admin/login/", data)
    data["password"] = PASSWORD
    assert client.post("/admin/login/", data).status_code == 429


def test_the_api_is_counted_by_itself_and_answers_in_json(client: Client) -> None:
    statuses(client, "/", LIMIT + 1)
    assert statuses(client, "/api/status", LIMIT) == [200] * LIMIT
    answer = client.get("/api/status")
    assert answer.status_code == 429
    assert answer.json()["success"] is False


def test_zero_means_no_limit(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(settings.ENV, "GLOBAL_WEB_RATE_LIMIT", 0)
    assert set(statuses(client, "/", LIMIT * 2)) == {200}

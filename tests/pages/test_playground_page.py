"""The playground: with a token of one's own, whose key does not come to the browser."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from channels_app.models import Channel
from chatapi.accounts.models import Group, Token, TokenStatus, User
from chatapi.accounts.stand_in import (
    PREFIX,
    StandIn,
    make_stand_in,
    open_stand_in,
    sessions_mark,
)
from chatapi.accounts.tokens import TokenSettings, create_token
from relay.admission import MOST_KEY_LENGTH
from tests.pages.user_site import XSS, add_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


def make_token(user: User, name: str = "laptop", **more: Any) -> Token:
    return create_token(user, TokenSettings(name=name, is_unlimited=True, **more)).token


def make_key(browser: Client, token: object) -> Any:
    return browser.post(f"/playground/{token}/key")


def test_what_the_browser_gets_stands_for_the_token(browser: Client, alice: User) -> None:
    token = make_token(alice)
    answer = make_key(browser, token.pk)
    assert "no-store" in answer["Cache-Control"]
    key, seconds = answer.json()["key"], answer.json()["seconds"]
    opened = StandIn(token.key_hash, sessions_mark(alice))
    assert (open_stand_in(key, "127.0.0.1"), seconds) == (opened, 300)
    assert token.key_hash not in key
    assert Token.objects.count() == 1


def test_a_stand_in_is_good_for_one_address_and_five_minutes(alice: User) -> None:
    token = make_token(alice)
    opened = StandIn(token.key_hash, sessions_mark(alice))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        key = make_stand_in(token, "203.0.113.7")
        assert open_stand_in(key, "203.0.113.8") is None
        clock.shift(299)
        assert open_stand_in(key, "203.0.113.7") == opened
        clock.shift(1)
        assert open_stand_in(key, "203.0.113.7") is None
    for forged in (key[:-6] + "AAAA==", PREFIX, PREFIX + "k1:", PREFIX + "k9:AAAA", "web:ü"):
        assert open_stand_in(forged, "203.0.113.7") is None
    shared = make_stand_in(token, "2001:db8::1")
    assert len(shared) < MOST_KEY_LENGTH
    assert open_stand_in(shared, "2001:db8::2") == opened
    assert open_stand_in(shared, "2001:db8:0:1::1") is None


def test_other_peoples_tokens_do_not_exist(browser: Client, admin: User) -> None:
    theirs = make_token(admin)
    for token in (theirs.pk, 0, "x", "9" * 18):
        assert make_key(browser, token).status_code == 404


def test_a_key_needs_a_form_of_ours(alice: User, as_user: Callable[..., Client]) -> None:
    strict = as_user(alice, strict=True)
    token = make_token(alice).pk
    assert make_key(strict, token).status_code == 403
    assert strict.get(f"/playground/{token}/key").status_code == 405


def test_strangers_get_neither_page_nor_key(client: Client, alice: User) -> None:
    assert client.get("/playground").status_code == 302
    assert make_key(client, make_token(alice).pk).status_code == 302


def test_costs_are_told_to_who_paid(browser: Client, alice: User, admin: User) -> None:
    mine, theirs = add_call(alice, amount=1), add_call(admin)
    answer = browser.get(f"/playground/cost/{mine.request_id}")
    assert (answer.status_code, answer.json()["usd"]) == (200, "$0.000002")
    for request_id in (theirs.request_id, "none", XSS[:8].replace("<", "")):
        answer = browser.get(f"/playground/cost/{request_id}")
        assert (answer.status_code, answer.json()) == (202, {})


def test_the_page_offers_tokens_that_can_be_used(browser: Client, alice: User) -> None:
    for name, change in (
        ("over", {"expires_at": timezone.now() - timedelta(minutes=1)}),
        ("off", {"status": TokenStatus.DISABLED}),
        ("later", {"valid_seconds": 60}),
        (f"new {XSS}", {}),
    ):
        Token.objects.filter(pk=make_token(alice, name).pk).update(**change)
    page = browser.get("/playground").content.decode()
    assert [one.name for one in browser.get("/playground").context["tokens"]] == [
        f"new {XSS}",
        "later",
    ]
    assert "<script>alert" not in page


def test_a_person_without_a_token_is_led_to_one(browser: Client) -> None:
    page = browser.get("/playground").content.decode()
    assert 'class="button" href="/token/new"' in page
    assert "pg-token" not in page


def test_the_page_offers_what_the_token_may_chat_with(browser: Client, alice: User) -> None:
    Group.objects.create(name="inner")
    names = f"gpt-4o, gpt-4o-mini, text-embedding-3-small, dall-e-3, {XSS}"
    Channel.objects.create(name="c", kind=1, models_text=names)
    Channel.objects.create(name="d", kind=1, models_text="house", groups_text="inner")
    make_token(alice, "some", models_text="gpt-4o*")
    inner = make_token(alice, "inner", group="inner")
    every = make_token(alice)

    def offered(token: int) -> Any:
        return browser.get(f"/playground?token={token}").context["models"]

    assert offered(every.pk) == sorted([XSS, "gpt-4o", "gpt-4o-mini"])
    assert offered(inner.pk) == ["house"]
    assert offered(inner.pk - 1) == ["gpt-4o", "gpt-4o-mini"]
    page = browser.get("/playground?model=gpt-4o").content.decode()
    assert "<option selected>gpt-4o</option>" in page
    assert "<script>alert" not in page

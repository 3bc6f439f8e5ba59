"""The external chat page: only the option's address, a key only after password and warning."""

from collections.abc import Callable

import pytest
from constance import config
from django.test import Client

from chatapi.accounts.models import User
from chatapi.accounts.tokens import TokenSettings, create_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


@pytest.mark.parametrize("address", ["", "http://chat.example.com", "javascript:alert(1)"])
def test_without_an_https_address_there_is_no_page(browser: Client, address: str) -> None:
    config.ChatLink = address
    assert browser.get("/chatweb?chat_link=https://evil.example").status_code == 404
    assert browser.post("/chatweb/key", {"token": "1"}).status_code == 404


def test_a_key_goes_only_behind_a_warning(browser: Client, alice: User, admin: User) -> None:
    config.ChatLink = "https://chat.example.com/"
    config.TokenRevealEnabled = True
    made = create_token(alice, TokenSettings(name="mine", is_unlimited=True))
    theirs = create_token(admin, TokenSettings(name="theirs", is_unlimited=True))
    page = browser.get("/chatweb?chat_link=https://evil.example").content.decode()
    assert 'href="https://evil' not in page
    assert "theirs" not in page
    assert made.key not in page
    warned = browser.post("/chatweb/key", {"token": made.token.pk})
    assert "no-store" in warned["Cache-Control"]
    assert f"https://chat.example.com/#/?settings=%7B%22key%22%3A%22{made.key}" in (
        warned.content.decode()
    )
    assert browser.post("/chatweb/key", {"token": theirs.token.pk}).status_code == 404
    config.TokenRevealEnabled = False
    refused = browser.post("/chatweb/key", {"token": made.token.pk}, follow=True)
    assert made.key not in refused.content.decode()


def test_the_password_is_asked_for_again(browser: Client, alice: User) -> None:
    config.ChatLink = "https://chat.example.com/"
    config.TokenRevealEnabled = True
    made = create_token(alice, TokenSettings(name="mine", is_unlimited=True))
    session = browser.session
    del session["confirmed_at"]
    session.save()
    page = browser.post("/chatweb/key", {"token": made.token.pk}).content.decode()
    assert "step_up_carried" in page
    assert made.key not in page

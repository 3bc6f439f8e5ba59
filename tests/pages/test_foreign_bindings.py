"""Telegram and WeChat as ways in; binding and unbinding accounts of other sites."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from chatapi.accounts.models import User
from chatapi.web.foreign.identity import hash_uid
from chatapi.web.foreign.telegram import sign
from tests.pages.conftest import make_user
from tests.pages.foreign_site import BOT, ForeignSite, go, is_in, leave, told

pytestmark = pytest.mark.django_db


# --- Telegram ---


def packed(values: dict[str, Any], token: str = BOT) -> str:
    text = json.dumps({**values, "hash": sign(token, values)})
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def telegram(**more: Any) -> dict[str, Any]:
    return {
        "id": 777,
        "first_name": "Дора",
        "username": "dora",
        "auth_date": int(time.time()),
    } | more


def hand_in(client: Client, result: str, slug: str = "telegram") -> Any:
    there = leave(client, slug)
    back = re.search(r"state%3D([\w-]+)", there)
    assert back
    return client.post(f"/oauth/{slug}", {"state": back[1], "result": result})


def test_telegram_opens_an_account(client: Client, site: ForeignSite) -> None:
    assert "bot_id=4242" in leave(client, "telegram")
    assert hand_in(client, packed(telegram()))["Location"] == "/welcome"
    assert User.objects.get().display_name == "Дора"
    assert SocialAccount.objects.get().uid == "777"


def test_what_telegram_signed_works_once(client: Client, site: ForeignSite) -> None:
    result = packed(telegram())
    hand_in(client, result)
    other = Client()
    assert hand_in(other, result)["Location"] == "/login"
    assert not is_in(other)


@pytest.mark.parametrize(
    "result",
    [
        "",
        "!!!",
        "W10",
        packed(telegram(), token="4242:other"),
        packed({**telegram(), "auth_date": 1}),
        packed({**telegram(), "id": "777"}),
        packed({**telegram(), "id": True}),
        base64.b64encode(json.dumps({**telegram(), "hash": 7}).encode()).decode(),
    ],
)
def test_what_telegram_did_not_sign_is_refused(
    client: Client, site: ForeignSite, result: str
) -> None:
    assert hand_in(client, result)["Location"] == "/login"
    assert not User.objects.exists()


def test_a_name_can_not_pass_for_the_id(client: Client, site: ForeignSite) -> None:
    """Both have the same lines, and so the same seal; who chose the name has id 777."""
    signed = telegram(first_name="x\nid=1\nlast_name=y")
    seal = sign(BOT, signed)
    forged = {**telegram(first_name="x", id=1, last_name="y\nid=777"), "hash": seal}
    forged["auth_date"] = signed["auth_date"]
    assert sign(BOT, {name: forged[name] for name in forged if name != "hash"}) == seal
    result = base64.b64encode(json.dumps(forged).encode()).decode()
    assert hand_in(client, result)["Location"] == "/login"
    assert not User.objects.exists()


def test_the_signature_is_telegrams() -> None:
    """By hand, from the description."""
    values = {"id": 1, "auth_date": 2}
    key = hashlib.sha256(b"t").digest()
    import hmac  # noqa: PLC0415 -- only here

    assert sign("t", values) == hmac.new(key, b"auth_date=2\nid=1", hashlib.sha256).hexdigest()


# --- WeChat ---


def enter_code(client: Client, code: str, act: str = "start") -> Any:
    path = client.post(f"/oauth/wechat/{act}")["Location"]
    state = path.partition("state=")[2]
    return client.post("/oauth/wechat/code", {"code": code, "state": state})


def test_wechat_opens_an_account(client: Client, site: ForeignSite) -> None:
    assert enter_code(client, "123456")["Location"] == "/welcome"
    assert SocialAccount.objects.get().uid == hash_uid("oAbC")


def test_codes_of_wechat_are_guessed_five_times(client: Client, site: ForeignSite) -> None:
    answers = [enter_code(client, "000000").status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    assert site.asked.count("/api/wechat/user") == 5


def test_a_second_try_needs_no_new_start(client: Client, site: ForeignSite) -> None:
    page = enter_code(client, "000000").content.decode()
    state = re.search(r'name="state" value="([^"]+)"', page)
    assert state
    answer = client.post("/oauth/wechat/code", {"code": "123456", "state": state[1]})
    assert answer["Location"] == "/welcome"


# --- Binding ---


@pytest.fixture
def browser(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


def test_binding_and_unbinding(browser: Client, alice: User, site: ForeignSite) -> None:
    assert go(browser, site, "github", "bind")["Location"] == "/profile"
    assert SocialAccount.objects.get().user == alice
    assert "octocat" in told(browser, "/profile")
    other = Client()
    go(other, site, "github")
    assert other.session["_auth_user_id"] == str(alice.pk)
    assert browser.post("/oauth/github/unbind")["Location"] == "/profile"
    assert not SocialAccount.objects.exists()


def test_what_is_somebody_elses_can_not_be_bound(
    browser: Client, site: ForeignSite, client: Client
) -> None:
    go(client, site, "github")
    go(browser, site, "github", "bind")
    assert "bound to another account" in told(browser, "/profile")
    assert SocialAccount.objects.get().user.username == "octocat"


def test_a_return_binds_only_for_who_began(
    browser: Client, site: ForeignSite, as_user: Callable[[User], Client]
) -> None:
    """Mallory can't hand her own return to a victim, nor sign in somebody who began to bind."""
    code, state = site.allow(leave(browser, "github", "bind"))
    victim = as_user(make_user("victim", 1))
    victim.get("/oauth/github", {"code": code, "state": state})
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("act", ["start", "bind", "unbind"])
def test_acts_are_forms_only(browser: Client, site: ForeignSite, act: str) -> None:
    if act != "start":
        assert browser.get(f"/oauth/github/{act}").status_code == 405
        strict = Client(enforce_csrf_checks=True)
        strict.cookies["sessionid"] = browser.cookies["sessionid"].value
        assert strict.post(f"/oauth/github/{act}").status_code == 403
    else:
        assert Client().get("/oauth/github/start").status_code == 405


def test_the_last_way_in_stays(client: Client, site: ForeignSite) -> None:
    go(client, site, "github")
    client.post("/oauth/github/unbind")
    assert "only way to sign in" in told(client, "/profile")
    go(client, site, "acme", "bind")
    client.post("/oauth/github/unbind")
    assert [row.provider for row in SocialAccount.objects.all()] == ["acme"]


def test_unknown_sites_are_not_found(client: Client, site: ForeignSite) -> None:
    for path in ("/oauth/evil", "/oauth/wechat"):
        assert client.get(path).status_code == 404
    assert client.post("/oauth/evil/start").status_code == 404

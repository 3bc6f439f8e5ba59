"""Accounts of other sites by JSON, against a server that speaks their protocols."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from constance import config

from chatapi.accounts.access_tokens import create_access_token, reset_personal_token
from chatapi.accounts.models import User
from chatapi.accounts.step_up import CONFIRMED_AT
from chatapi.console.models import AuditEntry
from chatapi.web.foreign.telegram import sign
from tests.api.conftest import OURS, Api, data_of, refusal_of
from tests.pages.foreign_site import BOT, ForeignSite, running_site, set_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(db: None) -> Iterator[ForeignSite]:
    with running_site() as running:
        set_up(running)
        yield running


def begin(api: Api, provider: str) -> str:
    """The address there."""
    answer = api.post("oauth/state", {"provider": provider})
    state, address = data_of(answer), str(answer.json()["url"])
    assert parse_qs(urlsplit(address).query)["state"] == [state]
    return address


def go(api: Api, site: ForeignSite, provider: str) -> Any:
    """There and back."""
    code, state = site.allow(begin(api, provider))
    return api.post(f"oauth/{provider}", {"code": code, "state": state})


def own_address(site: ForeignSite, state: str) -> str:
    """As a client of the old product makes it."""
    query = {"client_id": "client", "state": state, "scope": "user:email"}
    return f"{site.url}/login/oauth/authorize?{urlencode(query)}"


@pytest.mark.parametrize("provider", ["github", "acme"])
def test_a_sign_in_opens_an_account_and_finds_it_again(site: ForeignSite, provider: str) -> None:
    browser = Api()
    data = data_of(go(browser, site, provider))
    user = User.objects.get()
    assert (data["id"], data["role"], data["key"][:3]) == (user.pk, 1, "sk-")
    assert data_of(browser.get("user/self"))["username"] == user.username
    again = data_of(go(Api(), site, provider))
    assert again["id"] == user.pk
    assert "key" not in again


def test_an_old_client_makes_its_own_address(site: ForeignSite) -> None:
    browser = Api(strict=True)
    state = data_of(browser.get("oauth/state", **OURS))
    code, _state = site.allow(own_address(site, state))
    path = f"oauth/github?{urlencode({'code': code, 'state': state})}"
    assert browser.get(path, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert data_of(browser.get(path, **OURS))["username"] == "octocat"
    assert browser.get(path, **OURS).status_code == 403


def test_a_code_that_was_asked_for_with_a_verifier_works_with_it_alone(site: ForeignSite) -> None:
    """Who steals a code can't hand it in under a state of an own address."""
    code, _state = site.allow(begin(Api(), "github"))
    thief = Api()
    state = data_of(thief.post("oauth/state"))
    refusal_of(thief.post("oauth/github", {"code": code, "state": state}))
    assert thief.get("user/self").status_code == 401


def test_a_state_is_good_once_where_it_began(site: ForeignSite) -> None:
    browser = Api()
    code, state = site.allow(begin(browser, "github"))
    body = {"code": code, "state": state}
    for api, path, sent in (
        (Api(), "oauth/github", body),
        (browser, "oauth/github", {**body, "state": "x"}),
        (browser, "oauth/acme", body),
        (browser, "oauth/github", body),
    ):
        assert api.post(path, sent).status_code == 403
    assert "/login/oauth/access_token" not in site.asked
    assert not User.objects.exists()


def test_what_is_switched_off_is_not_there(site: ForeignSite, alice: Api) -> None:
    config.GitHubOAuthEnabled = config.WeChatAuthEnabled = config.TelegramOAuthEnabled = False
    for name in ("github", "wechat", "telegram", "nothing", ""):
        sent = {"provider": name}
        assert Api().post("oauth/state", sent).status_code == 404, name
    proof = {"code": "123456", "state": "x"}
    telegram = telegram_proof()
    assert Api().post("oauth/github", proof).status_code == 404
    assert Api().post("oauth/wechat", proof).status_code == 404
    assert Api().post("oauth/telegram/login", telegram).status_code == 404
    assert alice.post("oauth/wechat/bind", proof).status_code == 404
    assert alice.post("oauth/telegram/bind", telegram).status_code == 404


def test_the_banned_and_second_factors(site: ForeignSite) -> None:
    data_of(go(Api(), site, "github"))
    user = User.objects.get()
    TOTP.activate(user, "JBSWY3DPEHPK3PXP")
    browser = Api()
    assert go(browser, site, "github").json()["code"] == "second_factor_required"
    assert browser.get("user/self").status_code == 401
    User.objects.update(is_active=False)
    assert "closed" in refusal_of(go(Api(), site, "github"))
    config.RegisterEnabled = False
    site.github["id"] = 999
    refusal_of(go(Api(), site, "github"))
    assert User.objects.count() == 1


def test_an_account_is_bound_and_belongs_to_one(site: ForeignSite, alice: Api, bob: Api) -> None:
    answer = go(alice, site, "github")
    data_of(answer)
    assert answer.json()["message"] == "bind"
    assert SocialAccount.objects.get().user.username == "alice"
    assert AuditEntry.objects.get(action="binding.added").actor_name == "alice"
    assert "bound to another" in refusal_of(go(bob, site, "github"))
    assert data_of(go(Api(), site, "github"))["username"] == "alice"


def test_binding_needs_the_password(site: ForeignSite, alice: Api) -> None:
    session = alice.client.session
    session[CONFIRMED_AT] = 1
    session.save()
    for path, body in (
        ("oauth/state", {"provider": "github"}),
        ("oauth/wechat/bind", {"code": "123456"}),
        ("oauth/telegram/bind", telegram_proof()),
    ):
        assert alice.post(path, body).json()["code"] == "confirmation_required", path
    assert not SocialAccount.objects.exists()


def test_strangers_states_are_counted(site: ForeignSite) -> None:
    statuses = [Api().post("oauth/state").status_code for _try in range(61)]
    assert statuses == [200] * 60 + [429]


def test_where_a_sign_in_leads_binds_nothing(site: ForeignSite, alice_user: User) -> None:
    """A link to our sign-in page whose `next` is the proof of somebody else: our own redirect goes
    out as same-origin.
    """
    led = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"}
    browser = Api(alice_user, strict=True)
    telegram = urlencode(telegram_proof())
    for path in (
        f"telegram/bind?{telegram}",
        "wechat/bind?code=123456",
        "email/bind?email=e@e.com",
    ):
        answer = browser.get(f"oauth/{path}", **led, **{"sec-fetch-dest": "document"})
        assert answer.status_code == 403, path
    assert not SocialAccount.objects.exists()
    data_of(browser.get(f"oauth/telegram/bind?{telegram}", **OURS))
    assert SocialAccount.objects.get().user == alice_user


# --- WeChat ---


def test_wechat_signs_in_by_its_code_once(site: ForeignSite) -> None:
    browser = Api(strict=True)
    path = "oauth/wechat?code=123456"
    assert browser.get(path, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert data_of(browser.get(path, **OURS))["key"]
    assert "signed in already" in refusal_of(browser.get(path, **OURS))
    refusal_of(Api().post("oauth/wechat", {"code": "123456"}))


def test_programs_bind_wechat_with_a_whole_token(site: ForeignSite, alice_user: User) -> None:
    narrow = Api(authorization=create_access_token(alice_user, "t", ["self:write"]).key)
    assert narrow.get("oauth/wechat/bind?code=123456").status_code == 403
    program = Api(strict=True, authorization=reset_personal_token(alice_user).key)
    data_of(program.get("oauth/wechat/bind?code=123456"))
    assert SocialAccount.objects.get().user == alice_user
    refusal_of(program.post("oauth/state", {"provider": "github"}))


def test_wechat_codes_can_not_be_guessed(site: ForeignSite) -> None:
    statuses = [
        Api().post("oauth/wechat", {"code": f"{number:06d}"}).status_code for number in range(6)
    ]
    assert statuses == [200] * 5 + [429]


# --- Telegram ---


def telegram_proof(token: str = BOT, **more: Any) -> dict[str, Any]:
    values = {"id": 777, "first_name": " Dora", "auth_date": int(time.time())} | more
    return {**values, "hash": sign(token, values)}


def test_telegram_signs_in_by_its_signature_once(site: ForeignSite) -> None:
    proof = telegram_proof()
    data_of(Api().post("oauth/telegram/login", proof))
    assert SocialAccount.objects.get().uid == "777"
    refusal_of(Api().post("oauth/telegram/login", proof))
    second = telegram_proof(username="dora")
    again = Api(strict=True).get(f"oauth/telegram/login?{urlencode(second)}", **OURS)
    assert data_of(again)["id"] == User.objects.get().pk


@pytest.mark.parametrize(
    "change",
    [
        {"hash": "0" * 64},
        {"id": 778},
        {"id": "x"},
        {"id": 10**30},
        {"first_name": "Eve"},
        {"auth_date": 1},
        {"last_name": "added"},
        {"hash": ""},
    ],
)
def test_what_telegram_did_not_sign_is_refused(site: ForeignSite, change: dict[str, Any]) -> None:
    refusal_of(Api().post("oauth/telegram/login", {**telegram_proof(), **change}))
    assert not User.objects.exists()


def test_telegram_is_bound(site: ForeignSite, alice: Api, bob: Api) -> None:
    assert alice.post("oauth/telegram/bind", telegram_proof()).json()["message"] == "bind"
    refusal_of(bob.post("oauth/telegram/bind", telegram_proof(username="x")))
    assert SocialAccount.objects.get().user.username == "alice"

"""Signing in with accounts of other sites: each protocol against a server that speaks it."""

from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from constance import config
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from billing.ledger import balance_units, open_wallet
from chatapi.accounts.invitations import invitation_code_of
from chatapi.accounts.models import Token, User
from chatapi.accounts.people import set_active
from chatapi.web.foreign.identity import hash_uid
from tests.pages.foreign_site import ForeignSite, go, is_in, leave, told

pytestmark = pytest.mark.django_db


# --- GitHub ---


def test_github_opens_an_account_and_knows_it_again(client: Client, site: ForeignSite) -> None:
    assert go(client, site, "github")["Location"] == "/welcome"
    user = User.objects.get()
    assert (user.username, user.display_name, user.email) == (
        "octocat",
        "Mona",
        "mona@example.com",
    )
    assert not user.has_usable_password()
    assert Token.objects.filter(user=user).count() == 1
    assert SocialAccount.objects.get().uid == "583231"
    site.github |= {"login": "renamed", "name": ""}
    other = Client()
    assert go(other, site, "github", next="/security")["Location"] == "/security"
    assert User.objects.count() == 1


def test_the_name_there_is_nobodys_proof(client: Client, site: ForeignSite) -> None:
    """Somebody else takes the name that the first one gave up: another number, another account."""
    go(client, site, "github")
    site.github["id"] = 999
    site.emails = []
    go(Client(), site, "github")
    names = list(User.objects.order_by("pk").values_list("username", flat=True))
    assert names == ["octocat", "octocat2"]


@pytest.mark.parametrize(
    "emails",
    [
        [],
        {},
        [{"email": "mona@example.com", "primary": True, "verified": False}],
        [{"email": "mona@example.com", "primary": True, "verified": "true"}],
        [{"email": "mona@example.com", "primary": False, "verified": True}],
        [{"email": "not an address", "primary": True, "verified": True}],
        ["x", None, 7],
    ],
)
def test_unproven_addresses_are_not_taken_over(
    client: Client, site: ForeignSite, emails: Any
) -> None:
    site.emails = emails
    site.github["email"] = "mona@example.com"
    assert go(client, site, "github")["Location"] == "/welcome"
    assert User.objects.get().email == ""


def test_a_proven_address_opens_nobody_elses_account(
    client: Client, site: ForeignSite, alice: User
) -> None:
    alice.email = "Mona@example.com"
    alice.save()
    go(client, site, "github")
    new = User.objects.exclude(pk=alice.pk).get()
    assert new.email == ""
    assert client.session["_auth_user_id"] == str(new.pk)


def test_an_invitation_is_kept_on_the_way(client: Client, site: ForeignSite, alice: User) -> None:
    config.QuotaForInvitee, config.QuotaForInviter = 40, 2
    client.get(f"/register?aff={invitation_code_of(alice)}")
    go(client, site, "github")
    new = User.objects.get(username="octocat")
    assert new.inviter == alice
    assert balance_units(open_wallet(new).pk) == 40


@pytest.mark.parametrize("github", [{"id": None}, {"id": "1"}, {"id": True}, {"id": -1}, {}])
def test_no_number_no_account(client: Client, site: ForeignSite, github: dict[str, Any]) -> None:
    site.github = github
    assert go(client, site, "github")["Location"] == "/login"
    assert "did not work" in told(client)
    assert not User.objects.exists()


def test_a_return_works_once_and_only_where_it_began(client: Client, site: ForeignSite) -> None:
    code, state = site.allow(leave(client, "github"))
    for stranger in (Client(), client):
        for data in (
            {"code": code, "state": "x"},
            {"code": code},
            {"code": code, "state": state} if stranger is not client else {"state": "y"},
        ):
            assert stranger.get("/oauth/github", data)["Location"] == "/login"
    assert "/login/oauth/access_token" not in site.asked
    assert client.get("/oauth/acme", {"code": code, "state": state})["Location"] == "/login"
    assert client.get("/oauth/github", {"code": code, "state": state})["Location"] == "/login"
    assert not User.objects.exists()


def test_the_same_return_again_is_refused(client: Client, site: ForeignSite) -> None:
    code, state = site.allow(leave(client, "github"))
    saved = client.cookies["sessionid"].value
    client.get("/oauth/github", {"code": code, "state": state})
    site.codes["again"] = site.codes.get(code, {})
    replay = Client()
    replay.cookies["sessionid"] = saved
    assert replay.get("/oauth/github", {"code": code, "state": state})["Location"] == "/login"
    assert User.objects.count() == 1


def test_an_old_return_is_refused(client: Client, site: ForeignSite) -> None:
    code, state = site.allow(leave(client, "github"))
    session = client.session
    session["foreign_states"][state]["began_at"] -= 601
    session.save()
    assert client.get("/oauth/github", {"code": code, "state": state})["Location"] == "/login"
    assert not User.objects.exists()


def test_saying_no_there_is_told(client: Client, site: ForeignSite) -> None:
    _code, state = site.allow(leave(client, "github"))
    answer = client.get("/oauth/github", {"error": "access_denied", "state": state})
    assert answer["Location"] == "/login"
    assert "did not work" in told(client)


def test_a_site_that_is_away_is_told(client: Client, site: ForeignSite) -> None:
    code, state = site.allow(leave(client, "github"))
    config.GitHubServerAddress = "http://127.0.0.1:9"
    client.get("/oauth/github", {"code": code, "state": state})
    assert "out of reach" in told(client)


def test_the_banned_stay_out(client: Client, site: ForeignSite) -> None:
    go(client, site, "github")
    set_active(User.objects.get(), active=False)
    other = Client()
    assert go(other, site, "github")["Location"] == "/login"
    assert not is_in(other)


def test_the_second_factor_is_asked_for(client: Client, site: ForeignSite) -> None:
    go(client, site, "github")
    TOTP.activate(User.objects.get(), "JBSWY3DPEHPK3PXP")
    other = Client()
    assert go(other, site, "github")["Location"] == "/login/second"
    assert not is_in(other)


@pytest.mark.parametrize("option", ["RegisterEnabled", "GitHubOAuthEnabled"])
def test_a_closed_door(client: Client, site: ForeignSite, option: str) -> None:
    code, state = site.allow(leave(client, "github"))
    setattr(config, option, False)
    answer = client.get("/oauth/github", {"code": code, "state": state})
    assert answer.status_code == (404 if option == "GitHubOAuthEnabled" else 302)
    assert not User.objects.exists()


def test_a_proven_address_may_be_asked_for(client: Client, site: ForeignSite) -> None:
    config.EmailVerificationEnabled = True
    site.emails = []
    go(client, site, "github")
    assert "needs a proven e-mail address" in told(client)
    assert not User.objects.exists()


# --- OpenID Connect ---


def test_oidc_opens_an_account(client: Client, site: ForeignSite) -> None:
    assert "Acme &lt;b&gt;" in told(client)
    assert go(client, site, "acme")["Location"] == "/welcome"
    user = User.objects.get()
    assert (user.username, user.email) == ("dora", "dora@example.com")
    assert SocialAccount.objects.get().uid == hash_uid(site.url, "Subject-1")


def test_subjects_that_differ_in_case_are_two_people(client: Client, site: ForeignSite) -> None:
    go(client, site, "acme")
    site.claims = {"sub": "SUBJECT-1", "email_verified": False}
    go(Client(), site, "acme")
    assert User.objects.count() == 2


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"aud": ["client", "other"]},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": ""},
    ],
)
def test_an_id_token_that_is_not_for_us_is_refused(
    client: Client, site: ForeignSite, claims: dict[str, Any]
) -> None:
    site.claims = claims
    assert go(client, site, "acme")["Location"] == "/login"
    assert not User.objects.exists()


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256"])
def test_an_id_token_that_others_signed_is_refused(
    client: Client, site: ForeignSite, algorithm: str
) -> None:
    site.algorithm = algorithm
    site.signing_key = {
        "none": None,
        "HS256": "s3cret-s3cret-s3cret-s3cret-s3cret",
        "ES256": ec.generate_private_key(ec.SECP256R1()),
    }[algorithm]
    assert go(client, site, "acme")["Location"] == "/login"
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "text", ["{", "7", "{}", '[{"name": "github"}]', '[{"name": "A B", "issuer": "x"}]', "[null]"]
)
def test_an_unreadable_list_leaves_the_other_doors_open(
    client: Client, site: ForeignSite, text: str
) -> None:
    config.OIDCProviders = text
    page = told(client)
    assert "GitHub" in page
    assert "Acme" not in page

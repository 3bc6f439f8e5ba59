"""Codes and links by mail: for a new account, for another address, for a forgotten password."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from constance import config
from django.core import mail
from django.utils import timezone

from chatapi.accounts.access_tokens import create_access_token, reset_personal_token
from chatapi.accounts.models import MailCode, User
from chatapi.accounts.step_up import CONFIRMED_AT
from chatapi.celery import app
from chatapi.console.models import AuditEntry
from chatapi.options.secret_options import seal_secret
from tests.api.conftest import OURS, Api, data_of, refusal_of

pytestmark = pytest.mark.django_db
PASSWORD = "Correct-Horse-9"
NEWCOMER = {"username": "carol", "password": PASSWORD, "email": "Carol@Example.com"}


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """What goes to the background worker is done in place."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def code_to(address: str) -> str:
    letter = next(one for one in reversed(mail.outbox) if one.to == [address])
    found = re.search(r"^ {4}(\d{6})$", str(letter.body), re.MULTILINE)
    assert found
    return found[1]


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_an_address_is_proven_before_an_account_is_opened(nobody: Api) -> None:
    config.EmailVerificationEnabled = True
    assert refusal_of(nobody.post("user/register", NEWCOMER))
    data_of(nobody.post("verification", {"email": "Carol@example.com"}))
    code = code_to("carol@example.com")
    body = {**NEWCOMER, "verification_code": other(code)}
    assert "code is wrong" in refusal_of(nobody.post("user/register", body))
    body["verification_code"] = code
    for email in ("mallory@example.com", "carol+x@example.com"):
        answer = nobody.post("user/register", {**body, "email": email})
        assert "code is wrong" in refusal_of(answer), email
    data_of(nobody.post("user/register", body))
    assert User.objects.get().email == "carol@example.com"
    assert "code is wrong" in refusal_of(
        nobody.post("user/register", {**body, "username": "again", "email": "carol@example.com"})
    )
    assert User.objects.count() == 1


def test_only_the_newest_code_is_good_for_ten_minutes_and_five_tries(nobody: Api) -> None:
    config.EmailVerificationEnabled = True
    ask = {"email": "carol@example.com"}
    data_of(nobody.post("verification", ask))
    first = code_to("carol@example.com")
    data_of(nobody.post("verification", ask))
    second = code_to("carol@example.com")
    if first != second:
        refusal_of(nobody.post("user/register", {**NEWCOMER, "verification_code": first}))
    MailCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refusal_of(nobody.post("user/register", {**NEWCOMER, "verification_code": second}))
    data_of(nobody.post("verification", ask))
    third = code_to("carol@example.com")
    for _try in range(5):
        refusal_of(nobody.post("user/register", {**NEWCOMER, "verification_code": other(third)}))
    refusal_of(nobody.post("user/register", {**NEWCOMER, "verification_code": third}))
    assert not User.objects.exists()


def test_nobody_learns_which_addresses_there_are(nobody: Api, alice_user: User) -> None:
    config.EmailVerificationEnabled = True
    for path in ("verification", "reset_password"):
        answers = [
            nobody.post(path, {"email": address})
            for address in ("alice@example.com", "free@example.com")
        ]
        assert answers[0].content == answers[1].content, path
        assert {answer.status_code for answer in answers} == {200}
    to_alice = [letter for letter in mail.outbox if letter.to == ["alice@example.com"]]
    assert (len(to_alice), len(mail.outbox)) == (2, 3)
    assert not re.search(r"^ {4}\d{6}$", str(to_alice[0].body), re.MULTILINE)
    texts = {
        refusal_of(
            nobody.post(
                "user/register",
                {"username": "carol", "password": PASSWORD, "email": email}
                | {"verification_code": "000000"},
            )
        )
        for email in ("alice@example.com", "unasked@example.com")
    }
    assert len(texts) == 1
    wrong = {
        refusal_of(nobody.post("user/reset", {"email": email, "token": "c0ffee-1"}))
        for email in ("alice@example.com", "free@example.com", "no address")
    }
    assert len(wrong) == 1
    assert User.objects.count() == 1


def test_a_mailbox_gets_five_mails_an_hour(nobody: Api) -> None:
    for path in ("verification", "reset_password", "verification", "reset_password"):
        data_of(nobody.post(path, {"email": "carol@example.com"}))
    data_of(nobody.post("verification", {"email": "CAROL@example.com"}))
    answer = nobody.post("verification", {"email": "carol@example.com"})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert len(mail.outbox) == 3


def test_mails_ask_for_the_proof_of_turnstile(nobody: Api) -> None:
    config.TurnstileCheckEnabled, config.TurnstileSiteKey = True, "site"
    config.TurnstileSecretKey = seal_secret("TurnstileSecretKey", "secret")
    for path in ("verification", "reset_password"):
        assert "human" in refusal_of(nobody.post(path, {"email": "carol@example.com"}))
    assert not mail.outbox


@pytest.mark.parametrize("email", ["", "x", "a@b", "x" * 400 + "@example.com", 5, None, ["a@b.c"]])
def test_what_is_no_address_gets_no_mail(nobody: Api, email: Any) -> None:
    for path in ("verification", "reset_password"):
        answer = nobody.post(path, {"email": email})
        assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert not mail.outbox


def test_forbidden_domains_and_shut_doors(nobody: Api) -> None:
    config.EmailDomainRestrictionEnabled, config.EmailDomainWhitelist = True, "good.example"
    assert "example.com" in refusal_of(nobody.post("verification", {"email": "a@example.com"}))
    config.EmailDomainRestrictionEnabled = config.RegisterEnabled = False
    refusal_of(nobody.post("verification", {"email": "a@example.com"}))
    assert not mail.outbox


def test_foreign_pages_send_no_mails(db: None) -> None:
    stranger = Api(strict=True)
    for path in ("verification", "reset_password"):
        address = f"{path}?email=carol@example.com"
        assert stranger.get(address, **{"sec-fetch-site": "cross-site"}).status_code == 403
        body = b'{"email": "carol@example.com"}'
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            answer = stranger.client.post(f"/api/{path}", body, content_type=kind)
            assert answer.status_code == 415
    assert not mail.outbox
    data_of(stranger.get("verification?email=carol@example.com", **OURS))
    assert mail.outbox[0].to == ["carol@example.com"]


def link_to(address: str) -> str:
    letter = next(one for one in reversed(mail.outbox) if one.to == [address])
    found = re.search(r"/reset/\S+", str(letter.body))
    assert found
    return found[0]


def test_a_forgotten_password_is_replaced_once(nobody: Api, alice: Api, bob: Api) -> None:
    data_of(nobody.post("reset_password", {"email": "ALICE@example.com"}))
    link = link_to("alice@example.com")
    token = link.rsplit("/", 1)[1]
    refusal_of(nobody.post("user/reset", {"email": "bob@example.com", "token": token}))
    made = data_of(nobody.post("user/reset", {"email": "alice@example.com", "token": token}))
    user = User.objects.get(username="alice")
    assert len(made) >= 16
    assert user.check_password(made)
    assert User.objects.get(username="bob").check_password(PASSWORD)
    assert alice.get("user/self").status_code == 401
    assert bob.get("user/self").status_code == 200
    for again in (token, link, f"https://api.example.com{link}/"):
        refusal_of(nobody.post("user/reset", {"email": "alice@example.com", "token": again}))
    assert User.objects.get(username="alice").check_password(made)


def test_the_whole_link_is_a_token_and_the_banned_have_none(nobody: Api, alice_user: User) -> None:
    data_of(nobody.post("reset_password", {"email": "alice@example.com"}))
    link = f"https://api.example.com{link_to('alice@example.com')}"
    User.objects.update(is_active=False)
    refusal_of(nobody.post("user/reset", {"email": "alice@example.com", "token": link}))
    assert User.objects.get().check_password(PASSWORD)
    User.objects.update(is_active=True)
    made = data_of(nobody.post("user/reset", {"email": "alice@example.com", "token": link}))
    assert User.objects.get().check_password(made)


def test_tokens_can_not_be_guessed_for_ever(nobody: Api, alice_user: User) -> None:
    body = {"email": "alice@example.com", "token": "c0ffee-1"}
    statuses = [nobody.post("user/reset", body).status_code for _try in range(61)]
    assert statuses == [200] * 60 + [429]


def ask_codes(api: Api, email: str) -> dict[str, str]:
    """Both, of who asks to have this address."""
    data_of(api.post("verification", {"email": email}))
    return {"email": email, "code": code_to(email), "old_code": code_to("alice@example.com")}


def test_another_address_is_proven_by_both(alice: Api, alice_user: User) -> None:
    body = ask_codes(alice, "new@example.com")
    for wrong in (
        {**body, "old_code": ""},
        {**body, "old_code": other(body["old_code"])},
        {**body, "email": "more@example.com"},
    ):
        assert "code is wrong" in refusal_of(alice.post("oauth/email/bind", wrong))
    data_of(alice.post("oauth/email/bind", body))
    alice_user.refresh_from_db()
    assert alice_user.email == "new@example.com"
    assert AuditEntry.objects.filter(action="user.email_changed").count() == 1
    refusal_of(alice.post("oauth/email/bind", body))


def test_codes_are_those_of_who_asked(alice: Api, bob: Api) -> None:
    body = ask_codes(alice, "new@example.com")
    refusal_of(bob.post("oauth/email/bind", body))
    data_of(bob.post("verification", {"email": "alice@example.com"}))
    assert "already" in mail.outbox[-1].subject
    assert User.objects.get(username="bob").email == "bob@example.com"


def test_binding_needs_the_password_and_a_whole_token(
    alice: Api, make_user: Callable[..., User]
) -> None:
    body = ask_codes(alice, "new@example.com")
    session = alice.client.session
    session[CONFIRMED_AT] = 1
    session.save()
    answer = alice.post("oauth/email/bind", body)
    assert answer.json()["code"] == "confirmation_required"
    user = User.objects.get(username="alice")
    narrow = Api(authorization=create_access_token(user, "t", ["self:write"]).key)
    assert narrow.post("oauth/email/bind", body).status_code == 403
    reader = Api(authorization=create_access_token(user, "t", ["self:read"]).key)
    assert reader.post("verification", {"email": "x@example.com"}).status_code == 403
    whole = Api(strict=True, authorization=reset_personal_token(user).key)
    query = "&".join(f"{name}={value}" for name, value in body.items())
    data_of(whole.get(f"oauth/email/bind?{query}"))
    assert User.objects.get(username="alice").email == "new@example.com"

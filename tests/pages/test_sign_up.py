"""Opening an account: what is refused, what a new account gets, and what nobody can find out."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from constance import config
from django.core import mail
from django.test import Client

from billing.commissions import open_commission
from billing.ledger import balance_units, open_wallet
from billing.models import LedgerEntry
from chatapi.accounts.invitations import invitation_code_of
from chatapi.accounts.models import MailCode, SignInName, Token, User
from chatapi.lib.ids import hash_key
from notifications.models import AlertSettings, Notice
from tests.pages.conftest import PASSWORD, make_user

pytestmark = pytest.mark.django_db
REGISTER = "/register"


def fill(**more: str) -> dict[str, str]:
    values = {"username": "carol", "password1": PASSWORD, "password2": PASSWORD, "invitation": ""}
    return values | more


def code_in(letter: Any) -> str:
    found = re.search(r"^ {4}(\d{6})$", letter.body, re.MULTILINE)
    assert found
    return found[1]


def test_a_new_account_is_signed_in_and_sees_its_first_key_once(client: Client) -> None:
    answer = client.post(REGISTER, fill())
    assert answer["Location"] == "/welcome"
    user = User.objects.get()
    assert (user.username, user.role, user.group, user.email) == ("carol", 1, "default", "")
    page = client.get("/welcome").content.decode()
    key = re.search(r"sk-[0-9A-Za-z]{48}", page)
    assert key
    token = Token.objects.get(user=user)
    assert token.key_hash == hash_key(key[0].removeprefix("sk-"))
    assert token.is_unlimited
    assert "sk-" not in client.get("/welcome").content.decode()
    assert "no-store" in client.get("/welcome")["Cache-Control"]


@pytest.mark.parametrize(("language", "told_in"), [("zh-CN", ["zh-hans"]), ("en", [])])
def test_messages_come_in_the_language_of_the_form(
    client: Client, language: str, told_in: list[str]
) -> None:
    client.post(REGISTER, fill(), headers={"accept-language": language})
    found = AlertSettings.objects.filter(user__username="carol")
    assert list(found.values_list("language", flat=True)) == told_in


def test_gifts_come_in_one_transaction_with_the_account(client: Client, alice: User) -> None:
    config.QuotaForNewUser, config.QuotaForInvitee, config.QuotaForInviter = 700, 50, 9
    code = invitation_code_of(alice)
    assert len(code) == 10
    client.get(f"{REGISTER}?aff={code}")
    assert f'value="{code}"' in client.get(REGISTER).content.decode()
    client.post(REGISTER, fill(invitation=code))
    carol = User.objects.get(username="carol")
    assert carol.inviter == alice
    assert balance_units(open_wallet(carol).pk) == 750
    assert balance_units(open_commission(alice).pk) == 9
    assert set(LedgerEntry.objects.values_list("reference", flat=True)) == {
        f"gift:new:{carol.pk}",
        f"gift:invitee:{carol.pk}",
        f"gift:inviter:{carol.pk}",
    }
    assert Notice.objects.get(event="invitation_reward").user == alice


def test_an_old_code_of_four_characters_still_counts(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(invitation_code="aB3x")
    client.post(REGISTER, fill(invitation="aB3x"))
    assert User.objects.get(username="carol").inviter == alice


def test_an_unknown_or_banned_inviter_changes_nothing(client: Client, alice: User) -> None:
    config.QuotaForInvitee = 50
    code = invitation_code_of(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    client.post(REGISTER, fill(invitation=code))
    assert User.objects.get(username="carol").inviter is None
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"username": "ALICE"}, "This name is taken."),
        ({"username": "\uff21lice"}, "This name is taken."),
        ({"username": "al"}, "at least 3 characters"),
        ({"username": "x" * 33}, "at most 32 characters"),
        ({"username": "carol@example.com"}, "A user name has letters, digits"),
        ({"username": "<script>alert(1)</script>"}, "A user name has letters, digits"),
        ({"username": "car\x00ol"}, "Null characters are not allowed"),
        ({"password2": "Other-Horse-9"}, "The two passwords are not the same."),
        ({"password1": "12345678", "password2": "12345678"}, "too common"),
        ({"password1": "aB3!x", "password2": "aB3!x"}, "too short"),
        ({"password1": "carol1234", "password2": "carol1234"}, "too similar"),
        ({"password1": "x" * 129, "password2": "x" * 129}, "at most 128 characters"),
    ],
)
def test_bad_input_is_told_and_opens_nothing(
    client: Client, alice: User, change: dict[str, str], error: str
) -> None:
    answer = client.post(REGISTER, fill(**change))
    assert answer.status_code == 200
    assert error in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()
    assert User.objects.count() == 1


def test_a_name_can_not_be_somebodys_address(client: Client, alice: User) -> None:
    alice.email = "Alice@Example.com"
    alice.save()
    other = User(username="alice@example.com")
    assert SignInName.objects.filter(user=alice).count() == 2
    with pytest.raises(Exception, match="taken"):
        other.full_clean(exclude=["password"])


@pytest.mark.parametrize("option", ["RegisterEnabled", "PasswordRegisterEnabled"])
def test_a_closed_door_is_closed(client: Client, option: str) -> None:
    setattr(config, option, False)
    assert 'name="username"' not in client.get(REGISTER).content.decode()
    assert client.post(REGISTER, fill()).status_code == 403
    assert not User.objects.exists()


def test_a_group_that_is_gone_does_not_close_the_door(client: Client) -> None:
    config.UserGroup = "gone"
    client.post(REGISTER, fill())
    assert User.objects.get().group == "default"


def test_nobody_gives_himself_what_the_form_does_not_ask(client: Client) -> None:
    hostile = {"role": "100", "is_superuser": "1", "group": "svip", "email": "x@example.com"}
    client.post(REGISTER, fill(**hostile, must_change_password="1", inviter="1"))
    user = User.objects.get()
    assert (user.role, user.is_superuser, user.group, user.email) == (1, False, "default", "")


def test_thirty_attempts_an_hour_from_one_address(client: Client) -> None:
    for _ in range(30):
        assert client.post(REGISTER, fill(username="al")).status_code == 200
    answer = client.post(REGISTER, fill())
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert not User.objects.exists()
    assert client.post(REGISTER, fill(), REMOTE_ADDR="192.0.2.7").status_code == 302


def test_a_forged_address_does_not_help(client: Client) -> None:
    answers = [
        client.post(
            REGISTER, fill(username="al"), headers={"x-forwarded-for": f"192.0.2.{number}"}
        ).status_code
        for number in range(31)
    ]
    assert answers == [200] * 30 + [429]


def test_a_form_from_elsewhere_opens_nothing() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(REGISTER, fill()).status_code == 403


# --- With a proven address ---


@pytest.fixture
def verified() -> None:
    config.EmailVerificationEnabled = True
    config.ServerAddress = "http://testserver"


def test_the_code_opens_the_account(client: Client, verified: None) -> None:
    answer = client.post(REGISTER, fill(email="Carol@Example.com"))
    assert answer["Location"] == "/register/verify"
    assert not User.objects.exists()
    [letter] = mail.outbox
    assert letter.to == ["carol@example.com"]
    code = code_in(letter)
    assert f"http://testserver/register/verify?code={code}" in letter.body
    assert f'value="{code}"' in client.get(f"/register/verify?code={code}").content.decode()
    answer = client.post("/register/verify", {"code": f" {code[:3]} {code[3:]} "})
    assert answer["Location"] == "/welcome"
    assert User.objects.get().email == "carol@example.com"


def test_a_code_is_used_once_and_guessed_five_times(client: Client, verified: None) -> None:
    client.post(REGISTER, fill(email="carol@example.com"))
    code = code_in(mail.outbox[0])
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        page = client.post("/register/verify", {"code": wrong}).content.decode()
        assert "The code is wrong" in page
    client.post("/register/verify", {"code": code})
    assert not User.objects.exists()


def test_a_code_dies_after_ten_minutes(client: Client, verified: None) -> None:
    client.post(REGISTER, fill(email="carol@example.com"))
    code = code_in(mail.outbox[0])
    MailCode.objects.update(expires_at=MailCode.objects.get().created_at)
    client.post("/register/verify", {"code": code})
    assert not User.objects.exists()


def test_a_code_works_only_where_it_was_asked_for(client: Client, verified: None) -> None:
    client.post(REGISTER, fill(email="carol@example.com"))
    answer = Client().post("/register/verify", {"code": code_in(mail.outbox[0])})
    assert answer["Location"] == REGISTER
    assert not User.objects.exists()


def test_nobody_learns_whose_address_it_is(client: Client, verified: None) -> None:
    """The pages are the same; only the mailbox hears the difference."""
    make_user("alice", 1)
    User.objects.filter(username="alice").update(email="alice@example.com")
    User.objects.get(username="alice").save()
    pages = []
    for name, email in (("carol", "new@example.com"), ("carol", "ALICE@example.com")):
        browser = Client()
        assert browser.post(REGISTER, fill(username=name, email=email)).status_code == 302
        page = browser.post("/register/verify", {"code": "000000"}).content.decode()
        page = re.sub(r'value="[A-Za-z0-9]{64}"', "", page)
        pages.append(page.replace(email.lower(), "ADDRESS"))
    assert pages[0] == pages[1]
    assert "account already" in mail.outbox[1].subject
    assert User.objects.count() == 1


def test_a_mailbox_gets_five_mails_an_hour(client: Client, verified: None) -> None:
    for number in range(7):
        address = f"192.0.2.{number}"
        client.post(REGISTER, fill(email="carol@example.com"), REMOTE_ADDR=address)
    assert len(mail.outbox) == 5


def test_a_new_code_can_be_had(client: Client, verified: None) -> None:
    client.post(REGISTER, fill(email="carol@example.com"))
    page = client.post("/register/verify", {"again": "1"}).content.decode()
    assert "A new code is on its way" in page
    client.post("/register/verify", {"code": code_in(mail.outbox[1])})
    assert User.objects.get().email == "carol@example.com"


def test_a_mail_server_that_is_away_is_told(client: Client, verified: None, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    answer = client.post(REGISTER, fill(email="carol@example.com"))
    assert "The mail could not be sent" in answer.content.decode()


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("a.b.c@gmail.com", "abc@gmail.com"),
        ("a.b@GoogleMail.com", "ab@gmail.com"),
        ("a.b@qq.com", "a.b@qq.com"),
        ("a+b@qq.com", ""),
        ("ab@evil.example", ""),
        ("ab@sub.qq.com", ""),
        ("ab@qq.com.evil.example", ""),
    ],
)
def test_domains_and_aliases(client: Client, verified: None, email: str, kept: str) -> None:
    config.EmailDomainRestrictionEnabled = config.EmailAliasRestrictionEnabled = True
    config.EmailDomainWhitelist = "gmail.com, googlemail.com,@QQ.com"
    client.post(REGISTER, fill(email=email))
    assert [letter.to for letter in mail.outbox] == ([[kept]] if kept else [])


def test_the_letter_speaks_the_readers_language(client: Client, verified: None) -> None:
    client.post(REGISTER, fill(email="c@example.com"), headers={"accept-language": "zh"})
    assert "验证码" in mail.outbox[0].subject


def test_signed_in_users_need_no_account(alice: User, as_user: Callable[[User], Client]) -> None:
    assert as_user(alice).get(REGISTER)["Location"] == "/dashboard"

"""What two people do at the same moment happens once, on every database."""

import time
import uuid

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.socialaccount.models import SocialAccount
from constance import config
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from billing.audit import audit_budgets
from billing.commissions import open_commission
from billing.ledger import balance_units, open_wallet
from chatapi.accounts.form_throttle import count_attempt
from chatapi.accounts.invitations import find_inviter, invitation_code_of
from chatapi.accounts.mail_codes import make_mail_code, use_mail_code
from chatapi.accounts.models import SignInName, Token, User
from chatapi.accounts.names import NameTaken
from chatapi.accounts.second_factor import check_code
from chatapi.accounts.throttle import Throttled
from chatapi.accounts.totp import use_totp_code
from chatapi.web.foreign.entering import bind_account
from chatapi.web.foreign.identity import ForeignRefusal, Identity
from chatapi.web.foreign.providers import Provider
from chatapi.web.signing_up import Application, open_account
from tests.harness.ledgers import at_once

pytestmark = pytest.mark.usefixtures("database")
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HASH = make_password(None)


def new_name() -> str:
    return f"u{uuid.uuid4().hex[:20]}"


def new_user(name: str = "", email: str = "") -> User:
    user = User(username=name or new_name(), email=email, password=HASH)
    user.save()
    return user


def sign_up(name: str, code: str = "") -> str:
    """How it ended."""
    try:
        open_account(Application(username=name, password_hash=HASH, invitation_code=code))
    except ValidationError:
        return "taken"
    return "open"


def test_one_name_opens_one_account() -> None:
    """In three spellings, with an invitation: one account, one set of gifts, balanced books."""
    config.QuotaForNewUser, config.QuotaForInvitee, config.QuotaForInviter = 100, 20, 3
    inviter = new_user()
    code = invitation_code_of(inviter)
    name = new_name()
    spellings = [name, name.upper(), name.title()]
    ends = at_once(8, lambda number: sign_up(spellings[number % 3], code))
    assert sorted(ends) == ["open", *["taken"] * 7]
    [user] = User.objects.filter(username__iexact=name)
    assert balance_units(open_wallet(user).pk) == 120
    assert balance_units(open_commission(inviter).pk) == 3
    assert Token.objects.filter(user=user).count() == 1
    assert audit_budgets().differences == ()


def test_many_may_come_by_one_invitation_at_once() -> None:
    config.QuotaForNewUser, config.QuotaForInvitee, config.QuotaForInviter = 0, 20, 3
    inviter = new_user()
    code = invitation_code_of(inviter)
    ends = at_once(6, lambda _number: sign_up(new_name(), code))
    assert ends == ["open"] * 6
    assert balance_units(open_commission(inviter).pk) == 18


def test_an_invitation_code_that_can_be_none_is_nobodys() -> None:
    inviter = new_user()
    code = invitation_code_of(inviter)
    assert find_inviter(f" {code} ") == inviter
    assert [find_inviter(text) for text in ("", "\0", f"{code}\0", "x" * 40)] == [None] * 4


def test_an_address_becomes_one_persons() -> None:
    """Also against somebody who takes it for a user name."""
    address = f"{new_name()}@example.com"

    users = [new_user() for _ in range(4)]

    def take(number: int) -> str:
        try:
            if number == len(users):
                new_user(name=address)
            else:
                users[number].email = address.upper()
                users[number].save(update_fields=["email"])
        except NameTaken:
            return "taken"
        return "mine"

    ends = at_once(5, take)
    assert sorted(ends) == ["mine", *["taken"] * 4]
    assert SignInName.objects.of(address).count() == 1
    assert User.objects.filter(email__iexact=address).count() <= 1


@pytest.mark.parametrize("pair", [("Straße", "STRASSE"), ("jose", "JOSE"), ("ﬁona", "FIONA")])
def test_names_are_the_same_everywhere(pair: tuple[str, str]) -> None:
    tail = uuid.uuid4().hex[:12]
    new_user(pair[0] + tail)
    with pytest.raises(IntegrityError):
        new_user(pair[1] + tail)


def test_letters_that_only_look_alike_are_others() -> None:
    """Some databases take é for e; a name is taken by whoever had it, not by its look."""
    tail = uuid.uuid4().hex[:12]
    first = new_user(f"a{tail}", email=f"rene{tail}@example.com")
    second = new_user(f"b{tail}", email=f"rené{tail}@example.com")
    owners = {SignInName.objects.of(user.email).get().user_id for user in (first, second)}
    assert owners == {first.pk, second.pk}


def test_a_mail_code_is_tried_five_times_and_used_once() -> None:
    row, digits = make_mail_code("test")
    wrong = "000000" if digits != "000000" else "111111"
    tries = at_once(8, lambda _number: use_mail_code(row.pk, "test", wrong))
    assert not any(tries)
    row.refresh_from_db()
    assert row.tries == 5
    row, digits = make_mail_code("test")
    assert sum(at_once(5, lambda _number: use_mail_code(row.pk, "test", digits))) == 1
    row, digits = make_mail_code("test")
    assert not use_mail_code(row.pk, "another purpose", digits)


def test_a_code_of_the_app_works_once() -> None:
    factor = TOTP.activate(new_user(), SECRET).instance
    code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))
    assert sum(at_once(6, lambda _number: use_totp_code(factor, code))) == 1


def test_one_account_of_a_provider_is_bound() -> None:
    user, provider = new_user(), Provider("github", "github", "GitHub")

    def bind(number: int) -> str:
        try:
            bind_account(user, provider, Identity(f"{user.pk}-{number}"))
        except ForeignRefusal:
            return "refused"
        return "bound"

    assert sorted(at_once(6, bind)) == ["bound", *["refused"] * 5]
    assert SocialAccount.objects.filter(user=user).count() == 1


def test_a_recovery_code_works_once_and_is_kept_sealed() -> None:
    user = new_user()
    factor = RecoveryCodes.activate(user).instance
    codes = factor.wrap().generate_codes()
    assert sum(at_once(6, lambda _number: check_code(user, codes[3]))) == 1
    assert not check_code(user, codes[3])
    assert check_code(user, codes[4])
    factor.refresh_from_db()
    kept = str(factor.data)
    assert len(codes) == 10
    assert not any(code in kept for code in codes)
    assert "k1:" in kept


def test_gifts_are_claimed_once_by_whoever_comes_first() -> None:
    config.QuotaForNewUser, config.QuotaForInvitee = 100, 0
    mailbox = uuid.uuid4().hex

    def come(number: int) -> int:
        email = f"{mailbox}+{number}@example.com"
        return balance_of(Application(username=new_name(), password_hash=HASH, email=email))

    assert sorted(at_once(6, come)) == [0] * 5 + [100]


def balance_of(application: Application) -> int:
    return balance_units(open_wallet(open_account(application).user).pk)


def test_a_throttle_lets_through_what_it_says_and_no_more() -> None:
    subject = uuid.uuid4().hex

    def use(number: int) -> bool:
        try:
            count_attempt("second_factor", address=f"192.0.2.{number}", subject=subject)
        except Throttled:
            return False
        return True

    assert sum(at_once(12, use)) <= 5

"""Gifts for new accounts can't be farmed by one person with many accounts."""

from decimal import Decimal
from typing import Any

import pytest
from constance import config
from django.core import mail
from django.core.cache import cache
from django.test import Client

from billing.commissions import open_commission, pay_commission, read_earnings
from billing.ledger import balance_units, open_wallet
from billing.models import LedgerEntry
from chatapi.accounts.closing import close_account
from chatapi.accounts.invitations import invitation_code_of
from chatapi.accounts.models import FormAttempt, Role, User
from chatapi.web.foreign.entering import bind_account, open_foreign_account, unbind_account
from chatapi.web.foreign.identity import Identity
from chatapi.web.foreign.providers import Provider
from chatapi.web.pages.email_change import take_address
from tests.pages.conftest import make_user
from tests.pages.test_sign_up import REGISTER, code_in, fill

pytestmark = pytest.mark.django_db
NEW, INVITEE, INVITER = 700, 50, 9


@pytest.fixture(autouse=True)
def gifts(db: None) -> None:
    config.QuotaForNewUser, config.QuotaForInvitee, config.QuotaForInviter = NEW, INVITEE, INVITER
    config.EmailVerificationEnabled = True
    config.ServerAddress = "http://testserver"


def come(name: str, email: str, code: str = "") -> int:
    """Opens an account with a proven address; what is on it."""
    FormAttempt.objects.all().delete()
    cache.clear()
    client = Client()
    client.post(REGISTER, fill(username=name, email=email, invitation=code))
    client.post("/register/verify", {"code": code_in(mail.outbox[-1])})
    return balance_of(User.objects.get(username=name))


def balance_of(user: User) -> int:
    return balance_units(open_wallet(user).pk)


def earned_by(user: User) -> int:
    return balance_units(open_commission(user).pk)


def test_one_mailbox_in_many_spellings_is_one_newcomer(alice: User) -> None:
    code = invitation_code_of(alice)
    spellings = [
        "jo.doe@gmail.com",
        "j.odoe@gmail.com",
        "jodoe+2@gmail.com",
        "JoDoe@googlemail.com",
    ]
    given = [come(f"jo{number}", email, code) for number, email in enumerate(spellings)]
    assert given == [NEW + INVITEE, 0, 0, 0]
    assert come("other", "joedoe@gmail.com", code) == NEW + INVITEE
    assert earned_by(alice) == 2 * INVITER
    assert LedgerEntry.objects.count() == 6


def test_ones_own_invitation_brings_nothing_from_ones_own_mailbox() -> None:
    assert come("jody", "jo@example.com") == NEW
    jo = User.objects.get(username="jody")
    assert come("jody2", "jo+friend@example.com", invitation_code_of(jo)) == 0
    assert earned_by(jo) == 0


def test_a_closed_account_does_not_open_as_a_new_one(alice: User) -> None:
    code = invitation_code_of(alice)
    assert come("jody", "jo@example.com", code) == NEW + INVITEE
    close_account(User.objects.get(username="jody"))
    Client().post(REGISTER, fill(username="jody2", email="jo@example.com", invitation=code))
    assert "already" in mail.outbox[-1].subject
    assert come("jody3", "jo+again@example.com", code) == 0
    assert earned_by(alice) == INVITER


def test_an_address_that_was_given_up_is_no_newcomers(root: User, alice: User) -> None:
    request: Any = Client().get("/login").wsgi_request
    assert come("jody", "jo@example.com") == NEW
    jo = User.objects.get(username="jody")
    for address in ("second@example.com", "third@example.com"):
        take_address(request, jo, address)
    for number, address in enumerate(("jo@example.com", "second@example.com")):
        assert come(f"again{number}", address) == 0


def test_an_account_elsewhere_is_a_newcomer_once(alice: User) -> None:
    config.EmailVerificationEnabled = False
    provider = Provider("github", "github", "GitHub")
    code = invitation_code_of(alice)

    def enter(uid: str) -> int:
        user = open_foreign_account(provider, Identity(uid=uid, name="jody"), code).user
        close_account(user)
        return balance_of(user)

    assert [enter("17"), enter("17"), enter("18")] == [NEW + INVITEE, 0, NEW + INVITEE]
    bind_account(alice, provider, Identity(uid="19"))
    unbind_account(alice, provider.slug, lambda _user: True)
    assert enter("19") == 0
    assert earned_by(alice) == 2 * INVITER


def test_circles_of_invitations_earn_once() -> None:
    """Who invited whom is settled when the account opens, and commission goes one step."""
    first = make_user("first", Role.COMMON)
    second = make_user("second", Role.COMMON)
    User.objects.filter(pk=second.pk).update(inviter=first)
    User.objects.filter(pk=first.pk).update(inviter=second)
    third = make_user("third", Role.COMMON)
    User.objects.filter(pk=third.pk).update(inviter=third)
    for user in User.objects.all():
        pay_commission(user, 1000, Decimal(10), f"order:{user.pk}")
    found = [read_earnings(user).earned for user in User.objects.order_by("pk")]
    assert found == [100, 100, 0]

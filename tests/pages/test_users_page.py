"""Users in the console: passwords, bans, roles, and credit through the ledger."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.audit import audit_budgets
from billing.commissions import pay_commission
from billing.ledger import balance_units, open_wallet
from billing.models import LedgerEntry, RechargeLot
from chatapi.accounts.models import Role, User
from chatapi.options.models import Change
from tests.pages.conftest import PASSWORD

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/user/"


def form(**changes: object) -> dict[str, Any]:
    return {"username": "alice", "email": "", "group": "default"} | changes


def errors_of(answer: Any) -> list[str]:
    return list(answer.context["adminform"].form.errors)


def published() -> list[tuple[str, str]]:
    return list(Change.objects.values_list("topic", "key"))


def test_a_user_is_made(console: Client) -> None:
    data = form(username="bob", password1=PASSWORD, password2=PASSWORD, email="bob@example.com")
    assert console.post(f"{LIST}add/", data).status_code == 302
    bob = User.objects.get(username="bob")
    assert bob.check_password(PASSWORD)
    assert (bob.role, bob.is_staff, bob.email) == (1, False, "bob@example.com")
    assert ("user", str(bob.pk)) in published()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
        ({"password2": "Other-Horse-9"}, "password2"),
        ({"username": "Alice"}, "username"),
        ({"group": "nobodys"}, "group"),
    ],
)
def test_a_mistake_is_told_at_its_field(
    console: Client, alice: User, changes: dict[str, str], field: str
) -> None:
    data = form(username="bob", password1=PASSWORD, password2=PASSWORD) | changes
    answer = console.post(f"{LIST}add/", data)
    assert answer.status_code == 200
    assert field in errors_of(answer)
    assert not User.objects.filter(username="bob").exists()


def test_a_page_tells_of_name_and_invitations(console: Client, alice: User) -> None:
    bob = User.objects.create(username="bob", inviter=alice)
    pay_commission(bob, 5_000_000, Decimal(10), "test:recharge")
    page = f"{LIST}{alice.pk}/change/"
    assert console.post(page, form(display_name="Alice A.")).status_code == 302
    assert User.objects.get(username="alice").display_name == "Alice A."
    shown = console.get(page).content.decode()
    assert "1 accounts, commission $1.00, $1.00 of it left" in shown
    assert f"{LIST}{alice.pk}/change/" in console.get(f"{LIST}{bob.pk}/change/").content.decode()


def test_the_group_is_changed_and_published(console: Client, alice: User) -> None:
    console.post(f"{LIST}{alice.pk}/change/", form(group="vip"))
    alice.refresh_from_db()
    assert alice.group == "vip"
    assert ("user", str(alice.pk)) in published()


def test_many_are_banned_but_never_oneself(console: Client, root: User, alice: User) -> None:
    keys = [root.pk, alice.pk]
    Change.objects.all().delete()
    console.post(LIST, {"action": "ban", "_selected_action": keys})
    assert list(User.objects.filter(is_active=False)) == [alice]
    # Once for the ban, once for the sessions that it ends.
    assert set(published()) == {("user", str(alice.pk))}
    console.post(LIST, {"action": "let_in", "_selected_action": keys})
    assert not User.objects.filter(is_active=False).exists()


def test_protected_columns_can_not_be_written(console: Client, alice: User) -> None:
    hostile = {
        "is_superuser": "on",
        "is_staff": "on",
        "role": "100",
        "id": "1",
        "session_stamp": "7",
        "password": "x",
        "must_change_password": "on",
    }
    console.post(f"{LIST}{alice.pk}/change/", form(**hostile))
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert (alice.is_superuser, alice.is_staff, alice.must_change_password) == (False,) * 3
    assert (alice.role, alice.session_stamp) == (Role.COMMON, 0)


def test_a_hash_of_a_password_is_never_shown(console: Client, alice: User) -> None:
    page = console.get(f"{LIST}{alice.pk}/change/").content.decode()
    assert alice.password not in page
    assert "salt" not in page


def test_a_new_password_for_somebody_else(console: Client, alice: User) -> None:
    path = f"{LIST}{alice.pk}/password/"
    assert console.get(path).status_code == 200
    data = {"password1": "Another-Horse-9", "password2": "Another-Horse-9"}
    assert console.post(path, data).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password("Another-Horse-9")
    weak = {"password1": "12345678", "password2": "12345678"}
    assert console.post(path, weak).status_code == 200


def test_a_new_password_does_not_undo_a_ban(console: Client, alice: User) -> None:
    """Only the password is written, whatever happened between reading and writing."""
    path = f"{LIST}{alice.pk}/password/"
    User.objects.filter(pk=alice.pk).update(is_active=False)
    data = {"password1": "Another-Horse-9", "password2": "Another-Horse-9"}
    console.post(path, data)
    alice.refresh_from_db()
    assert not alice.is_active


def test_no_row_of_a_user_is_deleted(console: Client, alice: User) -> None:
    data = {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"}
    console.post(LIST, data)
    assert User.objects.filter(pk=alice.pk, deleted_at=None).exists()


def test_a_password_set_by_hand_is_one(console: Client, alice: User) -> None:
    path = f"{LIST}{alice.pk}/password/"
    assert "usable_password" not in console.get(path).content.decode()
    for form in (
        {"password1": "", "password2": "", "usable_password": "false"},
        {"usable_password": "false", "unset-password": "1"},
    ):
        assert "This field is required" in console.post(path, form).content.decode()
    alice.refresh_from_db()
    assert alice.has_usable_password()


# --- Credit ---


def credit(console: Client, user: User, amount: str, **changes: str) -> Any:
    data = {"amount": amount, "note": "thanks", "expires_at": "", "reference": str(uuid.uuid4())}
    return console.post(f"{LIST}{user.pk}/credit/", data | changes)


def test_credit_is_an_entry_with_note_and_actor(console: Client, alice: User) -> None:
    assert credit(console, alice, "5").status_code == 302
    entry = LedgerEntry.objects.get()
    assert (entry.amount, entry.kind, entry.actor, entry.note) == (
        2_500_000,
        "credit",
        "root",
        "thanks",
    )
    assert balance_units(open_wallet(alice).pk) == 2_500_000
    assert ("budget", str(entry.budget_id)) in published()
    page = console.get(f"{LIST}{alice.pk}/change/").content.decode()
    assert '<span class="money" title="2,500,000 units">$5.00</span>' in page


def test_credit_may_expire(console: Client, alice: User) -> None:
    past = credit(console, alice, "5", expires_at="2001-01-01T00:00")
    assert "This time is over already." in past.content.decode()
    credit(console, alice, "5", expires_at="2099-01-01T00:00")
    lot = RechargeLot.objects.get()
    assert lot.expires_at is not None
    assert lot.expires_at.year in {2098, 2099}


def test_a_form_sent_twice_is_booked_once(console: Client, alice: User) -> None:
    reference = str(uuid.uuid4())
    credit(console, alice, "5", reference=reference)
    answer = credit(console, alice, "5", reference=reference)
    assert LedgerEntry.objects.count() == 1
    page = console.get(answer["Location"]).content.decode()
    assert "nothing was booked twice" in page


def test_credit_can_be_taken_but_not_more_than_there_is(console: Client, alice: User) -> None:
    credit(console, alice, "5")
    assert credit(console, alice, "-2").status_code == 302
    answer = credit(console, alice, "-4")
    assert answer.status_code == 200
    assert "The balance is smaller" in answer.content.decode()
    assert balance_units(open_wallet(alice).pk) == 1_500_000
    assert not audit_budgets().differences


@pytest.mark.parametrize("amount", ["0", "", "abc", "NaN", "Infinity", "1e18", "0.0000001"])
def test_amounts_that_are_none_are_refused(console: Client, alice: User, amount: str) -> None:
    answer = credit(console, alice, amount)
    assert answer.status_code == 200
    assert "amount" in answer.context["form"].errors
    assert not LedgerEntry.objects.exists()


def test_credit_for_nobody(console: Client) -> None:
    assert console.get(f"{LIST}999/credit/").status_code == 404


def test_the_page_says_it_in_chinese(console: Client, alice: User) -> None:
    path = f"{LIST}{alice.pk}/credit/"
    page = console.get(path, headers={"accept-language": "zh"}).content.decode()
    assert "为 alice 充值" in page

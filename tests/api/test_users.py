"""Users by the API: only those below oneself, money only by the ledger."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing.commissions import pay_commission
from billing.ledger import balance_units, open_wallet
from billing.models import LedgerEntry
from channels_app.models import Channel
from chatapi.accounts.access_tokens import create_access_token, reset_personal_token
from chatapi.accounts.models import Role, Token, User
from chatapi.accounts.step_up import CONFIRMED_AT
from chatapi.console.models import AuditEntry
from tests.api.conftest import Api, data_of, refusal_of

pytestmark = pytest.mark.django_db
PASSWORD = "Correct-Horse-9"


def user_of(name: str) -> User:
    return User.objects.get(username=name)


def balance_of(name: str) -> int:
    return balance_units(open_wallet(user_of(name)).pk)


def test_staff_meets_only_those_below(root: Api, admin: Api, alice: Api) -> None:
    assert [row["username"] for row in data_of(admin.get("user/"))] == ["alice"]
    names = {row["username"] for row in data_of(root.get("user/"))}
    assert names == {"root", "adele", "alice"}
    for name in ("root", "adele"):
        number = user_of(name).pk
        assert admin.get(f"user/{number}").status_code == 404
        assert admin.put("user/", {"id": number, "email": "x@example.com"}).status_code == 404
        assert admin.delete(f"user/{number}").status_code == 404
        assert admin.post("user/credit", {"id": number, "quota": 5}).status_code == 404
        for action in ("disable", "delete", "promote", "demote"):
            answer = admin.post("user/manage", {"username": name, "action": action})
            assert answer.status_code == 404
        assert data_of(admin.get(f"user/search?keyword={name}")) == []
    for path in ("user/", "user/1", "user/search?keyword=alice"):
        assert alice.get(path).status_code == 403


def test_no_list_shows_a_secret(root: Api, alice: Api, alice_user: User) -> None:
    key = create_access_token(alice_user, "mine", ["self:read"]).key
    for path in ("user/", f"user/{alice_user.pk}", "user/search?keyword=alice"):
        text = root.get(path).content.decode()
        assert "password" not in text
        assert "access_token" not in text
        assert key not in text
        assert alice_user.password not in text


def test_a_new_user_is_an_ordinary_one(admin: Api, root: Api) -> None:
    body = {"username": "dora", "password": PASSWORD, "display_name": "Dora", "group": "vip"}
    made = data_of(admin.post("user/", {**body, "quota": 999, "status": 2, "is_superuser": True}))
    assert (made["role"], made["status"], made["quota"], made["group"]) == (1, 1, 0, "vip")
    assert user_of("dora").check_password(PASSWORD)
    assert not user_of("dora").is_superuser
    assert admin.post("user/", {**body, "username": "e", "role": 10}).status_code == 403
    assert data_of(root.post("user/", {**body, "username": "eric", "role": 10}))["role"] == 10
    assert admin.post("user/", {**body, "username": "f", "role": 100}).json()["success"] is False
    assert "taken" in refusal_of(admin.post("user/", {**body, "username": "DORA"}))
    refusal_of(admin.post("user/", {**body, "username": "g", "password": "12345678"}))
    refusal_of(admin.post("user/", {**body, "username": "h", "group": "nowhere"}))
    assert not User.objects.filter(username__in=["e", "f", "g", "h"]).exists()


def test_a_balance_moves_by_the_ledger_alone(admin: Api, alice: Api) -> None:
    number = user_of("alice").pk
    data_of(admin.put("user/", {"id": number, "quota": 700}))
    data_of(admin.put("user/", {"id": number, "quota": 0}))
    assert balance_of("alice") == 0
    body = {"id": number, "quota": 50, "reference": "order-7", "note": "sorry"}
    assert data_of(admin.post("user/credit", body))["quota"] == 50
    assert "already" in refusal_of(admin.post("user/credit", body))
    assert "smaller" in refusal_of(admin.post("user/credit", {"id": number, "quota": -51}))
    for wrong in (0, 2**60, "x", 1.5):
        assert admin.post("user/credit", {"id": number, "quota": wrong}).json()["success"] is False
    assert balance_of("alice") == 50
    entries = LedgerEntry.objects.order_by("pk")
    assert [entry.amount for entry in entries] == [700, -700, 50]
    assert {entry.actor for entry in entries} == {"adele"}
    assert AuditEntry.objects.filter(action="user.credit").count() == 3


def test_rows_tell_of_calls_and_invitations(
    make_user: Callable[..., User], admin: Api, alice: Api
) -> None:
    alice_user = user_of("alice")
    for name in ("ines", "ivo"):
        invited = make_user(name, Role.COMMON)
        User.objects.filter(pk=invited.pk).update(inviter=alice_user)
        pay_commission(user_of(name), 5000, Decimal(10), f"test:{name}")
    for count in (3, 4):
        made = data_of(alice.post("token/", {"name": "t", "unlimited_quota": True}))
        Token.objects.filter(pk=made["id"]).update(used_count=count)
    (row,) = [one for one in data_of(admin.get("user/")) if one["username"] == "alice"]
    told = ("request_count", "aff_count", "aff_quota", "aff_history_quota")
    assert [row[name] for name in told] == [7, 2, 1000, 1000]
    assert data_of(admin.get(f"user/{alice_user.pk}")) == row


HOSTILE: dict[str, Any] = {
    "role": 100,
    "status": 2,
    "is_superuser": True,
    "is_staff": True,
    "aff_quota": 10**6,
    "inviter_id": 1,
    "access_token": "at-x",
    "session_stamp": 9,
    "must_change_password": False,
    "deleted_at": 1,
    "date_joined": 1,
}


@pytest.mark.usefixtures("root")
def test_nothing_else_of_a_user_can_be_written(admin: Api, alice: Api) -> None:
    before = User.objects.filter(username="alice").values().get()
    data_of(admin.put("user/", {"id": before["id"], **HOSTILE}))
    data_of(alice.put("user/self", {**HOSTILE, "quota": 5, "group": "vip"}))
    refusal_of(alice.put("user/self", {"username": "Root"}))
    assert User.objects.filter(username="alice").values().get() == before
    data_of(admin.put("user/", {"id": before["id"], "email": "new@example.com", "group": "svip"}))
    changed = user_of("alice")
    assert (changed.email, changed.group) == ("new@example.com", "svip")
    refusal_of(admin.put("user/", {"id": before["id"], "email": "nonsense"}))
    refusal_of(admin.put("user/", {"id": before["id"], "group": "nowhere"}))


def test_banning_and_letting_in(admin: Api, alice: Api) -> None:
    body = {"username": "alice", "action": "disable"}
    assert data_of(admin.post("user/manage", body)) == {"role": 1, "status": 2}
    assert alice.get("user/self").status_code == 401
    assert data_of(admin.post("user/manage", {**body, "action": "enable"}))["status"] == 1
    assert admin.post("user/manage", {**body, "action": "promote"}).status_code == 403
    assert admin.post("user/manage", {**body, "action": "explode"}).json()["success"] is False


def test_root_promotes_and_demotes_but_stays_root(root: Api, alice: Api, admin: Api) -> None:
    def manage(name: str, action: str) -> Any:
        return root.post("user/manage", {"username": name, "action": action})

    assert data_of(manage("alice", "promote"))["role"] == 10
    assert "already" in refusal_of(manage("alice", "promote"))
    assert data_of(manage("alice", "demote"))["role"] == 1
    for action in ("disable", "delete", "demote", "promote"):
        assert manage("root", action).status_code == 403, action
    assert data_of(manage("adele", "delete"))["status"] == 2
    assert user_of("adele").deleted_at is not None
    assert "already" in refusal_of(manage("adele", "delete"))


def grow_stale(api: Api) -> None:
    session = api.client.session
    session[CONFIRMED_AT] = time.time() - 3600
    session.save()


def test_grave_acts_of_a_session_need_a_fresh_password(root: Api, alice: Api) -> None:
    grow_stale(root)
    number = user_of("alice").pk
    for answer in (
        root.post("user/manage", {"username": "alice", "action": "promote"}),
        root.delete(f"user/{number}"),
        root.put("user/", {"id": number, "password": "Another-Horse-9"}),
        root.put("user/", {"id": number, "email": "mallory@example.com"}),
        root.post("user/credit", {"id": number, "quota": 2**52}),
        root.post("user/token"),
    ):
        assert answer.status_code == 403
        assert answer.json()["code"] == "confirmation_required"


def test_small_credits_of_a_session_add_up(root: Api, alice: Api, make_user: Any) -> None:
    grow_stale(root)
    number, dollar = user_of("alice").pk, 500_000
    for quota in (40 * dollar, -39 * dollar, 20 * dollar):
        data_of(root.post("user/credit", {"id": number, "quota": quota}))
    for answer in (
        root.post("user/credit", {"id": number, "quota": dollar}),
        root.put("user/", {"id": number, "quota": 0}),
    ):
        assert answer.json()["code"] == "confirmation_required"
    assert balance_of("alice") == 21 * dollar
    program = create_access_token(make_user("boss", Role.ROOT), "p", ["users:write", "money:write"])
    by_token = Api(None, Authorization=f"Bearer {program.key}")
    for quota in (99 * dollar, 99 * dollar):
        data_of(by_token.post("user/credit", {"id": number, "quota": quota}))


def test_a_stored_key_goes_nowhere_else_without_the_password(root: Api) -> None:
    body = {
        "type": 1,
        "name": "one",
        "key": "sk-planted",
        "models": "m",
        "base_url": "https://a.co",
    }
    data_of(root.post("channel/", body))
    number = Channel.objects.get().pk
    session = root.client.session
    session[CONFIRMED_AT] = time.time() - 3600
    session.save()
    for change in ({"base_url": "https://evil.example"}, {"proxy_url": "http://evil.example:1"}):
        answer = root.put("channel/", {"id": number, **change})
        assert answer.json()["code"] == "confirmation_required"
    data_of(root.put("channel/", {"id": number, "name": "two", "base_url": "https://a.co"}))
    assert data_of(root.post("user/credit", {"id": number, "quota": 5}))["quota"] == 5


def test_money_needs_its_own_scope(make_user: Callable[..., User], alice: Api) -> None:
    adele = make_user("adele", Role.ADMIN)
    key = create_access_token(adele, "people", ["users:read", "users:write"]).key
    program = Api(authorization=key)
    number = user_of("alice").pk
    assert program.put("user/", {"id": number, "quota": 5}).status_code == 403
    assert program.post("user/credit", {"id": number, "quota": 5}).status_code == 403
    assert data_of(program.put("user/", {"id": number, "display_name": "A"}))["quota"] == 0


def test_ones_own_password_needs_the_old_one(alice: Api) -> None:
    body = {"password": "Another-Horse-9", "original_password": "wrong"}
    for _try in range(5):
        assert "not right" in refusal_of(alice.put("user/self", body))
    assert alice.put("user/self", body).status_code == 429
    assert user_of("alice").check_password(PASSWORD)


def test_a_new_password_keeps_this_session_alone(alice: Api, alice_user: User) -> None:
    other = Api(alice_user)
    body = {"password": "Another-Horse-9", "original_password": PASSWORD, "display_name": "Al"}
    assert data_of(alice.put("user/self", body))["display_name"] == "Al"
    assert alice.get("user/self").status_code == 200
    assert other.get("user/self").status_code == 401


def test_one_may_delete_oneself_as_by_the_page(alice: Api, root: Api, alice_user: User) -> None:
    """Not the last root, not by a part of what one may, and with one's own name typed."""
    refusal_of(root.delete("user/self?username=root"))
    key = create_access_token(alice_user, "part", ["self:write"]).key
    assert Api(authorization=key).delete("user/self?username=alice").status_code == 403
    assert "username" in refusal_of(alice.delete("user/self"))
    assert "not your user name" in refusal_of(alice.delete("user/self?username=root"))
    assert user_of("alice").deleted_at is None
    data_of(alice.delete("user/self?username=Alice"))
    gone = User.objects.get(pk=alice_user.pk)
    assert gone.deleted_at is not None
    assert (gone.username, gone.display_name) == (f"deleted+{gone.pk}", "")
    assert alice.get("user/self").status_code == 401


def test_search_takes_numbers_and_words(admin: Api, alice: Api, bob: Api) -> None:
    number = user_of("bob").pk

    def found(word: str) -> list[str]:
        return [row["username"] for row in data_of(admin.get(f"user/search?keyword={word}"))]

    assert found(str(number)) == ["bob"]
    assert found("alic") == ["alice"]
    assert found("bob@example") == ["bob"]
    assert found("al_ce") == []
    refusal_of(admin.get("user/search?keyword=%25%25"))
    assert data_of(admin.get("user/search?group=vip")) == []


def test_narrow_programs_make_nobody_staff(make_user: Callable[..., User]) -> None:
    boss, other = make_user("boss", Role.ROOT), make_user("other", Role.ROOT)
    carol = make_user("carol")
    narrow = Api(authorization=create_access_token(boss, "t", ["users:write"]).key)
    new = {"username": "eve", "password": "Correct-Horse-9"}
    for answer in (
        narrow.post("user/", {**new, "role": 10}),
        narrow.post("user/manage", {"id": carol.pk, "action": "promote"}),
        narrow.post("user/manage", {"id": other.pk, "action": "demote"}),
        narrow.put("user/", {"id": other.pk, "password": "Another-Horse-9"}),
        narrow.put("user/", {"id": other.pk, "email": "eve@example.com"}),
    ):
        assert answer.status_code == 403, answer.content
    other.refresh_from_db()
    assert (other.email, other.role) == ("other@example.com", Role.ROOT)
    assert other.check_password("Correct-Horse-9")
    data_of(narrow.put("user/", {"id": carol.pk, "password": "Another-Horse-9"}))
    data_of(narrow.post("user/", new))
    whole = Api(authorization=reset_personal_token(boss).key)
    data_of(whole.post("user/manage", {"id": carol.pk, "action": "promote"}))
    assert data_of(whole.post("user/", {**new, "username": "adam", "role": 10}))["role"] == 10


def test_a_session_makes_staff_after_the_password(root: Api) -> None:
    session = root.client.session
    session[CONFIRMED_AT] = 1
    session.save()
    body = {"username": "eve", "password": "Correct-Horse-9", "role": 10}
    assert root.post("user/", body).json()["code"] == "confirmation_required"
    assert not User.objects.filter(username="eve").exists()


def test_one_renames_oneself(alice: Api, bob: Api, alice_user: User) -> None:
    sent = {"username": "alison", "display_name": "Al"}
    assert data_of(alice.put("user/self", sent))["username"] == "alison"
    alice_user.refresh_from_db()
    assert (alice_user.username, alice_user.display_name) == ("alison", "Al")
    entry = AuditEntry.objects.get(action="user.renamed")
    assert (entry.before, entry.after) == ({"username": "alice"}, {"username": "alison"})
    for wrong in ("bob", "BOB", "bob@example.com", "a", "x" * 33, "<script>", "a b"):
        assert refusal_of(alice.put("user/self", {"username": wrong})), wrong
    data_of(alice.put("user/self", {"username": "", "display_name": "Alison"}))
    alice_user.refresh_from_db()
    assert (alice_user.username, alice_user.display_name) == ("alison", "Alison")

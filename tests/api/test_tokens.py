"""One's own tokens by the API."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from constance import config

from billing.ledger import balance_units
from billing.models import Budget
from chatapi.accounts.access_tokens import create_access_token
from chatapi.accounts.models import Group, Role, Token, User
from chatapi.accounts.step_up import CONFIRMED_AT
from chatapi.console.models import AuditEntry
from chatapi.lib.ids import hash_key
from tests.api.conftest import Api, data_of, refusal_of

pytestmark = pytest.mark.django_db


def make(api: Api, **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = data_of(api.post("token/", {"name": "laptop", **values}))
    return found


def test_a_new_token_shows_its_key_once(alice: Api) -> None:
    made = make(alice, remain_quota=500_000, models="gpt-4o", subnet="10.0.0.0/8")
    assert made["key"].startswith("sk-")
    assert Token.objects.get(pk=made["id"]).key_hash == hash_key(made["key"].removeprefix("sk-"))
    seen = data_of(alice.get(f"token/{made['id']}"))
    assert seen["key"] != made["key"]
    assert {**made, "key": ""} == {**seen, "key": ""}
    assert seen["remain_quota"] == 500_000
    assert seen["expired_time"] == -1
    assert seen["status"] == 1
    assert (seen["models"], seen["subnet"]) == ("gpt-4o", "10.0.0.0/8")


def test_many_tokens_are_made_at_once_or_not_at_all(alice: Api) -> None:
    made = data_of(alice.post("token/batch", {"name": "class", "count": 3, "remain_quota": 7}))
    assert [one["name"] for one in made] == ["class-1", "class-2", "class-3"]
    assert len({one["key"] for one in made}) == 3
    assert Budget.objects.filter(remaining=7).count() == 3
    refused = alice.post("token/batch", {"name": "c", "count": 5, "subnet": "10.0.0.300"})
    assert "subnet" in refusal_of(refused)
    refusal_of(alice.post("token/batch", {"name": "c", "count": 101}))
    assert Token.objects.count() == 3


def test_lists_come_in_pages_newest_first(alice: Api) -> None:
    for number in range(12):
        make(alice, name=f"t{number}", unlimited_quota=True)
    names = [one["name"] for one in data_of(alice.get("token/"))]
    assert names == [f"t{number}" for number in range(11, 1, -1)]
    assert [one["name"] for one in data_of(alice.get("token/?p=1"))] == ["t1", "t0"]
    assert len(data_of(alice.get("token/?p=-3&size=1000000000"))) == 12
    assert len(data_of(alice.get("token?size=0"))) == 10
    assert alice.get("token/?p=1000000000000").status_code == 400
    for wrong in ("0x1", "٣", "1.5", "a"):
        assert alice.get(f"token/?p={wrong}").status_code == 400, wrong


def test_a_change_touches_only_what_is_given(alice: Api) -> None:
    made = make(alice, remain_quota=100, fixed_content="bye", models="a,b")
    changed = data_of(alice.put("token/", {"id": made["id"], "name": "desk"}))
    assert changed == {**made, "name": "desk", "key": changed["key"]}
    changed = data_of(alice.put("token", {"id": made["id"], "remain_quota": 40}))
    assert changed["remain_quota"] == 40
    assert balance_units(Budget.objects.get(token_id=made["id"]).pk) == 40
    changed = data_of(alice.put("token/", {"id": made["id"], "unlimited_quota": True}))
    assert changed["unlimited_quota"] is True
    limited = {"id": made["id"], "unlimited_quota": False, "remain_quota": 9}
    assert data_of(alice.put("token/", limited))["remain_quota"] == 9


def test_the_status_alone_can_be_changed(alice: Api) -> None:
    made = make(alice, unlimited_quota=True)
    body = {"id": made["id"], "status": 2, "name": "other"}
    changed = data_of(alice.put("token/?status_only=true", body))
    assert (changed["status"], changed["name"]) == (2, "laptop")
    body = {"id": made["id"], "billing_enabled": True, "name": "other"}
    changed = data_of(alice.put("token/?billing_strategy_only=1", body))
    assert (changed["billing_enabled"], changed["name"]) == (True, "laptop")
    path = f"token/{made['id']}/billing_strategy"
    assert data_of(alice.put(path, {"billing_enabled": 0}))["billing_enabled"] is False


def test_what_has_ended_can_not_be_enabled(alice: Api) -> None:
    made = make(alice, expired_time=int(time.time()) + 100, remain_quota=0)
    assert made["status"] == 4
    off = {"id": made["id"], "status": 2}
    data_of(alice.put("token/?status_only=1", off))
    assert "used up" in refusal_of(alice.put("token/?status_only=1", {**off, "status": 1}))
    past = {"id": made["id"], "expired_time": int(time.time()) - 100, "remain_quota": 5}
    data_of(alice.put("token/", past))
    assert "expired" in refusal_of(alice.put("token/?status_only=1", {**off, "status": 1}))
    data_of(alice.put("token/", {"id": made["id"], "expired_time": -1, "status": 1}))
    assert data_of(alice.get(f"token/{made['id']}"))["status"] == 1


def test_a_token_that_has_ended_comes_back_as_it_was_shown(alice: Api) -> None:
    made = make(alice, expired_time=int(time.time()) - 100, unlimited_quota=True)
    assert made["status"] == 3
    assert "expired" in refusal_of(alice.put("token/", {"id": made["id"], "status": 1}))
    later = int(time.time()) + 1000
    changed = data_of(alice.put("token/", {**made, "expired_time": later}))
    assert (changed["status"], changed["expired_time"]) == (1, later)


def test_an_end_that_some_zones_have_no_date_for_is_none(alice: Api) -> None:
    last = 253_402_300_799
    assert "expired_time" in refusal_of(alice.post("token/", {"name": "a", "expired_time": last}))
    assert make(alice, expired_time=last - 86400)["expired_time"] == last - 86400


def test_users_choose_groups_only_where_the_operator_lets_them(alice: Api, admin: Api) -> None:
    """Otherwise each would take the cheapest."""
    Group.objects.filter(name="vip").update(ratio="0.1", is_selectable=True)
    refused = refusal_of(alice.post("token/", {"name": "a", "group": "vip"}))
    assert "group of their user" in refused
    made = make(alice, group="default")
    refusal_of(alice.put("token/", {"id": made["id"], "group": "vip"}))
    assert make(admin, group="vip")["group"] == "vip"


def test_groups_are_those_that_one_may_choose(root: Api, alice: Api, admin: Api) -> None:
    data_of(root.put("option/", {"key": "UserGroupEnabled", "value": "true"}))
    Group.objects.create(name="secret", ratio=0, is_selectable=False)
    assert "secret" in refusal_of(alice.post("token/", {"name": "a", "group": "secret"}))
    assert "nowhere" in refusal_of(alice.post("token/", {"name": "a", "group": "nowhere"}))
    made = make(alice, group="default")
    assert "secret" in refusal_of(alice.put("token/", {"id": made["id"], "group": "secret"}))
    assert make(admin, group="secret")["group"] == "secret"
    assert "default" in [one["key"] for one in data_of(alice.get("user/group"))]
    assert "secret" not in str(data_of(alice.get("user/group")))
    assert "secret" in str(data_of(admin.get("user/group")))


def test_search_finds_names_and_keys(alice: Api, bob: Api) -> None:
    made = make(alice, name="100% mine", unlimited_quota=True)
    make(alice, name="other", unlimited_quota=True)
    make(bob, name="100% bob", unlimited_quota=True)

    def names(query: str) -> list[str]:
        return [one["name"] for one in data_of(alice.get(f"token/search?{query}"))]

    assert names("keyword=100%25") == ["100% mine"]
    assert names(f"token={made['key']}") == ["100% mine"]
    assert names(f"token={made['key'][-4:]}") == ["100% mine"]
    for wild in ("%25%25%25", "_", "%25", "a"):
        assert "characters" in refusal_of(alice.get(f"token/search?keyword={wild}"))
    assert alice.get(f"token/search?keyword={'x' * 10_000}").json()["success"] is False


def test_staff_makes_and_changes_tokens_of_users(
    make_user: Callable[..., User], root: Api, admin: Api, alice: Api, bob: Api
) -> None:
    number = User.objects.get(username="alice").pk
    path, body = f"user/{number}/tokens", {"name": "site", "remain_quota": 70, "group": "vip"}
    program = Api(
        authorization=create_access_token(
            User.objects.get(username="adele"), "shop", ["tokens:read", "tokens:write"]
        ).key
    )
    made = data_of(program.post(path, body))
    assert made["key"].startswith("sk-")
    assert (made["user_id"], made["group"], made["remain_quota"]) == (number, "vip", 70)
    (row,) = data_of(alice.get("token/"))
    assert row == data_of(program.get(path))[0] == {**made, "key": row["key"]}
    assert made["key"] not in str(row)
    changed = data_of(admin.put(path, {"id": made["id"], "remain_quota": 5, "status": 2}))
    assert (changed["remain_quota"], changed["status"]) == (5, 2)
    others = data_of(bob.post("token/", {"name": "b", "unlimited_quota": True}))["id"]
    assert admin.put(path, {"id": others, "name": "x"}).status_code == 404
    acts = AuditEntry.objects.filter(object_id=str(made["id"])).order_by("pk")
    assert [entry.action for entry in acts] == ["token.add", "token.change"]
    assert made["key"] not in str(list(acts.values()))
    above = f"user/{User.objects.get(username='root').pk}/tokens"
    assert admin.get(above).status_code == 404
    assert admin.post(above, body).status_code == 404
    assert alice.get(path).status_code == 403
    assert Api(make_user("sue", Role.SUPPORT)).post(path, body).status_code == 403
    assert root.get(above).status_code == 200


def test_others_tokens_do_not_exist(alice: Api, bob: Api, root: Api) -> None:
    made = make(alice, unlimited_quota=True)
    for api in (bob, root):
        assert api.get(f"token/{made['id']}").status_code == 404
        assert api.delete(f"token/{made['id']}").status_code == 404
        assert api.put("token/", {"id": made["id"], "name": "stolen"}).status_code == 404
        path = f"token/{made['id']}/billing_strategy"
        assert api.put(path, {"billing_enabled": 1}).status_code == 404
        assert data_of(api.get("token/")) == []
    assert Token.objects.get().name == "laptop"
    data_of(alice.delete(f"token/{made['id']}"))
    assert not Token.objects.exists()


HOSTILE = {
    "user_id": 1,
    "key_hash": "x",
    "key": "sk-mine",
    "used_quota": -1,
    "used_units": -1,
    "created_time": 0,
    "role": 100,
}


def test_no_other_column_can_be_written(alice: Api) -> None:
    made = make(alice, unlimited_quota=True, **HOSTILE)
    before = Token.objects.values().get()
    data_of(alice.put("token/", {"id": made["id"], **HOSTILE}))
    assert Token.objects.values().get() == before
    assert made["user_id"] == before["user_id"] != 1 or made["key"] != "sk-mine"


@pytest.mark.parametrize(
    "values",
    [
        {"remain_quota": -1},
        {"remain_quota": 2**53 + 1},
        {"remain_quota": "a lot"},
        {"expired_time": 10**30},
        {"expired_time": -2},
        {"expired_time": True},
        {"valid_seconds": 0},
        {"valid_seconds": 10**18},
        {"name": ""},
        {"name": "x" * 65},
        {"subnet": "nonsense"},
        {"fixed_content": "x" * 1001},
        {"models": ["a"]},
        {"concurrency": -1},
        {"name": "a\u0000b"},
        {"expired_time": 4_000_000_000, "valid_seconds": 60},
    ],
)
def test_bad_values_are_refused_with_a_text(alice: Api, values: dict[str, Any]) -> None:
    answer = alice.post("token/", {"name": "laptop", "unlimited_quota": True, **values})
    assert answer.status_code in {200, 400}
    assert answer.json()["success"] is False
    assert answer.json()["message"]
    assert not Token.objects.exists()


def test_a_key_is_shown_again_where_the_operator_lets_it(
    alice: Api, bob: Api, alice_user: User
) -> None:
    without = make(alice, unlimited_quota=True)
    config.TokenRevealEnabled = True
    made = make(alice, unlimited_quota=True)
    path = f"token/{made['id']}/reveal"
    assert data_of(alice.post(path)) == made["key"]
    assert "no copy" in refusal_of(alice.post(f"token/{without['id']}/reveal"))
    assert bob.post(path).status_code == 404
    part = create_access_token(alice_user, "part", ["self:write"]).key
    assert Api(authorization=part).post(path).status_code == 403
    assert AuditEntry.objects.filter(action="token.reveal").count() == 1
    assert made["key"] not in str(list(AuditEntry.objects.values()))
    session = alice.client.session
    session[CONFIRMED_AT] = time.time() - 3600
    session.save()
    assert alice.post(path).json()["code"] == "confirmation_required"
    config.TokenRevealEnabled = False
    assert refusal_of(Api(alice_user).post(path))


def test_limits_of_a_minute_and_those_that_renew(alice: Api) -> None:
    made = make(alice, remain_quota=70, renews="daily", requests_per_minute=30)
    assert (made["renews"], made["renew_quota"], made["requests_per_minute"]) == ("daily", 70, 30)
    one = {"id": made["id"]}
    changed = data_of(alice.put("token/", {**one, "renew_quota": 50, "requests_per_minute": None}))
    assert (changed["renews"], changed["renew_quota"], changed["remain_quota"]) == ("daily", 50, 70)
    assert changed["requests_per_minute"] is None
    changed = data_of(alice.put("token/", {**one, "renews": "monthly"}))
    assert (changed["renews"], changed["renew_quota"]) == ("monthly", 50)
    assert data_of(alice.put("token/", {**one, "name": "desk"}))["renews"] == "monthly"
    changed = data_of(alice.put("token/", {**one, "unlimited_quota": True}))
    assert (changed["renews"], changed["renew_quota"]) == ("never", None)
    limited = {**one, "unlimited_quota": False, "remain_quota": 9}
    assert data_of(alice.put("token/", limited))["renews"] == "never"


@pytest.mark.parametrize(
    "values",
    [
        {"renews": "hourly", "remain_quota": 5},
        {"renews": "daily", "unlimited_quota": True},
        {"renews": "daily", "remain_quota": 0},
        {"renews": "daily", "remain_quota": 5, "renew_quota": 2**53 + 1},
        {"renews": "daily", "remain_quota": 5, "renew_quota": -1},
        {"requests_per_minute": -1},
        {"requests_per_minute": 2**31},
        {"requests_per_minute": "many"},
    ],
)
def test_renewals_and_rates_that_are_none(alice: Api, values: dict[str, Any]) -> None:
    refusal_of(alice.post("token/", {"name": "laptop", **values}))
    assert not Token.objects.exists()

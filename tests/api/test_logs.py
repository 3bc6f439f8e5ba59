"""The log and statistics by the API."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.ledger import open_wallet, post_entry
from billing.models import HourlyUsage, LedgerKind, Usage
from chatapi.accounts.access_tokens import create_access_token
from chatapi.accounts.models import Role, Token, User
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.console.audit import record_act
from tests.api.conftest import Api, data_of, refusal_of
from tests.pages.rows import make_usage

pytestmark = pytest.mark.django_db


def call_of(user: User, number: int, **changes: Any) -> Usage:
    return make_usage(
        number,
        user_id=user.pk,
        username=user.username,
        wallet_id=open_wallet(user).pk,
        **changes,
    )


def user_of(name: str) -> User:
    return User.objects.get(username=name)


def test_staff_sees_all_calls_with_their_channels(admin: Api, alice: Api, bob: Api) -> None:
    call_of(user_of("alice"), 1)
    call_of(user_of("bob"), 2, model="claude", status="failed", error_code="quota", amount=0)
    answer = admin.get("log/?p=0&pageSize=50")
    assert answer.json()["total"] == 2
    newest, oldest = data_of(answer)
    assert (newest["type"], newest["username"], newest["error_code"]) == (5, "bob", "quota")
    assert (oldest["type"], oldest["quota"], oldest["channel_name"]) == (2, 180, "Second")
    assert oldest["multiplier"] == "input 1000 × 0.075, output 500 × 0.3, group × 0.8"
    assert oldest["use_time"] == 2

    def found(query: str) -> list[str]:
        return [row["request_id"] for row in data_of(admin.get(f"log/?{query}"))]

    assert found("type=5") == ["request-2"]
    assert found("type=2") == ["request-1"]
    assert found("type=6") == ["request-1"]
    assert found("username=alice") == ["request-1"]
    assert found("username=nobody") == []
    assert found("model_name=claude") == ["request-2"]
    assert found("channel=7") == []
    assert found(f"end_timestamp={int(time.time()) - 500}") == []
    assert found("keyword=x&p=5") == []


def test_users_see_their_own_calls_without_the_channel(alice: Api, bob: Api) -> None:
    call_of(user_of("alice"), 1)
    call_of(user_of("bob"), 2)
    (row,) = data_of(alice.get("log/self"))
    assert row["request_id"] == "request-1"
    assert not {"channel", "channel_name", "attempts_log", "error_code"} & set(row)
    assert "Second" not in str(row)
    assert alice.get("log/").status_code == 403


def test_calls_of_those_above_are_not_shown(admin: Api, root: Api) -> None:
    call_of(user_of("root"), 1)
    assert data_of(admin.get("log/")) == []
    assert data_of(admin.get("log/search?keyword=request-1")) == []
    assert len(data_of(root.get("log/"))) == 1


def test_pages_go_on_behind_a_row(admin: Api, alice: Api) -> None:
    now = timezone.now()
    for number in range(7):
        call_of(user_of("alice"), number, created_at=now - timedelta(seconds=number // 2))
    seen, path = [], "log/?page_size=3"
    cursor = ""
    while True:
        answer = admin.get(f"{path}&next={cursor}").json()
        seen += [row["request_id"] for row in answer["data"]]
        cursor = answer["next"]
        if not cursor:
            break
    assert sorted(seen) == [f"request-{number}" for number in range(7)]
    assert admin.get("log/?next=../../etc").status_code == 400
    assert admin.get("log/?p=999999&page_size=100").status_code == 400


def test_the_table_of_calls_is_never_counted_whole(admin: Api, alice: Api) -> None:
    call_of(user_of("alice"), 1)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        data_of(admin.get("log/"))
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 10000" in sql for sql in counts)


def test_bookings_are_rows_of_type_one(alice: Api, bob: Api, admin: Api) -> None:
    wallet = open_wallet(user_of("alice")).pk
    post_entry(wallet, 500, kind=LedgerKind.GIFT, note="welcome")
    (row,) = data_of(alice.get("log/self?type=1"))
    assert (row["type"], row["quota"], row["multiplier"]) == (1, 500, "welcome")
    assert data_of(bob.get("log/self?type=1")) == []
    assert [row["username"] for row in data_of(admin.get("log/?type=1"))] == ["alice"]
    adele = user_of("adele")
    for scopes, status in ((["logs:read"], 403), (["logs:read", "money:read"], 200)):
        program = Api(authorization=create_access_token(adele, "t", scopes).key)
        assert program.get("log/?type=1").status_code == status, scopes


def test_whoever_has_a_key_sees_its_calls(nobody: Api, alice: Api) -> None:
    made = create_token(user_of("alice"), TokenSettings(name="shared"))
    call_of(user_of("alice"), 1, token_id=made.token.pk)
    call_of(user_of("alice"), 2, token_id=made.token.pk + 1)
    for answer in (
        nobody.post("log/token", {"key": made.key}),
        nobody.get(f"log/token?key={made.key}"),
    ):
        assert [row["request_id"] for row in data_of(answer)] == ["request-1"]
    for wrong in ("sk-", "x", "sk-" + "a" * 48, "%", made.key[:-1]):
        assert nobody.post("log/token", {"key": wrong}).status_code == 404
    for _look in range(40):
        answer = nobody.post("log/token", {"key": made.key})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_a_revoked_key_opens_nothing(nobody: Api, alice: Api) -> None:
    """Neither calls nor drawings, by API or page; one that is over or used up still does."""
    user = user_of("alice")
    made = create_token(user, TokenSettings(name="shared", networks_text="127.0.0.0/8"))
    call_of(user, 1, token_id=made.token.pk)

    def looks(**more: Any) -> list[bool]:
        asked = [
            nobody.client.post(f"/api/log/{name}", {"key": made.key}, "application/json", **more)
            for name in ("token", "tokenmj")
        ]
        page = nobody.client.post("/key", {"key": made.key}, **more).content.decode()
        return [*(answer.status_code == 200 for answer in asked), "shared" in page]

    assert looks() == [True] * 3
    assert looks(REMOTE_ADDR="192.0.2.1") == [False] * 3
    for status, is_shown in ((2, False), (3, True), (4, True)):
        Token.objects.update(status=status)
        assert looks() == [is_shown] * 3, status
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert looks() == [False] * 3


def test_purging_is_roots_and_keeps_the_books(root: Api, admin: Api, alice: Api) -> None:
    old = timezone.now() - timedelta(days=40)
    call_of(user_of("alice"), 1, created_at=old)
    call_of(user_of("alice"), 2)
    path = f"log/?target_timestamp={int(time.time()) - 86400}"
    assert admin.delete(path).status_code == 403
    assert root.delete("log/").json()["success"] is False
    assert data_of(root.delete(path)) == 1
    assert [usage.request_id for usage in Usage.objects.all()] == ["request-2"]


def hour_of(user: User, hours_ago: int, **sums: Any) -> HourlyUsage:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours_ago)
    values = {"calls": 2, "units": 500_000, "prompt_tokens": 10, "completion_tokens": 5, **sums}
    return HourlyUsage.objects.create(
        hour_at=hour, user_id=user.pk, token_id=5, channel_id=8, model="gpt-4o", **values
    )


def test_figures_are_sums_of_the_period(admin: Api, alice: Api, bob: Api) -> None:
    hour_of(user_of("alice"), 1)
    hour_of(user_of("bob"), 2, units=7)
    call_of(user_of("alice"), 1)
    assert data_of(admin.get("log/stat")) == {"quota": 500_007, "rpm": 1, "tpm": 1500}
    assert data_of(admin.get("log/stat?username=bob"))["quota"] == 7
    assert data_of(alice.get("log/self/stat")) == {"quota": 500_000, "rpm": 1, "tpm": 1500}
    assert data_of(bob.get("log/self/stat")) == {"quota": 7, "rpm": 0, "tpm": 0}
    assert "366" in refusal_of(admin.get("log/stat?start_timestamp=1"))


def test_dashboards_get_their_rows(admin: Api, alice: Api, bob: Api) -> None:
    hour_of(user_of("alice"), 1)
    hour_of(user_of("bob"), 1)
    assert {row["username"] for row in data_of(admin.get("data/"))} == {"alice", "bob"}
    (day,) = data_of(alice.get("user/dashboard"))
    assert data_of(alice.get("user/dashboard?start=0&end=2000000000")) == [day]
    assert (day["ModelName"], day["RequestCount"], day["Quota"]) == ("gpt-4o", 2, 500_000)
    found = alice.get("log/hourly-stats").json()
    assert found["success"] is True
    assert sum(hour["count"] for hour in found["hourly_data"]) == 2
    assert found["model_data"] == [{"model_name": "gpt-4o", "count": 2, "amount": 1.0}]


@pytest.mark.parametrize(
    "query",
    [
        "start_timestamp=99999999999999999999",
        "start_timestamp=abc",
        "type=9",
        "channel=-1",
        "channel=" + "9" * 30,
        "username=%00",
        "model_name=" + "x" * 300,
        "token_name=' OR 1=1 --",
    ],
)
def test_hostile_questions_are_answered_calmly(admin: Api, query: str) -> None:
    answer = admin.get(f"log/?{query}")
    assert answer.status_code in {200, 400}
    assert not answer.json().get("data")


def rows_of(api: Api, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data_of(api.get(f"log/?{query}"))
    return found


def test_acts_are_those_of_the_audit_log(root: Api, admin: Api, alice: Api) -> None:
    changed = {"id": user_of("alice").pk, "display_name": "Al"}
    data_of(root.put("user/", changed))
    data_of(admin.put("user/", {**changed, "display_name": "Alice"}))
    record_act("channel.disable", note="slow")
    newest, oldest = rows_of(root, "type=3")
    assert (newest["username"], newest["type"], newest["action"]) == ("adele", 3, "user.change")
    assert newest["after"] == {"display_name": "Alice"}
    assert "user.change · alice" in newest["multiplier"]
    assert oldest["username"] == "root"
    assert [row["username"] for row in rows_of(admin, "type=3")] == ["adele"]
    assert [row["username"] for row in rows_of(root, "type=3&username=root")] == ["root"]
    assert rows_of(admin, "type=3&username=root") == []
    assert rows_of(root, "type=3&username=nobody") == []
    assert rows_of(root, "type=3&model_name=m") == []
    assert rows_of(root, f"type=3&end_timestamp={int(time.time()) - 500}") == []
    (system,) = rows_of(root, "type=4")
    assert (system["username"], system["user_id"], system["type"]) == ("system", 0, 4)
    assert rows_of(admin, "type=4") == []
    for kind in (3, 4):
        assert alice.get(f"log/?type={kind}").status_code == 403
        assert data_of(alice.get(f"log/self?type={kind}")) == []


def test_acts_are_for_those_who_may_see_the_audit_log(make_user: Callable[..., User]) -> None:
    boss, sue = make_user("boss", Role.ROOT), make_user("sue", Role.SUPPORT)
    record_act("channel.disable", note="slow")
    reader = Api(authorization=create_access_token(boss, "t", ["logs:read"]).key)
    auditor = Api(authorization=create_access_token(boss, "t", ["logs:read", "audit:read"]).key)
    for kind in (3, 4):
        assert Api(sue).get(f"log/?type={kind}").status_code == 403
        assert reader.get(f"log/?type={kind}").status_code == 403
    assert rows_of(auditor, "type=4")[0]["action"] == "channel.disable"
    assert rows_of(reader, "type=2") == []


def test_acts_go_on_behind_a_page(root: Api) -> None:
    for number in range(5):
        record_act("test.act", note=str(number))
    seen, query = [], "type=4&page_size=2"
    for _page in range(3):
        answer = root.get(f"log/?{query}")
        seen += [row["multiplier"][-1] for row in data_of(answer)]
        query = f"type=4&page_size=2&next={answer.json()['next']}"
    assert seen == ["4", "3", "2", "1", "0"]

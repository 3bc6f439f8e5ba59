"""Channels by the API: written as the old product writes them, read without secrets."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Dimension, HourlyTotal
from channels_app.editing import change_channel
from channels_app.models import Channel, ChannelJob, ChannelStatus
from chatapi.accounts.access_tokens import create_access_token
from chatapi.accounts.models import Role, User
from chatapi.accounts.step_up import CONFIRMED_AT
from chatapi.console.models import AuditEntry
from tests.api.conftest import Api, data_of, refusal_of
from tests.harness.provider import Provider

pytestmark = pytest.mark.django_db
KEY = "sk-proj-very-secret-0123456789"
BODY: dict[str, Any] = {
    "type": 1,
    "name": "first",
    "key": KEY,
    "models": "gpt-4o,gpt-4o-mini",
    "group": "default,vip",
    "model_mapping": '{"gpt-4o": "gpt-4o-2024"}',
    "headers": {"x-team": "credential-of-the-team"},
    "proxy_url": "http://user:proxy-password@10.0.0.1:3128",
    "priority": 3,
    "tags": "blue",
    "tested_time": 60,
    "rate_limit_count": 5,
}


def add(api: Api, **values: Any) -> dict[str, Any]:
    (made,) = data_of(api.post("channel/", {**BODY, **values}))
    found: dict[str, Any] = made
    return found


def test_a_channel_is_stored_as_it_was_written(admin: Api) -> None:
    made = add(admin)
    channel = Channel.objects.get()
    assert (channel.key, channel.proxy_url) == (KEY, BODY["proxy_url"])
    assert channel.model_mapping == {"gpt-4o": "gpt-4o-2024"}
    assert channel.headers == {"x-team": "credential-of-the-team"}
    assert (channel.tag, channel.retest_seconds, channel.requests_per_minute) == ("blue", 60, 5)
    assert made["model_mapping"] == BODY["model_mapping"]
    assert (made["has_key"], made["has_proxy"], made["rate_limited"]) == (True, True, True)
    assert data_of(admin.get(f"channel/{channel.pk}")) == made


def test_no_answer_holds_a_secret(admin: Api) -> None:
    made = add(admin)
    answers = [
        admin.get("channel/"),
        admin.get(f"channel/{made['id']}"),
        admin.get("channel/search?keyword=first"),
        admin.put("channel/", {"id": made["id"], "name": "second"}),
        admin.post("channel/copy", {"id": made["id"]}),
    ]
    for text in (KEY, "very-secret", "proxy-password", "credential-of-the-team"):
        assert not [answer for answer in answers if text in answer.content.decode()], text
        assert text not in str(list(AuditEntry.objects.values())), text


def test_each_line_of_the_key_is_a_channel(admin: Api) -> None:
    made = data_of(admin.post("channel/", {**BODY, "key": "sk-one\n\n sk-two \n"}))
    assert [channel.key for channel in Channel.objects.order_by("pk")] == ["sk-one", "sk-two"]
    assert len(made) == 2
    google = '{\n "type": "service_account"\n}'
    assert len(data_of(admin.post("channel/", {**BODY, "key": google}))) == 1
    refusal_of(admin.post("channel/", {**BODY, "key": "k\n" * 101}))
    assert Channel.objects.count() == 3


def test_a_change_keeps_what_it_does_not_name(admin: Api) -> None:
    made = add(admin)
    shown = data_of(admin.get(f"channel/{made['id']}"))
    changed = data_of(admin.put("channel/", {**shown, "key": "", "tags": "", "weight": 9}))
    assert (changed["tags"], changed["weight"]) == ("", 9)
    channel = Channel.objects.get()
    assert (channel.key, channel.headers) == (KEY, {"x-team": "credential-of-the-team"})
    entry = AuditEntry.objects.filter(action="channel.change").get()
    assert entry.after["weight"] == 9
    assert entry.after["headers"] == "changed"
    refusal_of(admin.put("channel/", {"id": made["id"], "status": 3}))
    Channel.objects.update(status=ChannelStatus.AUTO_DISABLED, disabled_reason="slow: 9 s")
    data_of(admin.put("channel/", {**changed, "status": 3, "weight": 8}))
    channel = Channel.objects.get()
    assert (channel.status, channel.weight) == (ChannelStatus.AUTO_DISABLED, 8)
    assert channel.disabled_reason
    data_of(admin.put("channel/", {"id": made["id"], "status": 2}))
    assert Channel.objects.get().status == ChannelStatus.DISABLED
    assert admin.put("channel/", {"name": "x"}).status_code == 404


def test_two_editors_keep_each_others_fields(admin: Api) -> None:
    number = add(admin)["id"]
    opened = Channel.objects.get()
    data_of(admin.put("channel/", {"id": number, "weight": 9, "key": "sk-new-key"}))
    change_channel(opened, {"priority": 7, "tag": opened.tag})
    channel = Channel.objects.get()
    assert (channel.weight, channel.priority, channel.key) == (9, 7, "sk-new-key")


ELSEWHERE: list[dict[str, Any]] = [
    {"base_url": "https://evil.example"},
    {"proxy_url": "http://evil.example:1"},
    {"type": 8, "base_url": "https://evil.example"},
    {"config": {"token_uri": "https://evil.example"}},
]


@pytest.mark.parametrize("moved", ELSEWHERE)
def test_programs_send_stored_secrets_nowhere_else(
    make_user: Callable[..., User], admin: Api, moved: dict[str, Any]
) -> None:
    number = add(admin)["id"]
    eve = make_user("eve", Role.ADMIN)
    program = Api(authorization=create_access_token(eve, "t", ["channels:write"]).key)
    own, team = {"key": "sk-own"}, {"x-team": "mine"}
    before = Channel.objects.values().get()
    for kept in (
        {},
        {"key": ""},
        own,
        {"headers": team},
        {**own, "headers": {"x-team": "***"}},
        {**own, "headers": '{"x-team": "***", "more": "1"}'},
    ):
        refusal = refusal_of(program.put("channel/", {"id": number, **moved, **kept}))
        assert "another place" in refusal, kept
        assert Channel.objects.values().get() == before
    copy = data_of(admin.post("channel/copy", {"id": number}))["id"]
    refusal_of(program.put("channel/", {"id": copy, **moved}))
    data_of(program.put("channel/", {"id": number, **moved, **own, "headers": team}))
    channel = Channel.objects.get(pk=number)
    assert (channel.key, channel.headers) == ("sk-own", team)
    data_of(program.put("channel/", {"id": number, "weight": 3, "type": channel.kind}))


def test_a_session_moves_a_channel_after_the_password(
    make_user: Callable[..., User], admin: Api
) -> None:
    number = add(admin)["id"]
    stale = Api(make_user("eve", Role.ADMIN))
    session = stale.client.session
    session[CONFIRMED_AT] = 1
    session.save()
    for moved in ELSEWHERE:
        answer = stale.put("channel/", {"id": number, **moved})
        assert (answer.status_code, answer.json()["code"]) == (403, "confirmation_required"), moved
    assert Channel.objects.get().base_url == ""
    data_of(stale.put("channel/", {"id": number, "base_url": "", "proxy_url": BODY["proxy_url"]}))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"type": 999}, "no kind"),
        ({"type": 11}, "can't be used"),
        ({"models": " , "}, "at least one model"),
        ({"base_url": "http://169.254.169.254/"}, "metadata"),
        ({"proxy_url": "gopher://x"}, "must start with"),
        ({"model_mapping": "[1]"}, "JSON object"),
        ({"model_mapping": {"a": "b", "b": "a"}}, ""),
        ({"headers": {"Host": "x"}}, ""),
        ({"config": {"region": 5}}, ""),
        ({"status_code_mapping": {"x": "y"}}, ""),
        ({"status": 3}, ""),
        ({"weight": -1}, ""),
        ({"priority": 10**12}, ""),
        ({"name": "x" * 101}, ""),
    ],
)
def test_bad_settings_are_refused(admin: Api, values: dict[str, Any], text: str) -> None:
    assert text in refusal_of(admin.post("channel/", {**BODY, **values}))
    assert not Channel.objects.exists()


def test_search_narrows_by_everything_at_once(admin: Api) -> None:
    first = add(admin)["id"]
    add(admin, name="other", models="claude-3", group="svip", type=14)

    def found(query: str) -> list[int]:
        answer = admin.get(f"channel/search?{query}")
        assert answer.json()["total"] == len(answer.json()["data"])
        return [row["id"] for row in data_of(answer)]

    assert found("keyword=fir") == [first]
    assert found(f"keyword={first}") == [first]
    assert found("group=vip&typeKey=1&model=gpt-4o,gpt-4o-mini") == [first]
    assert found("model=gpt-4o,claude-3") == []
    assert found("keyword=" + KEY) == []
    assert found("keyword=" + "9" * 40) == []


def test_tests_balances_and_lists_ask_the_provider(admin: Api, provider: Provider) -> None:
    number = add(admin, type=67, base_url=provider.url, proxy_url="", headers={})["id"]
    tested = admin.post(f"channel/test/{number}").json()
    assert (tested["success"], tested["model"]) == (True, "gpt-4o")
    assert isinstance(tested["time"], float)
    assert data_of(admin.get(f"channel/{number}"))["test_ok"] is True
    listed = admin.get(f"channel/fetch_models/{number}")
    assert listed.json()["success"] in {True, False}
    data_of(admin.post(f"channel/reset_stats/{number}"))
    assert data_of(admin.get(f"channel/{number}"))["test_ok"] is None


def test_what_is_odd_about_an_answer_is_told(root: Api, admin: Api, provider: Provider) -> None:
    own = {"key": "ExpectedModelNames", "value": '{"gpt-4o": "gpt-4o-2030"}'}
    data_of(root.put("option/", own))
    refusal_of(root.put("option/", {**own, "value": '{"gpt-4o": 1}'}))
    number = add(admin, type=67, base_url=provider.url, proxy_url="", headers={}, model_mapping="")[
        "id"
    ]
    tested = admin.post(f"channel/test/{number}").json()
    assert tested["success"] is True
    assert "not gpt-4o-2030" in tested["message"]


def test_what_fails_at_the_provider_is_told(admin: Api) -> None:
    number = add(admin, base_url="http://127.0.0.1:9", proxy_url="")["id"]
    for path in ("test", "update_balance", "fetch_models"):
        assert refusal_of(admin.post(f"channel/{path}/{number}"))


def test_old_gets_that_change_something_need_a_proof(
    make_user: Callable[..., User], admin: Api
) -> None:
    number = add(admin, base_url="http://127.0.0.1:9", proxy_url="")["id"]
    browser = Api(make_user("eve", Role.ADMIN), strict=True)
    paths = ("channel/test", "channel/update_balance", f"channel/test/{number}")
    for path in (*paths, f"channel/update_balance/{number}", f"channel/fetch_models/{number}"):
        assert browser.get(path, **{"sec-fetch-site": "cross-site"}).status_code == 403, path
        assert browser.get(path).status_code == 403, path
    assert not ChannelJob.objects.exists()
    assert Channel.objects.get().tested_at is None
    key = create_access_token(User.objects.get(username="eve"), "t", ["channels:write"]).key
    data_of(Api(authorization=key).get("channel/test"))
    assert "under way" in refusal_of(Api(authorization=key).get("channel/test"))


def test_channels_go_one_by_one_or_all_that_are_disabled(admin: Api) -> None:
    numbers = [add(admin, name=f"c{n}")["id"] for n in range(4)]
    Channel.objects.filter(pk=numbers[3]).update(status=ChannelStatus.AUTO_DISABLED)
    data_of(admin.delete(f"channel/{numbers[0]}"))
    assert data_of(admin.post("channel/batch", {"ids": [numbers[1], 999_999]})) == 1
    assert data_of(admin.delete("channel/disabled")) == 1
    assert [channel.pk for channel in Channel.objects.all()] == [numbers[2]]
    assert AuditEntry.objects.filter(action="channel.delete").count() == 3
    copy = data_of(admin.post("channel/copy", {"id": numbers[2]}))
    assert (copy["status"], copy["has_key"]) == (2, False)


def test_support_reads_and_changes_nothing(make_user: Callable[..., User], admin: Api) -> None:
    number = add(admin, system_prompt="You are ours.")["id"]
    support = Api(make_user("sue", Role.SUPPORT))
    shown = data_of(support.get(f"channel/{number}"))
    assert shown["system_prompt"] == ""
    assert "You are ours." not in str(shown)
    for answer in (
        support.post("channel/", BODY),
        support.put("channel/", {"id": number, "name": "x"}),
        support.delete(f"channel/{number}"),
        support.get(f"channel/test/{number}"),
        support.post("channel/copy", {"id": number}),
    ):
        assert answer.status_code == 403
    assert Channel.objects.get().name == "first"


# --- As scripts for the old product write them ---

OLD_CREDENTIALS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    (
        {
            "type": 35,
            "config": '{"region": "us-east-1", "ak": "AKID", "sk": "secret", "cross": ""}',
        },
        "AKID|secret",
        {"region": "us-east-1"},
    ),
    (
        {
            "type": 42,
            "config": {
                "project_id": "p-1",
                "client_id": "id",
                "client_secret": "cs",
                "refresh_token": "rt",
            },
        },
        "rt|id|cs",
        {"project": "p-1"},
    ),
    ({"type": 3, "key": "az", "other": "2024-10-21"}, "az", {"api_version": "2024-10-21"}),
]


@pytest.mark.parametrize(("values", "key", "stored"), OLD_CREDENTIALS)
def test_credentials_of_the_old_product_become_the_key(
    admin: Api, values: dict[str, Any], key: str, stored: dict[str, str]
) -> None:
    base = "https://mine.openai.azure.com" if values["type"] == 3 else ""
    made = add(admin, **{"key": "", "base_url": base, **values})
    channel = Channel.objects.get()
    assert (channel.key, channel.settings) == (key, stored)
    data_of(admin.put("channel/", {"id": made["id"], "config": made["config"], "weight": 4}))
    channel = Channel.objects.get()
    assert (channel.key, channel.settings, channel.weight) == (key, stored, 4)


def test_a_service_account_of_the_old_product_is_the_key(admin: Api) -> None:
    made = {**BODY, "type": 42, "key": "", "gcp_account": '{"type": "service_account"}'}
    assert "service account" in refusal_of(admin.post("channel/", made))


def test_switches_of_the_old_product_switch(admin: Api) -> None:
    made = add(admin, is_tools=False, rate_limited=False, type=2, is_image_url_enabled=1)
    channel = Channel.objects.get()
    assert (channel.accepts_tools, channel.requests_per_minute) == (False, 0)
    assert channel.settings == {"original_image_url": "1"}
    assert (made["is_tools"], made["is_image_url_enabled"]) == (False, 1)
    changed = {"id": made["id"], "is_tools": True, "is_image_url_enabled": 0}
    shown = data_of(admin.put("channel/", {**changed, "rate_limit_count": 7}))
    assert (shown["is_tools"], shown["is_image_url_enabled"]) == (True, 0)
    assert (shown["rate_limited"], shown["rate_limit_count"]) == (True, 7)
    assert Channel.objects.get().settings == {}


def test_everything_of_a_channel_can_be_written(admin: Api) -> None:
    values = {
        "accepts_images": False,
        "passes_through": True,
        "claude_only": True,
        "key_strategy": "random",
        "connect_seconds": 4,
    }
    made = add(admin, **values)
    assert {name: made[name] for name in values} == values
    cleared = data_of(admin.put("channel/", {"id": made["id"], "connect_seconds": None}))
    assert cleared["connect_seconds"] is None
    problem = refusal_of(admin.put("channel/", {"id": made["id"], "models": ","}))
    assert problem.startswith("models: ")


def test_rows_tell_what_a_channel_was_used(admin: Api) -> None:
    number = add(admin)["id"]
    for hour in range(2):
        HourlyTotal.objects.create(
            dimension=Dimension.CHANNEL,
            hour_at=timezone.now() - timedelta(days=40, hours=hour),
            key=str(number),
            calls=3,
            units=500,
        )
    (row,) = data_of(admin.get("channel/"))
    assert (row["used_quota"], row["used_count"]) == (1000, 6)
    assert data_of(admin.get(f"channel/{number}"))["used_quota"] == 1000

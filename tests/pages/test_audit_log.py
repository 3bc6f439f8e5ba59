"""The audit log: one entry per act, with what it changed and without secrets; and its page."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from billing.models import Price
from channels_app.models import Channel, ChannelStatus
from channels_app.switching import disable_automatically, enable_again
from chatapi.accounts.access_tokens import create_access_token
from chatapi.accounts.models import Group, Role, Token, User
from chatapi.console.act_titles import title_of
from chatapi.console.audit import record_act
from chatapi.console.models import AuditEntry
from tests.pages.conftest import PASSWORD, make_user
from tests.pages.rows import make_channel, make_token
from tests.pages.test_tokens_page import form as token_form
from tests.pages.test_users_page import credit
from tests.pages.test_users_page import form as user_form

pytestmark = pytest.mark.django_db
LOG = "/admin/console/auditentry/"
CHANNELS = "/admin/channels_app/channel/"


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(settings.ENV, "GLOBAL_WEB_RATE_LIMIT", 0)


def only_entry(action: str) -> AuditEntry:
    """There is one, and nothing besides it."""
    entry = AuditEntry.objects.get()
    assert entry.action == action
    return entry


def page(browser: Client, path: str, **query: str) -> str:
    answer = browser.get(path, query)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


ACT = re.compile(r'record_act\(\s*"([a-z_]+\.(?!add"|change"|delete")[a-z_]+)"')


def test_every_act_that_the_code_names_has_a_title() -> None:
    found = {
        act
        for app in ("billing", "channels_app", "chatapi", "notifications", "relay")
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py")
        for act in ACT.findall(path.read_text(encoding="utf-8"))
    }
    assert len(found) > 30
    assert {act for act in found if not title_of(act, "")} == set()


# --- What is recorded ---


def test_a_change_is_told_with_before_and_after(console: Client, alice: User) -> None:
    data = user_form(group="vip", email="a@example.com")
    console.post(f"/admin/accounts/user/{alice.pk}/change/", data)
    entry = only_entry("user.change")
    assert (entry.actor_name, entry.object_type, entry.object_id) == (
        "root",
        "accounts.User",
        str(alice.pk),
    )
    assert entry.before == {"email": "", "group": "default"}
    assert entry.after == {"email": "a@example.com", "group": "vip"}
    assert entry.address == "127.0.0.1"
    assert not LogEntry.objects.exists()


def test_an_entry_tells_the_session_and_the_request_but_not_the_cookie(
    console: Client, alice: User, root: User
) -> None:
    other = Client()
    other.force_login(root, settings.AUTHENTICATION_BACKENDS[0])
    names = []
    for browser, group in ((console, "vip"), (console, "default"), (other, "vip")):
        answer = browser.post(f"/admin/accounts/user/{alice.pk}/change/", user_form(group=group))
        names.append(answer["x-oneapi-request-id"])
    rows = list(AuditEntry.objects.filter(action="user.change").order_by("pk"))
    assert [row.request_id for row in rows] == names
    assert len(set(names)) == 3
    first, second, third = (row.session for row in rows)
    assert first == second != third
    assert len(first) == 16
    cookies = [browser.cookies["sessionid"].value for browser in (console, other)]
    assert not any(first in cookie or cookie in str(rows[0].__dict__) for cookie in cookies)
    html = page(console, LOG, session=first)
    assert [f"{LOG}{row.pk}/change/" in html for row in rows] == [True, True, False]
    assert first in page(console, f"{LOG}{rows[0].pk}/change/")


def test_an_entry_tells_the_access_token(root: User, alice: User) -> None:
    made = create_access_token(root, "p", ["users:write", "money:write"])
    headers = {"authorization": f"Bearer {made.key}"}
    body = {"id": alice.pk, "quota": 5}
    Client().post("/api/user/credit", body, content_type="application/json", headers=headers)
    assert only_entry("user.credit").session == f"token {made.token.pk}"


def test_saving_what_was_there_is_no_change(console: Client, alice: User) -> None:
    console.post(f"/admin/accounts/user/{alice.pk}/change/", user_form())
    assert not AuditEntry.objects.exists()


def test_what_is_refused_leaves_nothing(console: Client, alice: User) -> None:
    console.post(f"/admin/accounts/user/{alice.pk}/change/", user_form(group="nobodys"))
    assert not AuditEntry.objects.exists()


def test_adding_and_deleting(console: Client) -> None:
    console.post("/admin/accounts/group/add/", {"name": "gold", "label": "", "ratio": "0.5"})
    assert only_entry("group.add").after == {
        "name": "gold",
        "ratio": "0.5",
        "is_selectable": False,
    }
    AuditEntry.objects.all().delete()
    group = Group.objects.get(name="gold")
    console.post(f"/admin/accounts/group/{group.pk}/delete/", {"post": "yes"})
    assert only_entry("group.delete").object_name == "gold"
    AuditEntry.objects.all().delete()
    prices = [Price.objects.create(model=f"m{n}", input=1) for n in range(2)]
    chosen = {"_selected_action": [price.pk for price in prices]}
    console.post("/admin/billing/price/", {"action": "delete_selected", "post": "yes", **chosen})
    assert not Price.objects.exists()
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["price.delete"] * 2


def test_no_secret_gets_into_it(console: Client, alice: User) -> None:
    channel = make_channel(1)
    data = {
        "name": "renamed",
        "kind": "1",
        "status": "1",
        "new_key": "sk-planted-secret",
        "new_proxy_url": "http://u:planted@proxy.example:1",
        "headers": '{"X-Key": "planted"}',
        "models_text": "gpt-4o",
        "groups_text": "default",
        "priority": "0",
        "weight": "1",
        "retest_seconds": "0",
    }
    assert console.post(f"{CHANNELS}{channel.pk}/change/", data).status_code == 302
    new = {"password1": "Planted-Horse-9", "password2": "Planted-Horse-9"}
    console.post(f"/admin/accounts/user/{alice.pk}/password/", new)
    console.post("/admin/accounts/user/add/", {"username": "bob", "group": "default", **new})
    console.post("/admin/accounts/token/add/", token_form(alice))
    token = Token.objects.get()
    rows = str(list(AuditEntry.objects.values()))
    assert "planted" not in rows.lower()
    assert token.key_hash not in rows
    first = AuditEntry.objects.get(action="channel.change")
    assert first.after["name"] == "renamed"
    assert (first.after["new_key"], first.after["headers"]) == ("***", "***")
    assert AuditEntry.objects.get(action="user.change").after == {"password": "***"}
    assert AuditEntry.objects.get(action="token.add").object_id == str(token.pk)


def test_credit_is_told_once(console: Client, alice: User) -> None:
    reference = "6f1c7f6e-2f0b-4a6a-9f9f-1f6f0b1f6f0b"
    credit(console, alice, "5", reference=reference)
    credit(console, alice, "5", reference=reference)
    entry = only_entry("user.credit")
    assert entry.after == {
        "units": 2_500_000,
        "usd": "$5.00",
        "reference": f"console:{reference}",
    }


def test_actions_on_channels_are_told_for_each(console: Client) -> None:
    channels = [make_channel(number) for number in (1, 2)]
    chosen = {"_selected_action": [channel.pk for channel in channels]}

    def act(**data: Any) -> list[AuditEntry]:
        AuditEntry.objects.all().delete()
        console.post(CHANNELS, {**data, **chosen})
        return list(AuditEntry.objects.order_by("pk"))

    entries = act(action="disable")
    assert [entry.action for entry in entries] == ["channel.disable"] * 2
    assert (entries[0].before["status"], entries[0].after["status"]) == (1, 2)
    entries = act(action="batch", apply="1", use_tag="on", tag="eu")
    assert {entry.action for entry in entries} <= {"channel.batch"}
    assert [entry.action for entry in act(action="copy")] == ["channel.copy"] * 2
    assert [entry.action for entry in act(action="reset")] == ["channel.reset"] * 2
    AuditEntry.objects.all().delete()
    disabled = Channel.objects.exclude(status=ChannelStatus.ENABLED)
    keys = {"channel": [channel.pk for channel in disabled]}
    console.post(f"{CHANNELS}delete-disabled/", keys)
    assert {entry.action for entry in AuditEntry.objects.all()} == {"channel.delete"}


def test_tokens_switched_from_the_list(console: Client) -> None:
    token = make_token(1)
    data = {"action": "disable", "_selected_action": [token.pk]}
    console.post("/admin/accounts/token/", data)
    console.post("/admin/accounts/token/", data)
    entry = only_entry("token.disable")
    assert (entry.before, entry.after) == ({"status": 1}, {"status": 2})


def test_what_the_system_switches_is_the_systems_act(db: None) -> None:
    channel = make_channel(1)
    disable_automatically(channel, "credential", "401")
    enable_again(channel)
    found = AuditEntry.objects.order_by("pk").values_list("action", "actor_name", "actor_id")
    assert list(found) == [
        ("channel.disable", "system", None),
        ("channel.enable", "system", None),
    ]


def test_sign_ins_of_staff(client: Client, root: User, alice: User) -> None:
    for name, password in (("root", "wrong"), ("root", PASSWORD), ("alice", "wrong")):
        client.post("/admin/login/", {"username": name, "password": password})
    found = AuditEntry.objects.order_by("pk").values_list("action", "actor_name", "object_name")
    assert list(found) == [
        ("session.refused", "system", "root"),
        ("session.begin", "root", "root"),
    ]


def test_throttled_guesses_do_not_fill_it(client: Client, root: User) -> None:
    for _ in range(9):
        client.post("/admin/login/", {"username": "root", "password": "wrong"})
    assert AuditEntry.objects.count() == 5


def test_refused_attempts_are_told(
    as_user: Callable[[User], Client], support: User, alice: User
) -> None:
    as_user(support).post(f"/admin/accounts/user/{alice.pk}/ban/")
    entry = only_entry("console.refused")
    assert entry.actor_name == "sue"
    assert entry.note == f"POST /admin/accounts/user/{alice.pk}/ban/"


def test_entries_are_never_changed(console: Client) -> None:
    entry = record_act("test.act")
    entry.note = "forged"
    with pytest.raises(TypeError):
        entry.save()
    for path in (f"{LOG}add/", f"{LOG}{entry.pk}/change/", f"{LOG}{entry.pk}/delete/"):
        assert console.post(path, {"note": "forged", "post": "yes"}).status_code == 403
    console.post(LOG, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.objects.filter(action="test.act", note="").exists()


# --- Its page ---


@pytest.fixture
def entries(root: User, admin: User, alice: User) -> dict[str, AuditEntry]:
    class Request:
        META: dict[str, str] = {}

    def act(user: User | None, action: str, **more: Any) -> AuditEntry:
        entry = record_act(action, **more)
        AuditEntry.objects.filter(pk=entry.pk).update(
            actor_id=user.pk if user else None, actor_name=user.username if user else "system"
        )
        return entry

    return {
        "root": act(root, "user.role", target=admin, after={"role": "admin"}),
        "other": act(make_user("adam", Role.ADMIN), "user.ban", target=alice),
        "own": act(admin, "user.credit", target=alice, after={"units": 5}),
        "system": act(None, "channel.disable", note="x"),
        "below": act(alice, "password.confirmed", note="<script>alert(1)</script>"),
    }


def seen(html: str, entries: dict[str, AuditEntry]) -> set[str]:
    return {name for name, row in entries.items() if f"{LOG}{row.pk}/change/" in html}


def test_root_sees_all_and_filters(console: Client, entries: dict[str, AuditEntry]) -> None:
    html = page(console, LOG)
    assert seen(html, entries) == set(entries)
    assert "<script>alert(1)" not in html
    for query, names in (
        ({"action": "user"}, {"root", "other", "own"}),
        ({"action": "user.ban"}, {"other"}),
        ({"actor": "system"}, {"system"}),
        ({"kind": "accounts.User", "object": entries["own"].object_id}, {"other", "own"}),
        ({"from": "2199-01-01T00:00"}, set()),
        ({"to": "2199-01-01T00:00"}, set(entries)),
        ({"action": "%"}, set()),
    ):
        assert seen(page(console, LOG, **query), entries) == names, query


def test_administrators_see_what_they_and_those_below_did(
    as_user: Callable[[User], Client], admin: User, entries: dict[str, AuditEntry]
) -> None:
    browser = as_user(admin)
    assert seen(page(browser, LOG), entries) == {"own", "below"}
    for name in ("root", "other", "system"):
        assert browser.get(f"{LOG}{entries[name].pk}/change/").status_code == 404
    export = browser.get(f"{LOG}export/")
    text = b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]
    assert "user.credit" in text
    assert "user.ban" not in text


def test_support_does_not_see_it(as_user: Callable[[User], Client], support: User) -> None:
    browser = as_user(support)
    assert browser.get(LOG).status_code == 403
    assert browser.get(f"{LOG}export/").status_code == 403
    assert "auditentry" not in page(browser, "/admin/")


def test_a_change_is_readable(console: Client, alice: User) -> None:
    data = user_form(group="vip", email="a@example.com")
    console.post(f"/admin/accounts/user/{alice.pk}/change/", data)
    html = page(console, f"{LOG}{AuditEntry.objects.get().pk}/change/")
    assert "<del>default</del>" in html
    assert "<ins>vip</ins>" in html


def test_every_object_leads_to_its_history(console: Client, alice: User) -> None:
    path = f"/admin/accounts/user/{alice.pk}"
    assert f"{path}/history/" in page(console, f"{path}/change/")
    where = console.get(f"{path}/history/")["Location"]
    assert where == f"{LOG}?kind=accounts.User&object={alice.pk}"
    assert page(console, where)


def test_it_is_exported_whole(console: Client, entries: dict[str, AuditEntry]) -> None:
    AuditEntry.objects.bulk_create(
        [AuditEntry(actor_name="x", action="bulk.act", note="=cmd()") for _ in range(1500)]
    )
    answer = console.get(f"{LOG}export/", {"action": "bulk"})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.count("bulk.act") == 1500
    assert "'=cmd()" in text

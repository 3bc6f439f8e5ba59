"""What root, administrators and support may see and do, and what ends with a role."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from billing.ledger import open_wallet, post_entry
from billing.models import LedgerEntry, LedgerKind
from chatapi.accounts import roles
from chatapi.accounts.models import Role, Token, TokenStatus, User
from chatapi.accounts.people import LastRoot, set_active, set_role
from chatapi.accounts.sessions import end_sessions
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.console.models import AuditEntry
from tests.pages.conftest import make_user
from tests.pages.rows import make_channel, make_usage

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"
Browser = Callable[[User], Client]


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(settings.ENV, "GLOBAL_WEB_RATE_LIMIT", 0)


def page(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


# --- Who is seen ---


@pytest.fixture
def owners(root: User, admin: User, support: User, alice: User) -> dict[str, User]:
    """Each with a token, credit, a call and a name of his own."""
    found = {user.username: user for user in (root, admin, support, alice)}
    for number, user in enumerate(found.values()):
        create_token(user, TokenSettings(name=f"token-of-{user.username}"))
        post_entry(open_wallet(user).pk, 100, kind=LedgerKind.CREDIT, note=f"for-{user.username}")
        make_usage(number, user_id=user.pk, username=user.username, token_name="x")
    return found


@pytest.mark.parametrize(
    ("actor", "seen"),
    [
        ("root", {"root", "adele", "sue", "alice"}),
        ("adele", {"sue", "alice"}),
        ("sue", {"alice"}),
    ],
)
def test_everybody_sees_those_below(
    owners: dict[str, User], as_user: Browser, actor: str, seen: set[str]
) -> None:
    browser = as_user(owners[actor])
    marks = {
        USERS: "/admin/accounts/user/{0.pk}/change/",
        "/admin/accounts/token/": "token-of-{0.username}",
        "/admin/billing/ledgerentry/": "for-{0.username}",
        "/admin/billing/rechargelot/": "/admin/accounts/user/{0.pk}/change/",
        "/admin/billing/budget/": "/admin/accounts/user/{0.pk}/change/",
        "/admin/billing/usage/": "{0.username}</a> <span",
    }
    for path, mark in marks.items():
        html = page(browser, path)
        found = {name for name, user in owners.items() if mark.format(user) in html}
        assert found == seen, path
    export = browser.get("/admin/billing/usage/export/")
    if actor == "sue":
        assert export.status_code == 403
    else:
        text = b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]
        assert {name for name in owners if f",{name}," in text} == seen


def test_no_address_leads_to_those_above(owners: dict[str, User], as_user: Browser) -> None:
    for actor in ("adele", "sue"):
        browser = as_user(owners[actor])
        for user in (owners["root"], owners["adele"]):
            token = user.tokens.get()
            entry = LedgerEntry.objects.get(budget__user=user)
            for path in (
                f"{USERS}{user.pk}/change/",
                f"{USERS}{user.pk}/password/",
                f"{USERS}{user.pk}/role/",
                f"{USERS}{user.pk}/ban/",
                f"{USERS}{user.pk}/delete/",
                f"{USERS}{user.pk}/credit/",
                f"{USERS}{user.pk}/history/",
                f"/admin/accounts/token/{token.pk}/change/",
                f"/admin/accounts/token/{token.pk}/delete/",
                f"/admin/accounts/token/{token.pk}/history/",
                f"/admin/billing/budget/{entry.budget_id}/change/",
                f"/admin/billing/ledgerentry/{entry.pk}/change/",
            ):
                assert browser.get(path).status_code in {403, 404}, path
                assert browser.post(path, {"role": "100"}).status_code in {403, 404}, path
        query = {"app_label": "accounts", "model_name": "token", "field_name": "user", "term": ""}
        answer = browser.get("/admin/autocomplete/", query)
        names = {row["text"] for row in answer.json()["results"]} if actor == "adele" else set()
        assert not names & {"root", "adele"}


def test_no_token_is_made_for_those_above(as_user: Browser, admin: User, root: User) -> None:
    data = {"user": root.pk, "name": "stolen", "status": "1", "limit_usd": "1"}
    answer = as_user(admin).post("/admin/accounts/token/add/", data)
    assert "user" in answer.context["adminform"].form.errors
    assert not Token.objects.exists()


def test_actions_reach_nobody_above(as_user: Browser, admin: User, root: User, alice: User) -> None:
    data = {"action": "ban", "_selected_action": [root.pk, admin.pk, alice.pk]}
    as_user(admin).post(USERS, data)
    assert list(User.objects.filter(is_active=False)) == [alice]


# --- What may be done ---


def test_support_changes_nothing(as_user: Browser, support: User, alice: User) -> None:
    made = create_token(alice, TokenSettings(name="laptop"))
    channel = make_channel(1)
    browser = as_user(support)
    attempts: list[tuple[str, dict[str, Any]]] = [
        (f"{USERS}add/", {"username": "x"}),
        (f"{USERS}{alice.pk}/change/", {"username": "x"}),
        (f"{USERS}{alice.pk}/credit/", {"amount": "5"}),
        (f"{USERS}{alice.pk}/ban/", {}),
        (f"{USERS}{alice.pk}/password/", {"password1": "x", "password2": "x"}),
        (f"/admin/accounts/token/{made.token.pk}/delete/", {"post": "yes"}),
        (f"/admin/channels_app/channel/{channel.pk}/change/", {"name": "x"}),
        (f"/admin/channels_app/channel/{channel.pk}/test/", {}),
        ("/admin/channels_app/channel/test/", {}),
        ("/admin/channels_app/channel/delete-disabled/", {}),
        ("/admin/constance/config/", {"SystemName": "x"}),
    ]
    for path, data in attempts:
        assert browser.post(path, data).status_code == 403, path
    browser.post(USERS, {"action": "ban", "_selected_action": [alice.pk]})
    data = {"action": "disable", "_selected_action": [made.token.pk]}
    browser.post("/admin/accounts/token/", data)
    browser.post("/admin/channels_app/channel/", {**data, "_selected_action": [channel.pk]})
    made.token.refresh_from_db()
    channel.refresh_from_db()
    assert made.token.status == TokenStatus.ENABLED
    assert channel.status == 1
    assert list(User.objects.filter(is_active=False)) == []


def test_support_sees_no_secrets(as_user: Browser, support: User) -> None:
    channel = make_channel(1)
    channel.headers = {"X-Secret": "planted"}
    channel.system_prompt, channel.notes = "planted", "planted"
    channel.overrides = {"planted": 1}
    channel.save()
    html = page(as_user(support), f"/admin/channels_app/channel/{channel.pk}/change/")
    assert "planted" not in html
    assert "0001" not in html
    assert "channel1" in html


def test_support_finds_nothing_by_what_is_hidden(as_user: Browser, support: User) -> None:
    channel = make_channel(1)
    channel.notes, channel.settings = "planted", {"planted": "planted"}
    channel.save()
    browser = as_user(support)
    assert "channel1" not in page(browser, "/admin/channels_app/channel/?q=planted")
    assert "channel1" in page(browser, "/admin/channels_app/channel/?q=channel1")
    answer = browser.get(f"/api/channel/{channel.pk}").content.decode()
    assert "channel1" in answer
    assert "planted" not in answer


@pytest.mark.parametrize(
    "query",
    [
        "headers__icontains=pl",
        "system_prompt__startswith=p",
        "notes__regex=(p%2B)%2B",
        "overrides__planted=1",
        "key_sealed__startswith=a",
        "headers__isnull=0",
    ],
)
def test_hidden_columns_can_not_be_guessed(as_user: Browser, support: User, query: str) -> None:
    """Whether a list is empty would tell letter after letter."""
    make_channel(1)
    assert as_user(support).get(f"/admin/channels_app/channel/?{query}").status_code == 400


def test_options_are_roots_affair(as_user: Browser, admin: User, console: Client) -> None:
    browser = as_user(admin)
    for path in ("/admin/constance/config/", "/admin/constance/config/history/"):
        assert browser.get(path).status_code == 403
        assert console.get(path).status_code == 200
    assert "constance" not in page(browser, "/admin/")


def test_an_administrator_does_the_daily_work(as_user: Browser, admin: User, alice: User) -> None:
    browser = as_user(admin)
    for path in ("channels_app/channel/", "billing/price/", "accounts/group/", "accounts/user/"):
        assert page(browser, f"/admin/{path}add/")
    data = {"username": "alice", "email": "a@example.com", "group": "default", "role": "100"}
    assert browser.post(f"{USERS}{alice.pk}/change/", data).status_code == 302
    alice.refresh_from_db()
    assert (alice.email, alice.role) == ("a@example.com", Role.COMMON)
    assert browser.get(f"{USERS}{alice.pk}/role/").status_code == 403
    assert browser.post(f"{USERS}{alice.pk}/role/", {"role": "10"}).status_code == 403


def test_a_model_that_nobody_thought_of_is_roots(root: User, admin: User) -> None:
    for verb in ("view", "add", "change", "delete"):
        assert roles.may_open(root, "new.Model", verb)
        assert not roles.may_open(admin, "new.Model", verb)


# --- Roles, bans, deletion ---


def test_root_promotes_and_demotes(console: Client, alice: User) -> None:
    path = f"{USERS}{alice.pk}/role/"
    assert "Role" in page(console, f"{USERS}{alice.pk}/change/")
    assert page(console, path)
    console.post(path, {"role": "10"})
    alice.refresh_from_db()
    assert (alice.role, alice.is_superuser) == (Role.ADMIN, False)
    entry = AuditEntry.objects.get(action="user.role")
    assert (entry.actor_name, entry.object_id) == ("root", str(alice.pk))
    assert (entry.before, entry.after) == ({"role": "common"}, {"role": "admin"})
    console.post(path, {"role": "1"})
    alice.refresh_from_db()
    assert alice.role == Role.COMMON
    assert not alice.is_staff


@pytest.mark.parametrize("role", ["7", "", "-1", "1000", "x"])
def test_a_role_that_is_none_is_refused(console: Client, alice: User, role: str) -> None:
    assert console.post(f"{USERS}{alice.pk}/role/", {"role": role}).status_code == 200
    alice.refresh_from_db()
    assert alice.role == Role.COMMON


def test_nobody_changes_the_own_role_or_shuts_himself_out(console: Client, root: User) -> None:
    make_user("second", Role.ROOT)
    for act in ("role", "ban", "delete"):
        assert console.get(f"{USERS}{root.pk}/{act}/").status_code == 403
        assert console.post(f"{USERS}{root.pk}/{act}/", {"role": "1"}).status_code == 403
    root.refresh_from_db()
    assert (root.role, root.is_active) == (Role.ROOT, True)


def test_the_last_root_stays(root: User) -> None:
    other = make_user("second", Role.ROOT)
    set_role(root, Role.ADMIN)
    with pytest.raises(LastRoot):
        set_role(other, Role.ADMIN)
    with pytest.raises(LastRoot):
        set_active(other, active=False)
    other.refresh_from_db()
    assert (other.role, other.is_active) == (Role.ROOT, True)


def test_a_ban_is_asked_for_and_written_down(console: Client, alice: User) -> None:
    path = f"{USERS}{alice.pk}/ban/"
    assert "Ban" in page(console, path)
    console.post(path)
    assert not User.objects.get(pk=alice.pk).is_active
    assert "Let in again" in page(console, path)
    console.post(path)
    assert User.objects.get(pk=alice.pk).is_active
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")][-2:] == [
        "user.ban",
        "user.let_in",
    ]


def test_a_deleted_user_leaves_only_the_books(console: Client, alice: User) -> None:
    alice.email = "alice@example.com"
    alice.save()
    made = create_token(alice, TokenSettings(name="laptop"))
    post_entry(open_wallet(alice).pk, 100, kind=LedgerKind.CREDIT)
    path = f"{USERS}{alice.pk}/delete/"
    assert page(console, path)
    assert console.post(path).status_code == 302
    alice.refresh_from_db()
    made.token.refresh_from_db()
    assert (alice.is_active, alice.email, alice.has_usable_password()) == (False, "", False)
    assert alice.deleted_at is not None
    assert made.token.status == TokenStatus.DISABLED
    assert LedgerEntry.objects.filter(budget__user=alice).exists()
    assert console.post(path).status_code == 404
    console.post(f"{USERS}{alice.pk}/ban/")
    alice.refresh_from_db()
    assert not alice.is_active
    assert "alice" in page(console, f"{USERS}?state=deleted")
    assert "alice" not in page(console, f"{USERS}?state=active")


# --- Sessions ---


@pytest.mark.parametrize("change", ["ban", "role", "password", "plain"])
def test_sessions_end_at_once(alice: User, as_user: Browser, change: str) -> None:
    make_user("root", Role.ROOT)
    set_role(alice, Role.ADMIN)
    first, second = as_user(alice), as_user(alice)
    other = as_user(make_user("bob", Role.ADMIN))
    assert first.get("/admin/").status_code == 200
    if change == "ban":
        set_active(alice, active=False)
        set_active(alice, active=True)
    elif change == "role":
        set_role(alice, Role.ROOT)
    elif change == "password":
        alice.set_password("Another-Horse-9")
        alice.save()
    else:
        end_sessions(alice)
    for browser in (first, second):
        assert browser.get("/admin/").status_code == 302
        assert "_auth_user_id" not in browser.session
    assert other.get("/admin/").status_code == 200


def test_one_session_may_be_kept(root: User, as_user: Browser) -> None:
    mine, other = as_user(root), as_user(root)
    end_sessions(root, keep=str(mine.session.session_key))
    assert mine.get("/admin/").status_code == 200
    assert other.get("/admin/").status_code == 302


def test_nobody_elses_session_is_kept(root: User, alice: User, as_user: Browser) -> None:
    theirs, mine = as_user(alice), as_user(root)
    end_sessions(root, keep=str(theirs.session.session_key))
    assert mine.get("/admin/").status_code == 302
    assert theirs.session["_auth_user_id"] == str(alice.pk)

"""The user's own tokens in the pages: made, found, changed, switched, deleted; nobody else's."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from billing.ledger import balance_units, set_token_limit
from billing.models import Budget, TokenRenewal
from channels_app.models import Channel
from chatapi.accounts.models import Group, Token, TokenStatus, User
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.lib.ids import hash_key
from relay.callers import read_caller, start_validity
from tests.pages.user_site import XSS

pytestmark = pytest.mark.django_db
FORM: dict[str, Any] = {"name": "laptop", "count": "1", "expiry": "never", "valid_unit": "days"}


@pytest.fixture
def browser(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


def make(browser: Client, **more: Any) -> Any:
    return browser.post("/token/new", FORM | more)


def edit(browser: Client, token: Token, **more: Any) -> Any:
    form = {name: value for name, value in FORM.items() if name != "count"}
    return browser.post(f"/token/{token.pk}", form | more)


def keys_in(answer: HttpResponse) -> list[str]:
    found = re.search(r'id="new-key"[^>]*>(.*?)<', answer.content.decode(), re.DOTALL)
    assert found
    return found[1].split()


def token_of(user: User, **more: Any) -> Token:
    return create_token(user, TokenSettings(name="old", is_unlimited=True, **more)).token


def mistakes(answer: HttpResponse) -> str:
    assert answer.status_code == 200
    text = " ".join(re.findall(r'<ul class="errors.*?</ul>', answer.content.decode(), re.DOTALL))
    assert text
    return text


# --- Make ---


def test_the_new_key_works_and_is_shown_once(browser: Client, alice: User) -> None:
    answer = make(browser)
    (key,) = keys_in(answer)
    assert "no-store" in answer["Cache-Control"]
    caller = read_caller(hash_key(key.removeprefix("sk-")))
    assert caller is not None
    assert (caller.user_id, caller.token_name, caller.limit_id) == (alice.pk, "laptop", None)
    assert key not in browser.get("/token").content.decode()


def test_a_hundred_at_once(browser: Client, alice: User) -> None:
    keys = keys_in(make(browser, count="100", limit_usd="0.5"))
    assert len(set(keys)) == 100
    assert Budget.objects.filter(user=alice, token__isnull=False, remaining=250_000).count() == 100
    assert Token.objects.filter(name="laptop-100").exists()


@pytest.mark.parametrize("count", ["0", "101", "-1", "x", "1e3", ""])
def test_so_many_are_refused(browser: Client, count: str) -> None:
    mistakes(make(browser, count=count))
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    "limit", ["-1", "1e400", "NaN", "Infinity", "99999999999999999999", "x", "1" * 5000]
)
def test_limits_that_are_none(browser: Client, limit: str) -> None:
    mistakes(make(browser, limit_usd=limit))
    assert not Token.objects.exists()


def test_all_that_one_may_decide(browser: Client, alice: User) -> None:
    Channel.objects.create(name="c", kind=1, models_text="gpt-4o, o4-mini")
    make(
        browser,
        limit_usd="2.50",
        is_billed_by_call="1",
        models=["gpt-4o"],
        more_models="claude-*, claude-*\nmy-model",
        networks_text="10.0.0.0/8\n203.0.113.7",
        concurrency="3",
        suffix_text="the end",
    )
    token = Token.objects.get()
    assert token.models_allowed == ("gpt-4o", "claude-*", "my-model")
    assert token.is_billed_by_call
    assert (token.concurrency, token.suffix_text) == (3, "the end")
    assert balance_units(token.budget.pk) == 1_250_000


@pytest.mark.parametrize("text", ["10.0.0.0/33", "example.com", "10.0.0.1, ::zz", XSS])
def test_ranges_that_are_none_are_named(browser: Client, text: str) -> None:
    told = mistakes(make(browser, networks_text=text))
    assert "neither an address nor a network" in told
    assert XSS not in told
    assert not Token.objects.exists()


def test_a_model_that_the_group_does_not_serve_can_not_be_ticked(browser: Client) -> None:
    assert "secret-model" in mistakes(make(browser, models=["secret-model"]))
    assert not Token.objects.exists()


# --- Limits that renew, and of a minute ---


def test_a_limit_that_renews_is_made_shown_and_changed(browser: Client, alice: User) -> None:
    make(browser, limit_usd="5", renews="daily", requests_per_minute="60")
    token = Token.objects.get()
    assert (token.requests_per_minute, token.renewal.renews) == (60, "daily")
    assert token.renewal.units == 2_500_000
    assert "each day" in browser.get("/token").content.decode()
    shown = {"initial-limit_usd": "5", "limit_usd": "5", "renew_usd": "5"}
    edit(browser, token, **shown, renews="monthly", requests_per_minute="")
    token = Token.objects.get()
    assert (token.requests_per_minute, token.renewal.renews) == (None, "monthly")
    edit(browser, token, limit_usd="1", renews="monthly", renew_usd="7.5")
    token = Token.objects.get()
    assert (balance_units(token.budget.pk), token.renewal.units) == (500_000, 3_750_000)
    edit(browser, token, **{"initial-limit_usd": "1"}, limit_usd="", renews="never")
    assert Token.objects.get().is_unlimited
    assert not TokenRenewal.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"renews": "daily"},
        {"renews": "daily", "limit_usd": "0"},
        {"renews": "daily", "limit_usd": "1", "renew_usd": "0.0000001"},
        {"renews": "daily", "limit_usd": "1", "renew_usd": "-1"},
        {"renews": "daily", "limit_usd": "1", "renew_usd": "99999999999999999"},
        {"renews": "hourly", "limit_usd": "1"},
        {"requests_per_minute": "-1"},
        {"requests_per_minute": str(2**31)},
        {"requests_per_minute": "1e3"},
    ],
)
def test_renewals_that_are_none(browser: Client, wrong: dict[str, str]) -> None:
    mistakes(make(browser, **wrong))
    assert not Token.objects.exists()


# --- Validity ---


def test_until_a_date_of_the_viewers_zone(browser: Client) -> None:
    browser.cookies["timezone"] = "Asia/Shanghai"
    make(browser, expiry="date", expires_on="2099-01-02T03:04")
    assert Token.objects.get().expires_at == datetime(2099, 1, 1, 19, 4, tzinfo=UTC)


def test_for_some_time_from_now(browser: Client) -> None:
    make(browser, expiry="created", valid_for="2", valid_unit="hours")
    token = Token.objects.get()
    assert token.expires_at is not None
    left = token.expires_at - timezone.now()
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    assert token.valid_seconds is None


def test_for_some_time_from_the_first_call(browser: Client) -> None:
    make(browser, expiry="first", valid_for="30", valid_unit="days")
    token = Token.objects.get()
    assert (token.expires_at, token.valid_seconds) == (None, 30 * 86400)
    assert "30 days from its first call" in browser.get("/token").content.decode()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"valid_for": "-5", "valid_unit": "years"}, (None, None)),
        ({"expires_on": "nonsense"}, (None, None)),
        ({"expiry": "first", "valid_for": "2", "expires_on": "nonsense"}, (None, 172800)),
    ],
)
def test_what_a_hidden_field_holds_is_no_mistake(
    browser: Client, alice: User, more: dict[str, str], expected: tuple[Any, Any]
) -> None:
    make(browser, **more)
    token = Token.objects.get(user=alice)
    assert (token.expires_at, token.valid_seconds) == expected


@pytest.mark.parametrize(
    "end",
    [
        {"expiry": "date"},
        {"expiry": "date", "expires_on": "2001-01-01T00:00"},
        {"expiry": "date", "expires_on": "99999-01-01T00:00"},
        {"expiry": "created"},
        {"expiry": "first", "valid_for": "0"},
        {"expiry": "first", "valid_for": "36601"},
        {"expiry": "first", "valid_for": "9" * 400},
        {"expiry": "created", "valid_for": "1", "valid_unit": "years"},
        {"expiry": "sometime"},
    ],
)
def test_ends_that_make_no_sense(browser: Client, end: dict[str, str]) -> None:
    mistakes(make(browser, **end))
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    ("zone", "moment"),
    [("Asia/Shanghai", "0001-01-01T00:00"), ("America/Los_Angeles", "9999-12-31T23:59")],
)
def test_times_that_no_calendar_has_are_none(browser: Client, zone: str, moment: str) -> None:
    browser.cookies["timezone"] = zone
    assert "valid date" in mistakes(make(browser, expiry="date", expires_on=moment))
    assert browser.get("/log", {"start": moment, "end": moment}).status_code == 200


def test_a_time_from_the_first_call_begins_anew(browser: Client, alice: User) -> None:
    token = token_of(alice, valid_seconds=60)
    start_validity(token.pk)
    Token.objects.update(status=TokenStatus.EXPIRED, expires_at=timezone.now())
    edit(browser, token, expiry="first", valid_for="1")
    token.refresh_from_db()
    assert (token.first_used_at, token.expires_at, token.valid_seconds) == (None, None, 86400)
    assert token.status == TokenStatus.ENABLED


def test_an_end_that_stays_is_not_cut_to_the_minute(browser: Client, alice: User) -> None:
    end = timezone.now().replace(second=42, microsecond=123) + timedelta(days=1)
    token = token_of(alice, expires_at=end)
    edit(browser, token, expiry="date", expires_on=f"{end:%Y-%m-%dT%H:%M}")
    token.refresh_from_db()
    assert token.expires_at == end


# --- Change ---


def test_a_limit_that_was_not_touched_gives_nothing_back(browser: Client, alice: User) -> None:
    token = token_of(alice)
    budget = set_token_limit(token, 500_000)
    page = browser.get(f"/token/{token.pk}").content.decode()
    shown = re.search(r'name="initial-limit_usd" value="([^"]*)"', page)
    assert shown
    Budget.objects.filter(pk=budget.pk).update(remaining=100_000)  # calls spent it meanwhile
    given = {"limit_usd": shown[1], "initial-limit_usd": shown[1]}
    assert edit(browser, token, name="new name", **given).status_code == 302
    assert balance_units(budget.pk) == 100_000
    edit(browser, token, limit_usd="3", **{"initial-limit_usd": shown[1]})
    assert balance_units(budget.pk) == 1_500_000
    edit(browser, token, limit_usd="", **{"initial-limit_usd": "3"})
    token.refresh_from_db()
    assert token.is_unlimited


def test_a_change_leaves_counters_alone(browser: Client, alice: User) -> None:
    token = token_of(alice)
    Token.objects.update(used_units=77, used_count=7)
    edit(browser, token, name="renamed")
    token.refresh_from_db()
    assert (token.name, token.used_units, token.used_count) == ("renamed", 77, 7)


def test_on_and_off(browser: Client, alice: User) -> None:
    token = token_of(alice)
    browser.post(f"/token/{token.pk}/status", {"status": "0", "query": "q=x"})
    token.refresh_from_db()
    assert token.status == TokenStatus.DISABLED
    answer = browser.post(f"/token/{token.pk}/status", {"status": "1", "query": "q=x"})
    assert answer["Location"] == "/token?q=x"
    token.refresh_from_db()
    assert token.status == TokenStatus.ENABLED


def test_an_expired_token_is_not_enabled(browser: Client, alice: User) -> None:
    token = token_of(alice, expires_at=timezone.now() - timedelta(days=1))
    Token.objects.update(status=TokenStatus.EXPIRED)
    browser.post(f"/token/{token.pk}/status", {"status": "1"})
    token.refresh_from_db()
    assert token.status == TokenStatus.EXPIRED
    assert "has expired" in browser.get("/token").content.decode()


def test_groups_that_are_open_can_be_chosen(
    browser: Client, root: User, support: User, as_user: Callable[[User], Client]
) -> None:
    Group.objects.filter(name="vip").update(label="VIP", ratio="0.8")
    Group.objects.create(name="inner", is_selectable=False)
    from constance import config  # noqa: PLC0415 -- needs the app registry

    config.UserGroupEnabled = True
    page = browser.get("/token/new").content.decode()
    assert "VIP · ×0.8" in page
    assert 'value="inner"' not in page
    # Support is staff, and chooses as users do.
    assert 'value="inner"' not in as_user(support).get("/token/new").content.decode()
    assert 'value="inner"' in as_user(root).get("/token/new").content.decode()
    mistakes(make(browser, group="inner"))
    make(browser, group="vip")
    assert Token.objects.get().group == "vip"


# --- Others' ---


def test_tokens_of_others_do_not_exist(browser: Client, admin: User) -> None:
    theirs = token_of(admin)
    assert browser.get(f"/token/{theirs.pk}").status_code == 404
    assert edit(browser, theirs, name="mine").status_code == 404
    assert browser.post(f"/token/{theirs.pk}/status", {"status": "0"}).status_code == 404
    browser.post("/token/selected", {"token": [theirs.pk]})
    theirs.refresh_from_db()
    assert (theirs.name, theirs.status) == ("old", TokenStatus.ENABLED)
    assert theirs.key_hint not in browser.get("/token").content.decode()
    assert (
        "No token has this name or key"
        in browser.get(f"/token?q={theirs.key_hint}").content.decode()
    )


def test_the_selected_are_deleted(browser: Client, alice: User, admin: User) -> None:
    mine, kept, theirs = token_of(alice), token_of(alice), token_of(admin)
    browser.post("/token/selected", {"token": [mine.pk, theirs.pk, "x", "9" * 30]})
    assert set(Token.objects.values_list("pk", flat=True)) == {kept.pk, theirs.pk}
    assert read_caller(mine.key_hash) is None


@pytest.mark.parametrize("path", ["/token", "/token/new", "/token/1"])
def test_strangers_sign_in_first(client: Client, path: str) -> None:
    assert client.get(path).status_code == 302


@pytest.mark.parametrize("path", ["/token/1/status", "/token/selected"])
def test_nothing_happens_by_following_a_link(browser: Client, path: str) -> None:
    assert browser.get(path).status_code == 405


# --- The list ---


def test_texts_are_texts(browser: Client, alice: User) -> None:
    token = token_of(alice)
    edit(browser, token, name=XSS, suffix_text=XSS, more_models=XSS)
    for path in ("/token", f"/token/{token.pk}"):
        page = browser.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("word", ["lap", "LAP", "%", "_", "'", "\x00", "x" * 5000])
def test_any_word_can_be_looked_for(browser: Client, alice: User, word: str) -> None:
    create_token(alice, TokenSettings(name="laptop", is_unlimited=True))
    page = browser.get("/token", {"q": word}).content.decode()
    assert ("laptop" in page) is (word.lower().strip("\x00") in "laptop")


def test_a_whole_key_is_found(browser: Client, alice: User) -> None:
    made = create_token(alice, TokenSettings(name="laptop", is_unlimited=True))
    assert "laptop" in browser.get("/token", {"q": made.key}).content.decode()


def test_where_one_goes_back_to_is_the_list(browser: Client, alice: User) -> None:
    token = token_of(alice)
    for query in ("\r\nSet-Cookie: a=b", " https://evil.example", "//evil.example"):
        answer = browser.post(f"/token/{token.pk}/status", {"status": "0", "query": query})
        assert answer["Location"].startswith("/token")
        assert "\n" not in answer["Location"]


def test_queries_do_not_grow_with_tokens(
    browser: Client, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser.get("/token")
    for count in (1, 2):
        for _number in range(count):
            set_token_limit(token_of(alice), 1000)
        with django_assert_num_queries(5):
            page = browser.get("/token").content.decode()
        assert all(token.key_hint in page for token in Token.objects.all())

"""Options, prices and groups in the console, and its first page."""

from decimal import Decimal
from typing import Any

import pytest
from constance import config
from django.test import Client

from billing.models import Price
from billing.models.price import PriceOrigin
from chatapi.accounts.models import Group
from chatapi.console.models import AuditEntry
from chatapi.options.guards import find_missing
from chatapi.options.models import Change
from chatapi.options.registry import OPTION_FIELDSETS, OPTIONS
from chatapi.options.snapshot import read_values
from tests.pages.rows import make_channel, make_token, make_usage

pytestmark = pytest.mark.django_db
OPTIONS_PAGE = "/admin/constance/config/"


def options_form(console: Client, tab: str, **changes: object) -> dict[str, Any]:
    """What a browser would send of a tab, with some fields filled in otherwise."""
    tabs = console.get(OPTIONS_PAGE).context["tabs"]
    form = next(entry["form"] for entry in tabs if entry["slug"] == tab)
    values = {name: form.initial.get(name) for name in form.fields}
    kept = {name: value for name, value in (values | changes).items() if value is not False}
    sent = {name: "on" if value is True else value for name, value in kept.items()}
    return sent | {"tab": tab}


def test_every_option_is_on_the_page(console: Client) -> None:
    page = console.get(OPTIONS_PAGE).content.decode()
    assert {name for names in OPTION_FIELDSETS.values() for name in names} == set(OPTIONS)
    for name in OPTIONS:
        assert f'name="{name}"' in page


def test_tabs_keep_their_order_and_speak_chinese(console: Client) -> None:
    page = console.get(OPTIONS_PAGE, headers={"accept-language": "zh"}).content.decode()
    places = [page.index(f">{title}</h2>") for title in ("站点", "价格", "额度", "调用", "令牌")]
    assert places == sorted(places)


def test_a_changed_option_is_stored_published_and_recorded(console: Client) -> None:
    answer = console.post(OPTIONS_PAGE, options_form(console, "calls", RetryTimes=7))
    assert (answer.status_code, answer["Location"]) == (302, "#calls")
    console.post(OPTIONS_PAGE, options_form(console, "credit", ChargeCutAnswers=False))
    values = read_values()
    assert (values["RetryTimes"], values["ChargeCutAnswers"]) == (7, False)
    assert ("option", "RetryTimes") in Change.objects.values_list("topic", "key")
    first = AuditEntry.objects.order_by("pk")[0]
    assert (first.action, first.actor_name) == ("options.change", "root")
    assert (first.before, first.after) == ({"RetryTimes": 3}, {"RetryTimes": 7})
    history = console.get(f"{OPTIONS_PAGE}history/").content.decode()
    assert "<ins>7</ins>" in history


@pytest.mark.parametrize(
    ("tab", "name", "value"),
    [
        ("prices", "QuotaPerUnit", 0),
        ("calls", "RetryTimes", -1),
        ("calls", "RetryTimes", "9" * 400),
        ("prices", "UnpricedModelRatio", "NaN"),
        ("site", "ServerAddress", "javascript:alert(1)"),
        ("site", "ServerAddress", "https://x.example/?a=1"),
        ("site", "Logo", "//evil.example/x.png"),
        ("site", "SystemName", ""),
        ("site", "SystemName", "x" * 61),
        ("site", "HeadHtml", "<script>alert(1)</script>"),
    ],
)
def test_a_wrong_option_is_told_and_nothing_saved(
    console: Client, tab: str, name: str, value: object
) -> None:
    answer = console.post(OPTIONS_PAGE, options_form(console, tab, **{name: value}))
    assert answer.status_code == 200
    assert name in answer.context["sent"].errors
    assert not AuditEntry.objects.exists()


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(console: Client) -> None:
    mine = options_form(console, "calls", RetryTimes=7)
    config.RetryTimes = 5
    answer = console.post(OPTIONS_PAGE, mine)
    assert "Somebody else changed" in answer.content.decode()
    assert read_values()["RetryTimes"] == 5
    again = answer.context["sent"].data
    assert console.post(OPTIONS_PAGE, again).status_code == 302
    assert read_values()["RetryTimes"] == 7


def test_a_hostile_text_is_shown_as_text(console: Client) -> None:
    hostile = "</textarea><script>alert(1)</script>"
    console.post(OPTIONS_PAGE, options_form(console, "site", Notice=hostile))
    assert read_values()["Notice"] == hostile
    for path in (OPTIONS_PAGE, f"{OPTIONS_PAGE}history/"):
        assert "<script>alert" not in console.get(path).content.decode()


def test_a_switch_is_refused_while_something_is_missing() -> None:
    values = {"GitHubOAuthEnabled": True, "GitHubClientId": "x", "GitHubClientSecret": ""}
    assert [name for name, _ in find_missing(values)] == ["GitHubOAuthEnabled"]
    assert list(find_missing(values | {"GitHubClientSecret": "sealed"})) == []
    assert list(find_missing(values | {"GitHubOAuthEnabled": False})) == []


# --- Prices and groups ---


def test_a_changed_price_is_the_operators(console: Client) -> None:
    price = Price.objects.create(model="m", input=1, output=2, origin=PriceOrigin.LIST)
    path = f"/admin/billing/price/{price.pk}/change/"
    page = console.get(path).content.decode()
    assert 'name="input" value="1"' in page
    console.post(path, {"model": "m", "input": "1.25", "output": "2"})
    price.refresh_from_db()
    assert (price.input, price.origin) == (Decimal("1.25"), PriceOrigin.OPERATOR)
    assert ("price", str(price.pk)) in Change.objects.values_list("topic", "key")


def test_a_price_that_was_only_looked_at_keeps_its_origin(console: Client) -> None:
    price = Price.objects.create(model="m", input=1, output=2, origin=PriceOrigin.LIST)
    data = {"model": "m", "input": "1", "output": "2"}
    console.post(f"/admin/billing/price/{price.pk}/change/", data)
    price.refresh_from_db()
    assert price.origin == PriceOrigin.LIST


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity", "1e20", "x"])
def test_an_absurd_price_is_refused(console: Client, value: str) -> None:
    answer = console.post("/admin/billing/price/add/", {"model": "m", "input": value})
    assert list(answer.context["adminform"].form.errors) == ["input"]


def test_a_group_keeps_its_name_and_the_default_one_stays(console: Client) -> None:
    group = Group.objects.get(name="default")
    path = f"/admin/accounts/group/{group.pk}/"
    data = {"name": "other", "label": "Everybody", "ratio": "1.5", "is_selectable": "on"}
    console.post(f"{path}change/", data)
    group.refresh_from_db()
    assert (group.name, group.label, group.ratio) == ("default", "Everybody", Decimal("1.5"))
    assert console.post(f"{path}delete/", {"post": "yes"}).status_code == 403


# --- The first page ---


def test_the_first_steps_are_shown_until_they_are_done(console: Client) -> None:
    page = console.get("/admin/").content.decode()
    assert "First steps" in page
    assert page.count('class="is-done"') == 0
    make_channel(1)
    assert console.get("/admin/").content.decode().count('class="is-done"') == 1
    make_token(1)
    make_usage(1)
    assert "First steps" not in console.get("/admin/").content.decode()


def test_the_menu_stands_in_its_order(console: Client) -> None:
    page = console.get("/admin/channels_app/channel/").content.decode()
    names = ("Channels", "Prices", "Groups", "Users", "Tokens", "Usage", "Ledger", "Options")
    sidebar = page[page.index('id="nav-sidebar"') :]
    places = [sidebar.index(f">{name}</a>") for name in names]
    assert places == sorted(places)
    assert "More" not in sidebar.split("</nav>")[0]

"""What stands around each page of the console: where one is, and what is asked before deleting."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from chatapi.accounts.models import User
from tests.pages.rows import make_channel

pytestmark = pytest.mark.django_db


def trail(console: Client, path: str) -> list[str]:
    page = console.get(path).content.decode()
    found = re.search(r'<div class="breadcrumbs">(.*?)</div>', page, re.DOTALL)
    assert found
    return [" ".join(re.sub(r"<[^>]+>", "", part).split()) for part in found[1].split("\u203a")]


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("channels_app_channel_changelist", ["Upstream", "Channels"]),
        ("billing_price_changelist", ["Upstream", "Prices"]),
        ("billing_usage_changelist", ["Calls", "Usage"]),
        ("billing_worker_changelist", ["System", "Nodes and workers"]),
        ("constance_config_changelist", ["System", "Options"]),
        ("constance_config_history", ["System", "Options", "History of the options"]),
        ("console_taskrun_changelist", ["System", "Tasks"]),
        ("billing_price_calculator", ["Upstream", "Prices", "Calculator"]),
        ("accounts_token_add", ["People", "Tokens", "Add token"]),
        ("password_change", ["Password change"]),
    ],
)
def test_the_trail_names_the_group_of_the_menu(
    console: Client, page: str, names: list[str]
) -> None:
    assert trail(console, reverse(f"admin:{page}")) == ["Home", *names]


def test_the_trail_leads_back_from_an_act_to_its_row(console: Client, alice: User) -> None:
    way = ["Home", "People", "Users", "alice"]
    assert trail(console, f"/admin/accounts/user/{alice.pk}/change/") == way
    assert trail(console, f"/admin/accounts/user/{alice.pk}/credit/") == [*way, "Give credit"]
    page = console.get(f"/admin/accounts/user/{alice.pk}/credit/").content.decode()
    assert f'href="/admin/accounts/user/{alice.pk}/change/">alice</a>' in page


def test_apps_have_no_pages_of_their_own(console: Client) -> None:
    assert console.get("/admin/channels_app/").headers["location"] == "/admin/"


def test_before_a_row_is_deleted_its_page_says_what_stays(console: Client) -> None:
    channel = make_channel(1)
    place = f"/admin/channels_app/channel/{channel.pk}/"
    page = console.get(f"{place}delete/").content.decode()
    assert f"Delete {channel}" in page
    assert "Its calls stay in the log." in page
    assert f'class="closelink" href="{place}change/"' in page
    console.post(f"{place}delete/", {"post": "yes"})
    assert console.get(f"{place}change/").status_code == 404

"""The frame of the users' pages: menu, balance, who may come in."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest
from django.test import Client
from django.utils.translation import override

from billing.ledger import open_wallet, post_entry
from billing.models import LedgerKind
from chatapi.accounts.models import Role, User
from chatapi.web.pages.menu import arrange_menu, is_below
from chatapi.web.pages.paging import read_page
from notifications.events import FACTS

pytestmark = pytest.mark.django_db


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    answer = client.get("/dashboard")
    assert answer.status_code == 302
    assert "login" in answer["Location"]
    assert answer["Location"].endswith("next=/dashboard")


def test_the_frame_shows_the_balance_and_where_one_is(
    alice: User, as_user: Callable[[User], Client]
) -> None:
    post_entry(open_wallet(alice).pk, 2_617_500, kind=LedgerKind.CREDIT)
    page = as_user(alice).get("/dashboard").content.decode()
    assert '<span class="money" title="2,617,500 units">$5.24</span>' in page
    assert 'href="/dashboard" aria-current="page"' in page


def test_the_menu_knows_only_pages_that_there_are(alice: User) -> None:
    links = [link for _title, links in arrange_menu(alice, {}, "/") for link in links]
    assert "/dashboard" in [link.url for link in links]
    assert all(link.url for link in links)
    assert not any(link.is_current for link in links)


def test_a_user_is_a_role_and_a_person() -> None:
    """One word in English, two in Chinese."""
    with override("zh-hans"):
        assert str(Role.COMMON.label) == "普通用户"
        assert str(FACTS["user"].label) == "用户"


@pytest.mark.parametrize(
    ("path", "is_there"), [("/token", True), ("/token/7", True), ("/tokens", False), ("/", False)]
)
def test_a_page_belongs_to_the_entry_above_it(path: str, *, is_there: bool) -> None:
    assert is_below(path, "/token") is is_there


def test_a_name_is_shown_as_text(as_user: Callable[[User], Client]) -> None:
    user = User(username="<script>alert(1)</script>", group="<b>g</b>")
    user.set_unusable_password()
    user.save()
    page = as_user(user).get("/dashboard").content.decode()
    assert "<script>alert" not in page
    assert "<b>g</b>" not in page
    assert "&lt;script&gt;alert(1)" in page


# --- Paging ---


def walk(url: str) -> tuple[list[int], str, str]:
    request = HttpRequest()
    request.GET = type(request.GET)(url.lstrip("?"))
    page = read_page(request, User.objects.all(), size=2)
    return [row.pk for row in page.rows], page.older_url, page.newer_url


def test_pages_lead_there_and_back(db: None) -> None:
    users = [User.objects.create(username=f"u{number}").pk for number in range(5)]
    first, older, newer = walk("?q=x")
    assert (first, newer) == (users[:2:-1], "")
    assert older.startswith("?q=x&older=")
    second, further, back = walk(older)
    assert second == [users[2], users[1]]
    third, end, _back = walk(further)
    assert (third, end) == ([users[0]], "")
    assert walk(back)[0] == first


@pytest.mark.parametrize("place", ["x", "-1", "9" * 30, "1e9", "\uff11"])
def test_a_place_that_is_none_is_the_first_page(place: str) -> None:
    User.objects.create(username="u")
    assert len(walk(f"?older={place}")[0]) == 1


def test_an_address_for_forms_alone_says_so(alice: User, as_user: Callable[[User], Client]) -> None:
    answer = as_user(alice).get("/topup/redeem")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "open the form again" in answer.content.decode()
    assert 'href="/topup"' in answer.content.decode()

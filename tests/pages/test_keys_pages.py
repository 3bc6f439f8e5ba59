"""Keys shown again, keys looked up, drawing tasks: to whom they belong, and nobody else."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from constance import config
from django.core.cache import cache
from django.test import Client

from chatapi.accounts.models import User
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.console.models import AuditEntry
from relay.midjourney.pictures import PLACE
from relay.midjourney.signing import is_signed
from relay.models import MidjourneyTask
from tests.pages.conftest import PASSWORD
from tests.pages.user_site import XSS, add_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(alice: User, as_user: Callable[[User], Client]) -> Client:
    """Some time after signing in: the password will be asked for again."""
    client = as_user(alice)
    session = client.session
    del session["confirmed_at"]
    session.save()
    return client


def make(user: User, name: str = "laptop") -> Any:
    return create_token(user, TokenSettings(name=name, is_unlimited=True))


def confirm(browser: Client, answer: Any, path: str) -> str:
    """Gives the password on the page that asks for it."""
    page = answer.content.decode()
    carried = re.search(r'name="step_up_carried" value="([^"]+)"', page)
    assert carried, page
    given = {"step_up_carried": carried[1], "step_up_password": PASSWORD}
    return browser.post(path, given, follow=True).content.decode()


# --- Shown again ---


def test_a_kept_key_is_shown_after_the_password(browser: Client, alice: User, admin: User) -> None:
    config.TokenRevealEnabled = True
    made, theirs = make(alice), make(admin)
    path = f"/token/{made.token.pk}/key"
    first = browser.get(path)
    assert made.key not in first.content.decode()
    assert made.key in confirm(browser, first, path)
    assert AuditEntry.objects.filter(action="token.reveal").count() == 1
    assert browser.get(f"/token/{theirs.token.pk}/key").status_code == 404


def test_keys_of_the_selected_are_ones_own(browser: Client, alice: User, admin: User) -> None:
    config.TokenRevealEnabled = True
    made, other, theirs = make(alice), make(alice), make(admin)
    chosen = {"token": [one.token.pk for one in (made, other, theirs)]}
    page = confirm(browser, browser.post("/token/keys", chosen), "/token/keys")
    assert made.key in page
    assert other.key in page
    assert theirs.key not in page


def test_a_key_that_is_not_kept_can_not_be_shown(browser: Client, alice: User) -> None:
    made = make(alice)
    config.TokenRevealEnabled = True
    path = f"/token/{made.token.pk}/key"
    assert "No key of these is kept" in confirm(browser, browser.get(path), path)


# --- Looked up ---


def look_up(client: Client, key: str, **more: str) -> Any:
    return client.post("/key", {"key": key, **more})


def test_a_key_tells_of_itself_alone(client: Client, alice: User) -> None:
    made = make(alice)
    add_call(alice, 1, token_id=made.token.pk, model="own-model")
    add_call(alice, 2, token_id=made.token.pk + 1, model="other-model")
    answer = look_up(client, made.key)
    page = answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert "own-model" in page
    assert "other-model" not in page
    assert "alice" not in page
    file: Any = look_up(client, made.key, **{"as": "csv"})
    text = b"".join(file.streaming_content).decode("utf-8-sig")
    assert [row["model"] for row in csv.DictReader(io.StringIO(text))] == ["own-model"]


@pytest.mark.parametrize("key", ["sk-none", "", "x" * 5000, "\x00", XSS, "sk-"])
def test_keys_that_are_none(client: Client, key: str) -> None:
    answer = look_up(client, key)
    assert answer.status_code == 200
    assert '<ul class="errors"' in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()


def test_an_address_can_not_ask_without_end(client: Client) -> None:
    statuses = [look_up(client, f"sk-{number}").status_code for number in range(31)]
    assert statuses == [200] * 30 + [429]


def test_a_key_in_the_address_is_not_read(client: Client, alice: User) -> None:
    made = make(alice, "secret-name")
    assert "secret-name" not in client.get(f"/key?key={made.key}").content.decode()


# --- Drawing tasks ---


def draw(user: User, number: int, **more: Any) -> None:
    values = {"token_id": 1, "wallet_id": 1, "channel_id": 1, "code": 1, "mode": "FAST"}
    MidjourneyTask.objects.create(
        user_id=user.pk,
        mj_id=f"mj-{user.pk}-{number}",
        request_id=f"r-{user.pk}-{number}",
        **values | {"action": "IMAGINE", "status": "SUCCESS", "progress": "100%"} | more,
    )


def test_drawing_tasks_are_ones_own(browser: Client, alice: User, admin: User) -> None:
    draw(alice, 1, prompt=XSS, fail_reason=XSS, status=XSS[:20], progress="\uff19%")
    draw(admin, 2, prompt="their prompt")
    for query in ("", f"?q=mj-{alice.pk}-1"):
        page = browser.get(f"/mjlog{query}").content.decode()
        assert f"mj-{alice.pk}-1" in page
        assert "<script>alert" not in page
        assert "their prompt" not in page
    nothing = browser.get(f"/mjlog?q=mj-{admin.pk}-2").content.decode()
    assert "their prompt" not in nothing
    assert "No task has this id." in nothing


def test_the_menu_has_drawings_where_there_are_some(browser: Client, alice: User) -> None:
    assert "Drawing tasks" not in browser.get("/token").content.decode()
    cache.clear()
    draw(alice, 1)
    assert "Drawing tasks" in browser.get("/token").content.decode()


def test_a_picture_is_shown_through_our_own_signed_address(browser: Client, alice: User) -> None:
    draw(alice, 1, image_url="https://cdn.example.com/secret/1.png", action="SWAPFACE")
    draw(alice, 2, status="SUBMITTED", progress="0%")
    task = MidjourneyTask.objects.get(image_url__gt="")
    page = browser.get("/mjlog").content.decode()
    [source] = re.findall(r'<img\s[^>]*src="(/mj/image/[^"]+)"', page)
    path, _, signature = source.partition("?sig=")
    assert path == f"/mj/image/{task.mj_id}"
    assert is_signed(PLACE, str(task.pk), signature)
    assert "cdn.example.com" not in page
    assert [word in page for word in ("Face swap", "queued", "done")] == [True, True, True]

"""Second factors of staff: asked at the console's door and before grave acts, and demanded by an
option.
"""

import json
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from constance import config
from django.core.management import call_command
from django.test import Client

from chatapi.accounts.models import FormAttempt, Role, User
from chatapi.console.models import AuditEntry
from tests.pages.conftest import PASSWORD, make_user
from tests.pages.test_second_factor import SECRET, code_now
from tests.pages.test_step_up import ASKED, grow_stale, sealed_in, text_of

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"


@pytest.fixture
def app(root: User) -> Authenticator:
    return TOTP.activate(root, SECRET).instance


def confirm(browser: Client, path: str, **given: str) -> Any:
    sealed = sealed_in(browser.get(path))
    data = {f"step_up_{name}": value for name, value in given.items()}
    return browser.post(path, {"step_up_carried": sealed, **data})


def test_the_console_asks_for_the_code_too(client: Client, app: Authenticator) -> None:
    data = {"username": "root", "password": PASSWORD, "next": "/admin/"}
    answer = client.post("/admin/login/", data)
    assert answer["Location"] == "/login/second"
    assert client.get("/admin/")["Location"].startswith("/admin/login/")
    client.post("/login/second", {"code": code_now()})
    assert client.get("/admin/").status_code == 200
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["session.begin"]


def test_grave_acts_ask_for_password_and_code(
    console: Client, app: Authenticator, alice: User
) -> None:
    path = f"{USERS}{alice.pk}/role/"
    grow_stale(console)
    for given in (
        {"password": PASSWORD},
        {"password": PASSWORD, "code": "000000"},
        {"password": "wrong", "code": code_now()},
    ):
        assert ASKED in text_of(confirm(console, path, **given)), given
    code = code_now()
    assert confirm(console, path, password=PASSWORD, code=code).status_code == 302
    grow_stale(console)
    assert ASKED in text_of(confirm(console, path, password=PASSWORD, code=code))


def test_codes_are_counted_from_whatever_address(
    console: Client, app: Authenticator, alice: User
) -> None:
    """Together with those at sign-in."""
    path = f"/admin/accounts/user/{alice.pk}/delete/"
    grow_stale(console)
    sealed = sealed_in(console.get(path))

    def give(number: int, code: str) -> Any:
        sent = {"step_up_carried": sealed, "step_up_password": PASSWORD, "step_up_code": code}
        return console.post(path, sent, REMOTE_ADDR=f"192.0.2.{number}")

    for number in range(5):
        assert "not right" in text_of(give(number, "000000"))
    assert "not right" in text_of(give(9, code_now()))
    FormAttempt.objects.all().delete()
    assert give(9, code_now()).status_code == 302


def test_a_recovery_code_will_do_once(console: Client, app: Authenticator, alice: User) -> None:
    path = f"{USERS}{alice.pk}/role/"
    root = User.objects.get(username="root")
    code = RecoveryCodes.activate(root).get_unused_codes()[0]
    grow_stale(console)
    assert confirm(console, path, password=PASSWORD, code=code).status_code == 302
    grow_stale(console)
    assert ASKED in text_of(confirm(console, path, password=PASSWORD, code=code))


def test_the_option_sends_staff_to_set_one_up(
    console: Client, alice: User, support: User, client: Client
) -> None:
    assert console.get("/admin/").status_code == 200
    config.StaffMustUseTwoFactor = True
    for path in ("/admin/", USERS, f"{USERS}{alice.pk}/role/", "/admin/constance/config/"):
        assert console.get(path)["Location"] == "/security", path
        assert console.post(path, {"role": "10"})["Location"] == "/security", path
    assert "second factor" in console.get("/security").content.decode()
    answer = console.get("/api/user/")
    assert answer.status_code == 403
    assert console.get("/api/user/self").status_code == 200
    assert console.get("/admin/password_change/").status_code == 200
    client.force_login(alice)
    assert client.get("/dashboard").status_code == 200
    TOTP.activate(User.objects.get(username="root"), SECRET)
    assert console.get("/admin/").status_code == 200
    assert console.get("/api/user/").status_code == 200


def test_a_lost_second_factor_is_taken_away_by_command(
    console: Client, app: Authenticator, root: User
) -> None:
    RecoveryCodes.activate(root)
    out = StringIO()
    call_command("user", "remove-second-factor", "root", "--json", stdout=out)
    assert json.loads(out.getvalue())["removed"] == 2
    assert not Authenticator.objects.exists()
    assert console.get("/admin/").status_code == 302
    entry = AuditEntry.objects.get(action="second_factor.removed")
    assert (entry.actor_name, entry.object_name) == ("system", "root")


def test_support_can_be_made_by_command(db: None) -> None:
    call_command(
        "user", "create", "sam", "--role", "support", "--password", PASSWORD, stdout=StringIO()
    )
    assert User.objects.get(username="sam").role == Role.SUPPORT
    assert make_user("x", Role.SUPPORT).is_staff

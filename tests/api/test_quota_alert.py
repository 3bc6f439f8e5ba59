"""The alert of a low balance, as the old product has it."""

import re
from typing import Any

import pytest

from billing.ledger import open_wallet, post_entry
from billing.models import LedgerKind
from chatapi.accounts.models import User
from notifications.models import AlertSettings, Notice
from tests.api.conftest import Api, data_of, refusal_of

pytestmark = pytest.mark.django_db
ALERT = {"min_quota": 2, "alert_interval": 6, "enabled": True, "email": "alice@example.com"}


@pytest.fixture
def rich(alice_user: User) -> User:
    """Ten dollars."""
    post_entry(open_wallet(alice_user).pk, 5_000_000, kind=LedgerKind.CREDIT)
    return alice_user


def test_an_alert_is_set_and_read(alice: Api, bob: Api, rich: User) -> None:
    assert data_of(alice.get("user/quota_alert")) is None
    made = data_of(alice.post("user/quota_alert", ALERT))
    assert made == {
        "user_id": rich.pk,
        "min_quota": 2.0,
        "alert_interval": 6,
        "email": "",
        "enabled": True,
        "last_alert_time": 0,
    }
    assert data_of(alice.get("user/quota_alert/")) == made
    stored = AlertSettings.objects.get()
    assert (stored.user, stored.report_units, stored.is_report_on) == (rich, 1_000_000, True)
    assert data_of(bob.get("user/quota_alert")) is None
    assert "every 6 hours" in alice.client.get("/alerts").content.decode()


def test_a_limit_above_the_balance_is_refused(alice: Api, rich: User) -> None:
    assert "above" in refusal_of(alice.post("user/quota_alert", {**ALERT, "min_quota": 11}))
    data_of(alice.post("user/quota_alert", {**ALERT, "min_quota": 11, "enabled": False}))


@pytest.mark.parametrize(
    "change",
    [
        {"min_quota": 0},
        {"min_quota": -1},
        {"min_quota": 10**30},
        {"min_quota": "many"},
        {"min_quota": None},
        {"min_quota": True},
        {"alert_interval": 0},
        {"alert_interval": 10**6},
        {"enabled": "perhaps"},
        {"email": "no address"},
        {"email": {"a": 1}},
    ],
)
def test_bad_values_change_nothing(alice: Api, rich: User, change: dict[str, Any]) -> None:
    refusal_of(alice.post("user/quota_alert", {**ALERT, **change}))
    assert not AlertSettings.objects.exists()


def test_ids_and_times_of_others_are_not_taken(alice: Api, bob: Api, rich: User) -> None:
    forged = {"id": 1, "user_id": User.objects.get(username="bob").pk, "last_alert_time": 9}
    assert data_of(alice.post("user/quota_alert", {**ALERT, **forged}))["user_id"] == rich.pk
    assert AlertSettings.objects.get().reported_at is None


def test_another_address_is_confirmed_first(alice: Api, rich: User, bob: Api) -> None:
    body = {**ALERT, "email": "ops@example.com"}
    assert "on its way" in refusal_of(alice.post("user/quota_alert", body))
    assert not AlertSettings.objects.exists()
    notice = Notice.objects.get()
    code = re.fullmatch(r"\d{6}", notice.data["code"])
    assert code
    assert (notice.data["email"], notice.user) == ("ops@example.com", rich)
    wrong = f"{(int(code[0]) + 1) % 1_000_000:06d}"
    refusal_of(alice.post("user/quota_alert", {**body, "code": wrong}))
    elsewhere = {**body, "email": "eve@example.com", "code": code[0]}
    refusal_of(alice.post("user/quota_alert", elsewhere))
    refusal_of(bob.post("user/quota_alert", {**body, "enabled": False, "code": code[0]}))
    assert (
        data_of(alice.post("user/quota_alert", {**body, "code": code[0]}))["email"] == body["email"]
    )
    assert data_of(alice.post("user/quota_alert", body))["email"] == body["email"]
    assert data_of(alice.post("user/quota_alert", ALERT))["email"] == ""


def test_strangers_are_not_written_to_all_day(alice: Api, rich: User) -> None:
    texts = [
        refusal_of(alice.post("user/quota_alert", {**ALERT, "email": f"x{number}@example.com"}))
        for number in range(6)
    ]
    assert Notice.objects.count() == 5
    assert "tomorrow" in texts[-1]

"""Codes, orders, commission and withdrawals by the API."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from constance import config
from django.utils import timezone

from billing.commissions import open_commission
from billing.ledger import balance_units, open_wallet, post_entry
from billing.models import LedgerKind, Order, OrderState, RedemptionCode, Verdict, Withdrawal
from billing.payments.asking import QUERY, ask_due_orders
from billing.payments.receiving import receive
from chatapi.accounts.access_tokens import create_access_token, reset_personal_token
from chatapi.accounts.models import Role, User
from chatapi.accounts.step_up import CONFIRMED_AT
from chatapi.console.models import AuditEntry
from chatapi.options.secret_options import seal_secret
from tests.api.conftest import Api, data_of, refusal_of
from tests.harness.orders import order_of, paid, state_of

pytestmark = pytest.mark.django_db


def user_of(name: str) -> User:
    return User.objects.get(username=name)


def balance_of(name: str) -> int:
    return balance_units(open_wallet(user_of(name)).pk)


def make_codes(api: Api, **values: Any) -> list[str]:
    found: list[str] = data_of(api.post("redemption/", {"name": "gift", "quota": 700, **values}))
    return found


def test_a_code_is_redeemed_once(admin: Api, alice: Api, bob: Api) -> None:
    first, second = make_codes(admin, count=2)
    assert data_of(alice.post("user/topup", {"key": first})) == 700
    assert "already" in refusal_of(alice.post("user/topup", {"key": first}))
    assert "already" in refusal_of(bob.post("user/topup", {"key": first}))
    assert (balance_of("alice"), balance_of("bob")) == (700, 0)
    assert data_of(bob.post("user/topup/", {"key": f" {second} "})) == 700
    answers = [admin.get(path).content.decode() for path in ("redemption/", "redemption/search")]
    assert not [text for text in answers if first in text or second in text]
    assert first not in str(list(AuditEntry.objects.values()))


def test_codes_can_not_be_guessed(alice: Api) -> None:
    statuses = [alice.post("user/topup", {"key": f"{n:032x}"}).status_code for n in range(30)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_codes_are_changed_while_nobody_has_used_them(admin: Api, alice: Api) -> None:
    (text,) = make_codes(admin)
    number = RedemptionCode.objects.get().pk
    changed = data_of(admin.put("redemption/", {"id": number, "name": "new", "quota": 900}))
    assert (changed["name"], changed["quota"], changed["status"]) == ("new", 900, 1)
    body = {"id": number, "status": 2, "name": "other"}
    assert data_of(admin.put("redemption/?status_only=1", body))["name"] == "new"
    assert "disabled" in refusal_of(alice.post("user/topup", {"key": text}))
    data_of(admin.put("redemption/", {"id": number, "status": 1}))
    assert data_of(alice.post("user/topup", {"key": text})) == 900
    refusal_of(admin.put("redemption/", {"id": number, "quota": 10**6}))
    refusal_of(admin.delete(f"redemption/{number}"))
    make_codes(admin, name="other")
    other = data_of(admin.get("redemption/search?keyword=oth"))[0]["id"]
    data_of(admin.delete(f"redemption/{other}"))
    assert RedemptionCode.objects.count() == 1
    for wrong in ({"count": 1001}, {"quota": 0}, {"name": "x" * 41}, {"valid_days": -2}):
        assert (
            admin.post("redemption/", {"name": "n", "quota": 1, **wrong}).json()["success"] is False
        )


@pytest.fixture
def epay() -> None:
    config.PayAddress = "https://pay.example.com"
    config.EpayId = "1000"
    config.EpayKey = seal_secret("EpayKey", "secret-of-the-merchant-0123456789")
    config.TopupRatio = '{"30": 7, "-1": 7.3}'


def test_a_price_is_ours_whatever_is_sent(alice: Api, epay: None) -> None:
    asked = alice.post("user/amount", {"amount": 10, "topup_ratio": "-1"}).json()
    assert (asked["success"], asked["message"], asked["data"]) == (True, "success", "73.00")
    asked = alice.post("user/amount", {"amount": 10, "topup_ratio": "365"}).json()
    assert (asked["success"], asked["message"]) == (False, "error")
    for wrong in (0, -5, 10**12, "x", 1.5):
        assert alice.post("user/amount", {"amount": wrong}).json()["success"] is False
    body = {"amount": 10, "topup_ratio": "30", "payment_method": "zfb", "money": "0.01"}
    paid = alice.post("user/pay", body).json()
    assert paid["success"] is True
    order = Order.objects.get()
    assert (str(order.money), order.valid_days, order.usd) == ("70.00", 30, 10)
    assert paid["data"]["money"] == "70.00"
    assert paid["data"]["out_trade_no"] == order.number == paid["trade_no"]
    assert paid["url"].startswith("https://pay.example.com/")
    assert "secret-of" not in str(paid)
    assert alice.post("user/pay", {**body, "payment_method": "cash"}).json()["message"] == "error"


def test_orders_are_seen_by_staff(admin: Api, root: Api, alice: Api, epay: None) -> None:
    for api in (alice, root):
        body = {"amount": 10, "topup_ratio": "30", "payment_method": "wx"}
        assert api.post("user/pay", body).json()["success"] is True
    order = Order.objects.get(user__username="alice")
    (row,) = data_of(admin.get("topups/"))
    assert (row["trade_no"], row["status"], row["topup_ratio"]) == (order.number, "pending", "30")
    assert len(data_of(root.get("topups/"))) == 2
    assert data_of(admin.get(f"topups/search?keyword={order.number}"))
    assert data_of(admin.get("topups/?status=success")) == []
    hidden = Order.objects.get(user__username="root").pk
    assert admin.get(f"topups/{hidden}").status_code == 404
    assert alice.get("topups/").status_code == 403


def earn(name: str, units: int) -> None:
    post_entry(open_commission(user_of(name)).pk, units, kind=LedgerKind.COMMISSION)


def test_commission_goes_into_the_balance(alice: Api) -> None:
    earn("alice", 2_000_000)
    code = data_of(alice.get("user/aff"))
    assert data_of(alice.post("user/aff")) == code
    assert data_of(alice.post("user/aff_transfer", {"quota": 2, "reference": "a"})) == 1_000_000
    assert "already" in refusal_of(alice.post("user/aff_transfer", {"quota": 2, "reference": "a"}))
    for wrong in (3, 0, -1, "x", 0.5):
        assert alice.post("user/aff_transfer", {"quota": wrong}).json()["success"] is False
    assert balance_of("alice") == 1_000_000
    own = data_of(alice.get("user/self"))
    assert (own["aff_code"], own["aff_quota"], own["aff_history_quota"]) == (
        code,
        1_000_000,
        2_000_000,
    )


def test_a_withdrawal_is_decided_once(admin: Api, alice: Api, bob: Api) -> None:
    earn("alice", 2_000_000)
    body = {"quota": 5, "alipay_account": "alice@alipay <b>"}
    assert refusal_of(alice.post("user/aff_withdrawal", body))
    made = data_of(alice.post("user/aff_withdrawal", {**body, "quota": 1}))
    assert made["withdrawal_amount"] == 500_000
    assert data_of(bob.get("user/userwithdrawals")) == []
    assert [row["id"] for row in data_of(alice.get("user/userwithdrawals"))] == [made["id"]]
    assert data_of(admin.get("log/withdrawalscount")) == 1
    (row,) = data_of(admin.get("user/withdrawals?user_name=alice"))
    path = f"user/withdrawals/{row['id']}/status"
    refusal_of(admin.post(path, {"status": 4}))
    assert data_of(admin.post(path, {"status": 3, "comment": "no"}))["status"] == 3
    for status in (2, 3, 4):
        refusal_of(admin.post(path, {"status": status}))
    assert balance_units(open_commission(user_of("alice")).pk) == 2_000_000
    assert Withdrawal.objects.get().comment == "no"
    assert alice.post(path, {"status": 2}).status_code == 403


def test_staff_decides_for_those_below_alone(admin: Api, make_user: Callable[..., User]) -> None:
    boss = Api(make_user("boss", Role.ROOT))
    earn("boss", 2_000_000)
    made = data_of(boss.post("user/aff_withdrawal", {"quota": 1, "alipay_account": "boss"}))
    assert data_of(admin.get("user/withdrawals")) == []
    path = f"user/withdrawals/{made['id']}/status"
    assert admin.post(path, {"status": 2}).status_code == 404
    assert data_of(boss.post(path, {"status": 2}))["status"] == 2


def test_money_moves_by_a_session_only_after_the_password(admin: Api, alice: Api, bob: Api) -> None:
    """As in the console."""
    earn("alice", 2_000_000)
    made = data_of(alice.post("user/aff_withdrawal", {"quota": 1, "alipay_account": "alice"}))
    make_codes(admin)
    number = RedemptionCode.objects.get().pk
    for api in (admin, alice):
        session = api.client.session
        session[CONFIRMED_AT] = time.time() - 3600
        session.save()
    for answer in (
        admin.post(f"user/withdrawals/{made['id']}/status", {"status": 2}),
        admin.post("redemption/", {"name": "gift", "quota": 700}),
        admin.put("redemption/", {"id": number, "quota": 10**9}),
        alice.post("user/aff_withdrawal", {"quota": 1, "alipay_account": "alice"}),
    ):
        assert answer.status_code == 403
        assert answer.json()["code"] == "confirmation_required"
    assert Withdrawal.objects.get().state == 1
    assert RedemptionCode.objects.get().units == 700


def test_a_token_for_a_part_pays_nothing_out(alice: Api) -> None:
    earn("alice", 2_000_000)
    key = create_access_token(user_of("alice"), "part", ["self:write"]).key
    whole = reset_personal_token(user_of("alice")).key
    body = {"quota": 1, "alipay_account": "mallory"}
    refusal = Api(authorization=f"Bearer {key}").post("user/aff_withdrawal", body)
    assert refusal.status_code == 403
    assert not Withdrawal.objects.exists()
    assert data_of(Api(authorization=f"Bearer {whole}").post("user/aff_withdrawal", body))


def test_old_unpaid_orders_are_asked_after_once_more_and_closed(
    make_user: Callable[..., User], admin: Api, alice: Api
) -> None:
    old, fresh = order_of(user_of("alice")), order_of(user_of("alice"))
    others, done = order_of(make_user("boss", Role.ROOT)), order_of(user_of("alice"))
    Order.objects.exclude(pk=fresh.pk).update(created_at=timezone.now() - timedelta(hours=2))
    Order.objects.filter(pk=done.pk).update(state=OrderState.PAID)
    assert alice.delete("topups/delete").status_code == 403
    narrow = create_access_token(user_of("adele"), "t", ["money:read"]).key
    assert Api(authorization=narrow).delete("topups/delete").status_code == 403
    assert data_of(admin.delete("topups/delete")) == 1
    assert AuditEntry.objects.get(action="orders.close").after == {"count": 1}
    ask_due_orders()
    states = [state_of(order) for order in (old, fresh, others, done)]
    open_still = OrderState.PENDING
    assert states == [OrderState.CLOSED, open_still, open_still, OrderState.PAID]
    assert receive(paid(old), QUERY) == Verdict.CREDITED
    assert state_of(old) == OrderState.PAID

"""The console's pages of orders, codes, withdrawals and notices: who may do what there."""

import re
import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest
from constance import config
from django.test import Client
from pytest_django import Settings

from billing.commissions import open_commission, read_earnings
from billing.ledger import balance_units, open_wallet, post_entry
from billing.models import (
    CodeState,
    LedgerKind,
    Order,
    OrderState,
    PaymentNotice,
    RedemptionCode,
    Withdrawal,
    WithdrawalState,
)
from billing.payments.orders import make_number
from billing.payments.simulator.epay import SimulatedEpay
from billing.payments.simulator.server import Gateways, running_gateways
from billing.payments.simulator.stripe import SimulatedStripe
from billing.redemptions import CodeSettings, make_codes
from billing.withdrawals import request_withdrawal
from chatapi.accounts.models import User
from chatapi.console.models import AuditEntry
from chatapi.options.secret_options import seal_secret

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
Browser = Callable[[User], Client]


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(settings.ENV, "GLOBAL_WEB_RATE_LIMIT", 0)


@pytest.fixture
def order(alice: User) -> Order:
    return Order.objects.create(
        number=make_number(),
        user=alice,
        gateway="epay",
        method="alipay",
        merchant="1001",
        usd=10,
        units=5_000_000,
        money=Decimal("73.00"),
        currency="CNY",
        valid_days=30,
        price_parts={"rate": "7.3", "group": HOSTILE, "factor": "1", "discount": "1"},
    )


@pytest.fixture
def withdrawal(alice: User) -> Withdrawal:
    post_entry(open_commission(alice).pk, 2_500_000, kind=LedgerKind.COMMISSION)
    return request_withdrawal(alice, Decimal(5), HOSTILE, "form")


def balance(user: User) -> int:
    return balance_units(open_wallet(user).pk)


def text_of(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    html = answer.content.decode()
    assert HOSTILE not in html
    return html


def test_order_is_completed_once_and_refunded_by_hand(
    console: Client, order: Order, alice: User
) -> None:
    page = f"/admin/billing/order/{order.pk}/"
    text_of(console, f"{page}change/")
    act = {"reason": f"seen at the gateway {HOSTILE}", "trade": "T1"}
    console.post(f"{page}complete/", act)
    console.post(f"{page}complete/", act)
    assert balance(alice) == 5_000_000
    assert "credited" in text_of(console, f"{page}change/")

    refused = console.post(f"{page}refund/", {"reason": "wanted back", "money": "73.01"})
    for text in ("Not possible", 'value="wanted back"', 'value="73.01"'):
        assert text in refused.content.decode()
    assert balance(alice) == 5_000_000
    console.post(f"{page}refund/", {"reason": "wanted back", "money": "36.50"})
    assert balance(alice) == 2_500_000
    console.post(f"{page}refund/", {"reason": "wanted back", "money": "10"})
    console.post(f"{page}refund/", {"reason": "", "money": "73"})
    assert balance(alice) == 2_500_000
    console.post(f"{page}refund/", {"reason": "wanted back", "money": "73"})
    assert balance(alice) == 0
    order.refresh_from_db()
    assert (order.state, order.uncollectable_units) == (OrderState.REFUNDED, 0)
    acts = AuditEntry.objects.filter(action__startswith="order.").order_by("id")
    assert [entry.action for entry in acts] == ["order.complete", "order.refund", "order.refund"]
    text_of(console, f"{page}change/")


def test_check_now_says_what_the_gateway_says(console: Client, order: Order) -> None:
    stripe = SimulatedStripe("sk_test_1", "whsec_123456", "")
    form = {"line_items[0][price_data][unit_amount]": "7300", "success_url": "/"}
    form |= {"line_items[0][price_data][currency]": "cny", "metadata[order]": order.number}
    with running_gateways(Gateways(SimulatedEpay("1001", "k"), stripe)) as running:
        config.StripeApiAddress = running.url
        config.StripeSecretKey = seal_secret("StripeSecretKey", stripe.secret_key)
        config.StripeWebhookSecret = seal_secret("StripeWebhookSecret", stripe.webhook_secret)
        session = stripe.create(form, "", running.url)
        more = {"gateway": "stripe", "method": "card", "merchant": "test"}
        Order.objects.filter(pk=order.pk).update(session=session["id"], **more)

        def check() -> str:
            answer = console.post(f"/admin/billing/order/{order.pk}/check/", follow=True)
            return " ".join(str(message) for message in answer.context["messages"])

        assert "knows of no payment" in check()
        session["status"] = "expired"
        assert "the order is closed" in check()
        assert "knows of no payment" in check()
        session.update(payment_status="paid", status="complete", payment_intent="pi_1")
        assert "is credited" in check()


def test_support_looks_and_does_nothing(
    support: User, as_user: Browser, order: Order, withdrawal: Withdrawal
) -> None:
    browser = as_user(support)
    for path in (
        f"/admin/billing/order/{order.pk}/change/",
        f"/admin/billing/withdrawal/{withdrawal.pk}/change/",
        "/admin/billing/order/",
        "/admin/billing/withdrawal/",
        "/admin/billing/redemptioncode/",
        "/admin/billing/paymentnotice/",
    ):
        assert "/complete/" not in text_of(browser, path)
    acts = {
        f"/admin/billing/order/{order.pk}/complete/": {"reason": "because"},
        f"/admin/billing/order/{order.pk}/refund/": {"reason": "because", "money": "1"},
        f"/admin/billing/order/{order.pk}/check/": {},
        "/admin/billing/order/probe/": {},
        f"/admin/billing/withdrawal/{withdrawal.pk}/decide/": {"to": "3"},
        "/admin/billing/redemptioncode/add/": {"name": "x", "amount": "1", "count": "1"},
    }
    for path, data in acts.items():
        assert browser.post(path, data).status_code == 403, path
    withdrawal.refresh_from_db()
    assert withdrawal.state == WithdrawalState.PENDING
    assert not RedemptionCode.objects.exists()


def test_withdrawal_goes_its_way_and_the_user_sees_it(
    console: Client, withdrawal: Withdrawal, alice: User, as_user: Browser
) -> None:
    page = f"/admin/billing/withdrawal/{withdrawal.pk}/"
    assert "Approve" in text_of(console, f"{page}change/")
    assert "Waiting for you" in text_of(console, "/admin/")
    refused = console.post(f"{page}decide/", {"to": "9", "comment": "typed before"})
    assert "typed before</textarea>" in refused.content.decode()
    for to in ("4", "1", "9", "", "2", "2", "4", "3"):
        console.post(f"{page}decide/", {"to": to, "comment": HOSTILE})
    withdrawal.refresh_from_db()
    assert withdrawal.state == WithdrawalState.PROCESSED
    assert (withdrawal.decided_by, withdrawal.processed_by) == ("root", "root")
    assert read_earnings(alice).available == 0
    acts = AuditEntry.objects.filter(action__startswith="withdrawal.")
    assert acts.count() == 2
    assert withdrawal.number in text_of(as_user(alice), "/withdrawal")


def test_batch_of_codes_is_made_downloaded_and_switched_off(
    console: Client, alice: User, as_user: Browser
) -> None:
    page = console.get("/admin/billing/redemptioncode/add/").content.decode()
    shown = re.search(r'name="reference" value="([^"]+)"', page)
    assert shown
    form = {"name": HOSTILE, "amount": "5", "count": "3", "valid_days": "-1", "expires_at": ""}
    form["reference"] = shown[1]
    made = console.post("/admin/billing/redemptioncode/add/", form)
    batch = made["Location"].partition("batch=")[2]
    again = console.post("/admin/billing/redemptioncode/add/", form)
    assert (again["Location"], RedemptionCode.objects.count()) == (made["Location"], 3)
    assert "Download as text" in text_of(console, f"/admin/billing/redemptioncode/?batch={batch}")
    file = console.get(f"/admin/billing/redemptioncode/batch/{batch}/txt/")
    codes = file.content.decode().split()
    assert len(codes) == len(set(codes)) == 3
    table = console.get(f"/admin/billing/redemptioncode/batch/{batch}/csv/")
    assert codes[0] in b"".join(table.streaming_content).decode()  # type: ignore[attr-defined]
    assert not any(code in text_of(console, "/admin/billing/redemptioncode/") for code in codes)
    first = RedemptionCode.objects.order_by("id")[0]
    assert codes[0] in text_of(console, f"/admin/billing/redemptioncode/{first.pk}/show/")
    text_of(console, f"/admin/billing/redemptioncode/{first.pk}/change/")
    found = text_of(console, f"/admin/billing/redemptioncode/?code={codes[1]}")
    assert found.count("/change/") == 1

    console.post(
        "/admin/billing/redemptioncode/", {"action": "disable", "_selected_action": [first.pk]}
    )
    browser = as_user(alice)
    for code in codes:
        browser.post("/topup/redeem", {"code": code})
    assert balance(alice) == 5_000_000
    first.refresh_from_db()
    assert first.state == CodeState.DISABLED


@pytest.mark.parametrize(
    "change",
    [
        {"count": "0"}, {"count": "1001"}, {"amount": "0"}, {"amount": "-1"}, {"amount": "1e30"},
        {"amount": "NaN"}, {"valid_days": "0"}, {"valid_days": "-2"}, {"name": ""},
        {"expires_at": "2001-01-01T00:00"},
    ],
)  # fmt: skip
def test_impossible_batches_are_refused(console: Client, change: dict[str, str]) -> None:
    form = {"name": "x", "amount": "5", "count": "3", "valid_days": "30", "expires_at": ""}
    form["reference"] = str(uuid.uuid4())
    answer = console.post("/admin/billing/redemptioncode/add/", {**form, **change})
    assert answer.status_code == 200
    assert not RedemptionCode.objects.exists()


def test_wrong_codes_are_few(alice: User, as_user: Browser) -> None:
    browser = as_user(alice)
    _batch, (good,) = make_codes(CodeSettings("x", 500, None), 1)
    for number in range(12):
        browser.post("/topup/redeem", {"code": f"guess-{number}"})
    refused = browser.post("/topup/redeem", {"code": good})
    assert balance(alice) == 0
    assert "Too many wrong codes" in refused.content.decode()


def test_orphan_is_settled_once(console: Client) -> None:
    orphan = PaymentNotice.objects.create(
        gateway="epay", source="notify", verdict="orphan", data={"number": HOSTILE}
    )
    page = f"/admin/billing/paymentnotice/{orphan.pk}/"
    assert "without an order" in text_of(console, f"{page}change/")
    text_of(console, "/admin/billing/paymentnotice/")
    for _ in range(2):
        console.post(f"{page}settle/", {"reason": "returned the money"})
    assert AuditEntry.objects.filter(action="payment.settle").count() == 1
    assert "without an order" not in text_of(console, f"{page}change/")


def test_invitations_page_moves_commission_once(alice: User, root: User, as_user: Browser) -> None:
    post_entry(open_commission(alice).pk, 2_500_000, kind=LedgerKind.COMMISSION)
    User.objects.filter(pk=root.pk).update(inviter=alice)
    browser = as_user(alice)
    page = text_of(browser, "/invitations")
    assert "ro***t" in page
    assert "/register?aff=" in page
    same = "8e0b7f6e-5e7c-4c0b-9d63-2f0c5a3b1a11"
    for usd in ("3", "3", "0", "-1", "999", "NaN", "1e400", "x", "0.5"):
        browser.post("/invitations/transfer", {"usd": usd, "reference": same})
    assert balance(alice) == 1_500_000
    again = browser.post("/invitations/transfer", {"usd": "1", "reference": same})
    assert "done already" in again.content.decode()
    assert 'value="/invitations"' in again.content.decode()
    assert same not in again.content.decode()
    sent = {"usd": "1", "account": "alice@alipay", "reference": same}
    browser.post("/invitations/withdraw", sent)
    browser.post("/invitations/withdraw", sent)
    browser.post("/invitations/withdraw", {**sent, "account": "a\nb", "reference": same[::-1]})
    assert Withdrawal.objects.count() == 1
    assert read_earnings(alice).available == 500_000
    to_sign_in = Client().post("/invitations/withdraw", sent)
    assert to_sign_in["Location"] == "/login?next=/invitations/withdraw"

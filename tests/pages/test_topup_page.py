"""Buying credit on the pages, from the choice to the credit, with notices as they are sent."""

import json
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
import stripe
from constance import config
from django.test import Client

from billing.ledger import balance_units, open_wallet
from billing.models import Order, OrderState, PaymentNotice
from billing.payments.gateways.epay import sign
from chatapi.accounts.models import User
from chatapi.options.secret_options import seal_secret
from notifications.models import Notice

pytestmark = pytest.mark.django_db

KEY = "merchant-key-1"
WEBHOOK_SECRET = "whsec_0123456789"
NOTIFY = "/api/user/epay/notify"
WEBHOOK = "/api/stripe/webhook"


@pytest.fixture
def epay(db: None) -> None:
    config.PayAddress = "https://pay.example.com"
    config.EpayId = "1001"
    config.EpayKey = seal_secret("EpayKey", KEY)


@pytest.fixture
def with_stripe(db: None) -> None:
    config.StripeSecretKey = seal_secret("StripeSecretKey", "sk_test_1")
    config.StripeWebhookSecret = seal_secret("StripeWebhookSecret", WEBHOOK_SECRET)


@pytest.fixture
def browser(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


def order_ten(browser: Client, **more: str) -> Order:
    data = {"amount": "10", "days": "30", "way": "epay:alipay", **more}
    answer = browser.post("/topup/order", data)
    return Order.objects.get(number=answer["Location"].removeprefix("/orders/"))


def notice_of(order: Order, **more: str) -> dict[str, str]:
    fields = {
        "pid": "1001",
        "trade_no": f"T{order.number}",
        "out_trade_no": order.number,
        "type": order.method,
        "name": "credit",
        "money": f"{order.money:.2f}",
        "trade_status": "TRADE_SUCCESS",
        **more,
    }
    return {**fields, "sign": sign(fields, KEY), "sign_type": "MD5"}


def post_form(client: Client, body: str) -> bytes:
    answer = client.post(NOTIFY, body, content_type="application/x-www-form-urlencoded")
    return answer.content


@pytest.mark.usefixtures("epay")
def test_from_the_price_to_the_credit(browser: Client, client: Client, alice: User) -> None:
    page = browser.get("/topup?amount=10").content.decode()
    assert "¥73.00" in page
    assert "epay:alipay" in page
    assert "epay:wxpay" in page

    order = order_ten(browser)
    answer = browser.get(f"/orders/{order.number}")
    shown = answer.content.decode()
    assert 'action="https://pay.example.com/submit.php"' in shown
    assert "https://pay.example.com" in answer["Content-Security-Policy"]
    assert KEY not in shown

    told = client.get(NOTIFY, notice_of(order))
    assert (told.status_code, told.content) == (200, b"success")
    assert post_form(client, urlencode(notice_of(order))) == b"success"
    assert balance_units(open_wallet(alice).pk) == 5_000_000
    after = browser.get(f"/orders/{order.number}").content.decode()
    assert "submit.php" not in after
    assert [text in after for text in ("Notice of the gateway", "It was paid", "credited")] == [
        True,
        True,
        True,
    ]
    assert order.number in browser.get("/orders").content.decode()
    assert "$10.00" in browser.get("/lots").content.decode()


@pytest.mark.usefixtures("epay")
def test_price_and_validity_come_from_the_options_not_from_the_form(browser: Client) -> None:
    for days in ("3650", "", "abc", "-2", "30.0", " 30x"):
        answer = browser.post(
            "/topup/order", {"amount": "10", "days": days, "way": "epay:alipay", "money": "0.01"}
        )
        assert answer["Location"] == "/topup?amount=10", days
    for amount in ("0", "-1", "1.5", "1e3", "99999999999999999999", "", "\u0661\u0660"):
        answer = browser.post(
            "/topup/order", {"amount": amount, "days": "30", "way": "epay:alipay"}
        )
        assert answer["Location"].startswith("/topup?amount="), amount
    without_a_way = browser.post("/topup/order", {"amount": "1", "days": "30"})
    assert without_a_way["Location"] == "/topup?amount=1"
    assert not Order.objects.exists()
    assert browser.get("/topup?amount=<script>").status_code == 200


@pytest.mark.usefixtures("epay")
def test_forged_notices_credit_nothing(browser: Client, client: Client, alice: User) -> None:
    order = order_ten(browser)
    good = notice_of(order)
    other = notice_of(order_ten(browser))
    forged: list[str] = [
        urlencode({**good, "money": "7300.00"}),
        urlencode(notice_of(order, money="72.99")),
        urlencode(notice_of(order, money="73.01")),
        urlencode(notice_of(order, pid="1002")),
        urlencode(notice_of(order, type="wxpay")),
        urlencode(notice_of(order, trade_status="TRADE_CLOSED")),
        f"{urlencode(good)}&money=73.00",
        urlencode({**good, "sign": good["sign"].upper()}),
        urlencode({**good, "sign": other["sign"]}),
        urlencode({**good, "sign_type": "RSA"}),
        urlencode({name: text for name, text in good.items() if name != "sign"}),
        urlencode({**good, "sign": sign(good, "")}),
        urlencode({**good, "extra": "1"}),
    ]
    for query in forged:
        assert client.get(f"{NOTIFY}?{query}").content == b"fail", query
        assert post_form(client, query) == b"fail", query
    assert balance_units(open_wallet(alice).pk) == 0
    assert set(Order.objects.values_list("state", flat=True)) == {OrderState.PENDING}
    told = Counter(
        (notice.data["reason"], notice.data["order"])
        for notice in Notice.objects.filter(event="callback_failed")
    )
    # What is signed and does not fit each once, what nobody can prove once for all of it.
    faults = {(fault, order.number): 1 for fault in ("amount", "merchant", "method")}
    assert told == {**faults, ("signature", order.number): 1}
    assert not any("sign" in notice.data for notice in PaymentNotice.objects.all())


@pytest.mark.usefixtures("epay")
def test_payment_of_an_unknown_order_is_acknowledged_and_kept(client: Client) -> None:
    unknown = Order(number="A1", method="alipay", money=5)
    assert client.get(NOTIFY, notice_of(unknown)).content == b"success"
    assert PaymentNotice.objects.filter(order=None, verdict="orphan").count() == 1


@pytest.mark.parametrize("key", ["", "short"])
def test_gateway_without_a_real_key_believes_nothing(
    browser: Client, client: Client, epay: None, key: str
) -> None:
    order = order_ten(browser)
    config.EpayKey = seal_secret("EpayKey", key)
    fields = {name: text for name, text in notice_of(order).items() if not name.startswith("sign")}
    told = client.get(NOTIFY, {**fields, "sign": sign(fields, key), "sign_type": "MD5"})
    assert told.content == b"fail"
    assert client.post(WEBHOOK, b"{}", content_type="application/json").status_code == 404
    assert "epay:alipay" not in browser.get("/topup").content.decode()


def event_of(order: Order, kind: str = "checkout.session.completed", **more: object) -> bytes:
    session = {
        "id": "cs_1",
        "object": "checkout.session",
        "payment_status": "paid",
        "payment_intent": f"pi_{order.number}",
        "amount_total": int(order.money * 100),
        "currency": order.currency.lower(),
        "metadata": {"order": order.number},
        **more,
    }
    event = {"id": f"evt_{len(more)}{kind}", "object": "event", "type": kind, "livemode": False}
    return json.dumps({**event, "data": {"object": session}}).encode()


def send_event(client: Client, body: bytes, secret: str = WEBHOOK_SECRET, **signing: int) -> int:
    signature = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, **signing)
    answer = client.post(
        WEBHOOK, body, content_type="application/json", headers={"stripe-signature": signature}
    )
    return answer.status_code


@pytest.mark.usefixtures("with_stripe", "epay")
def test_stripe_events(browser: Client, client: Client, alice: User) -> None:
    order = order_ten(browser, way="stripe:card")
    assert send_event(client, event_of(order), "whsec_another1") == 400
    assert send_event(client, event_of(order), timestamp=1) == 400
    for wrong in (
        {"amount_total": 1},
        {"currency": "usd", "x": 1},
        {"payment_status": "unpaid", "x": 1, "y": 1},
        {"metadata": {"order": order_ten(browser).number}, "x": 1, "y": 1, "z": 1},
        {"metadata": None, "client_reference_id": order.number, "a": 1, "b": 1, "c": 1},
    ):
        assert send_event(client, event_of(order, **wrong)) == 200
    live = event_of(order).replace(b'"livemode": false', b'"livemode": true')
    assert send_event(client, live.replace(b"evt_0", b"evt_live")) == 200
    assert balance_units(open_wallet(alice).pk) == 0

    assert send_event(client, event_of(order)) == 200
    assert send_event(client, event_of(order)) == 200
    assert balance_units(open_wallet(alice).pk) == 5_000_000

    charge = {"amount_refunded": 7300, "object": "charge", "metadata": {}}
    assert send_event(client, event_of(order, "charge.refunded", **charge)) == 200
    assert balance_units(open_wallet(alice).pk) == 0
    order.refresh_from_db()
    assert order.state == OrderState.REFUNDED


@pytest.mark.usefixtures("with_stripe")
def test_stripe_inquiry_takes_nothing_until_the_funds_are_withdrawn(
    browser: Client, client: Client, alice: User
) -> None:
    order = order_ten(browser, way="stripe:card")
    send_event(client, event_of(order))

    def dispute(what: str, status: str, **more: object) -> int:
        found = {"object": "dispute", "amount": 7300, "metadata": {}, "status": status, **more}
        assert send_event(client, event_of(order, f"charge.dispute.{what}", **found)) == 200
        return balance_units(open_wallet(alice).pk)

    assert dispute("created", "warning_needs_response") == 5_000_000
    assert dispute("closed", "warning_closed") == 5_000_000
    told = Notice.objects.filter(event="order_inquiry", user=None).order_by("pk")
    states = ["warning_needs_response", "warning_closed"]
    assert [notice.data["state"] for notice in told] == states

    assert dispute("funds_withdrawn", "needs_response") == 0
    assert dispute("created", "needs_response", x=1) == 0
    order.refresh_from_db()
    assert (order.state, order.reclaimed_units) == (OrderState.CHARGED_BACK, 5_000_000)
    assert Notice.objects.filter(event="order_refunded", user=None).count() == 1


@pytest.mark.usefixtures("with_stripe")
def test_malformed_events_are_refused_not_failed(client: Client) -> None:
    for body in (
        b"",
        b"[]",
        b"{}",
        b'"x"',
        b'{"data": 1}',
        b'{"data": {"object": []}}',
        b"[" * 9999,
    ):
        assert send_event(client, body) in {200, 400}
    assert client.post(WEBHOOK, b"\xff\xfe", content_type="application/json").status_code == 400
    assert client.get(WEBHOOK).status_code == 405


@pytest.mark.usefixtures("epay")
def test_others_orders_are_not_there(
    browser: Client, root: User, as_user: Callable[[User], Client], client: Client
) -> None:
    order = order_ten(browser)
    stranger = as_user(root)
    assert stranger.get(f"/orders/{order.number}").status_code == 404
    assert stranger.post(f"/orders/{order.number}/check").status_code == 404
    assert order.number not in stranger.get("/orders").content.decode()
    for path in ("/topup", "/orders", "/lots", f"/orders/{order.number}"):
        assert client.get(path).status_code == 302


@pytest.mark.usefixtures("epay")
def test_unpaid_orders_are_limited(browser: Client) -> None:
    for _ in range(25):
        browser.post("/topup/order", {"amount": "1", "days": "30", "way": "epay:alipay"})
    assert Order.objects.count() == 20


def test_page_without_any_gateway_says_so(browser: Client) -> None:
    assert browser.get("/topup").status_code == 200
    assert browser.get("/orders").status_code == 200
    assert browser.get("/lots").status_code == 200


def test_a_wrong_code_is_told_beside_its_field(
    alice: User, as_user: Callable[[User], Client]
) -> None:
    page = as_user(alice).post("/topup/redeem", {"code": "<b>none"}).content.decode()
    field = page[page.index('id="code"') : page.index('id="code-error"') + 120]
    assert 'value="&lt;b&gt;none"' in field
    assert 'aria-invalid="true" aria-describedby="code-error"' in field
    assert "There is no such code" in field

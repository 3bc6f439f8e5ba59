"""A payment is credited once: however often it is told, by whom, and whoever dies in between."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from billing.payments.simulator.epay import SimulatedEpay, Trade
from billing.payments.simulator.server import Gateways, running_gateways
from billing.payments.simulator.stripe import SimulatedStripe
from tests.harness.cast import Person
from tests.harness.gateway import Gateway
from tests.harness.telling import tell

KEY = "merchant-key-1"
STRIPE_KEY, WEBHOOK_SECRET = "sk_test_simulated", "whsec_simulated_1"
TIMES = 100
SET_UP = """
from constance import config
from chatapi.options.secret_options import seal_secret
config.PayAddress = config.StripeApiAddress = {url!r}
config.EpayId = "1001"
for name, text in {secrets!r}.items():
    setattr(config, name, seal_secret(name, text))
"""
ORDER = """
from chatapi.accounts.models import User
from billing.payments.gateways.registry import read_ways
from billing.payments.offers import read_price_list
from billing.payments.orders import begin_payment, place_order
from billing.payments.gateways.base import Places
from billing.payments.quote import quote
from chatapi.options.snapshot import read_values
import json
way = next(way for way in read_ways(read_values()) if way.key == {way!r})
user = User.objects.get(username={name!r})
order = place_order(user, quote(read_price_list(), 10, 30, user.group), way)
site = "http://127.0.0.1:{port}"
places = Places(site + "/api/user/epay/notify", site + "/orders/" + order.number)
checkout = begin_payment(order, places)
print(json.dumps([order.number, checkout.session, dict(checkout.fields)]))
"""
ASK = """
from django.utils import timezone
from billing.models import Order
from billing.payments.asking import ask_due_orders
Order.objects.filter(number={number!r}).update(ask_at=timezone.now())
print(ask_due_orders())
"""


@pytest.fixture
def payments(gateway: Gateway) -> Iterator[Gateways]:
    """Simulated gateways that the gateway is set up for."""
    epay = SimulatedEpay("1001", KEY)
    webhook = f"http://127.0.0.1:{gateway.port}/api/stripe/webhook"
    stripe = SimulatedStripe(STRIPE_KEY, WEBHOOK_SECRET, webhook)
    secrets = {
        "EpayKey": KEY,
        "StripeSecretKey": STRIPE_KEY,
        "StripeWebhookSecret": WEBHOOK_SECRET,
    }
    with running_gateways(Gateways(epay, stripe)) as running:
        gateway.manage("shell", "-c", SET_UP.format(url=running.url, secrets=secrets))
        yield running


def place(gateway: Gateway, person: Person, way: str) -> tuple[str, str, dict[str, str]]:
    """A new order: its number, its session at the gateway, the fields of its form."""
    text = ORDER.format(way=way, name=person.name, port=gateway.port)
    number, session, fields = json.loads(gateway.manage("shell", "-c", text).splitlines()[-1])
    return number, session, fields


def send(gateway: Gateway, query: str) -> str:
    url = f"http://127.0.0.1:{gateway.port}/api/user/epay/notify?{query}"
    with urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())


def units(person: Person) -> int:
    return int(person.balance()["units"])


def test_good_notice_a_hundred_times_is_one_credit(
    gateway: Gateway, payments: Gateways, person: Callable[..., Person]
) -> None:
    carol = person("carol", units=0)
    _number, _session, fields = place(gateway, carol, "epay:alipay")
    trade = payments.epay.submit(fields)
    assert trade is not None
    query = payments.epay.notice(trade)

    with ThreadPoolExecutor(25) as pool:
        answers = Counter(pool.map(lambda _: send(gateway, query), range(TIMES)))

    tell(gateway.store.vendor, f"{dict(answers)} from {gateway.workers} workers")
    assert answers == {"success": TIMES}
    assert units(carol) == 5_000_000
    assert gateway.manage("audit")["differences"] == []


def test_forged_notices_are_no_credit(
    gateway: Gateway, payments: Gateways, person: Callable[..., Person]
) -> None:
    dave = person("dave", units=0)
    _number, _session, fields = place(gateway, dave, "epay:alipay")
    other = Trade({**fields, "out_trade_no": place(gateway, dave, "epay:wxpay")[0]})
    trade = payments.epay.submit(fields)
    assert trade is not None
    good, notice = payments.epay.notice(trade), payments.epay.notice
    stranger = SimulatedEpay("1001", "another-key-2")
    signature = good.partition("sign=")[2].partition("&")[0]
    forged = [
        notice(trade, money="0.01"),
        notice(trade, money="73.01"),
        notice(trade, pid="1002"),
        notice(trade, type="wxpay"),
        notice(trade, trade_status="WAIT_BUYER_PAY"),
        f"{good}&money=73.00",
        good.replace(signature, signature.upper()),
        good.replace(signature, notice(other).partition("sign=")[2].partition("&")[0]),
        good.replace("sign_type=MD5", "sign_type=RSA"),
        SimulatedEpay("1001", "").notice(trade),
        stranger.notice(trade),
        good.replace(f"&sign={signature}", ""),
        urlencode({"out_trade_no": fields["out_trade_no"], "trade_status": "TRADE_SUCCESS"}),
    ]

    answers = [send(gateway, query) for query in forged]

    assert answers == ["fail"] * len(forged)
    assert units(dave) == 0
    assert send(gateway, good) == "success"
    assert units(dave) == 5_000_000


def test_worker_killed_at_each_statement_and_told_again_is_one_credit(
    gateway: Gateway, payments: Gateways, person: Callable[..., Person]
) -> None:
    erin = person("erin", units=0)

    process = gateway.start_inside("paying", erin.name)
    out, _ = process.communicate(timeout=250)

    assert process.returncode == 0
    found = json.loads(out.splitlines()[-1])
    tell(gateway.store.vendor, f"killed at {found['places']} places")
    assert found["wrong"] == []
    assert found["places"] > 15
    assert units(erin) == 5_000_000 * (found["places"] + 1)
    assert gateway.manage("audit")["differences"] == []


def test_stripe_from_the_session_to_the_refund(
    gateway: Gateway, payments: Gateways, person: Callable[..., Person]
) -> None:
    frank = person("frank", units=0)
    _number, session, _fields = place(gateway, frank, "stripe:card")

    payments.stripe.pay(session)
    again = payments.stripe.sessions[session]
    kind = "checkout.session.completed"
    with ThreadPoolExecutor(10) as pool:
        codes = Counter(pool.map(lambda _: payments.stripe.tell(kind, again), range(TIMES // 2)))
    assert codes == {200: TIMES // 2}
    assert units(frank) == 5_000_000

    assert payments.stripe.refund(session, 3650) == 200
    assert units(frank) == 2_500_000
    assert gateway.manage("audit")["differences"] == []


@pytest.mark.parametrize("way", ["epay:alipay", "stripe:card"])
def test_payment_whose_notice_is_lost_is_found_by_asking(
    gateway: Gateway, payments: Gateways, person: Callable[..., Person], way: str
) -> None:
    grace = person("grace", units=0)
    number, session, fields = place(gateway, grace, way)
    if session:
        payments.stripe.webhook_url = f"{payments.url}/nowhere"
        payments.stripe.pay(session)
    else:
        payments.epay.submit({**fields})
        payments.epay.trades[number].is_paid = True
    assert units(grace) == 0

    gateway.manage("shell", "-c", ASK.format(number=number))

    assert units(grace) == 5_000_000
    assert gateway.manage("audit")["differences"] == []


def test_long_bodies_are_refused_while_they_come_in(gateway: Gateway) -> None:
    url = f"http://127.0.0.1:{gateway.port}/api/stripe/webhook"
    for body in (b"x" * (256 * 1024 + 1), iter([b"x" * 65536] * 40)):
        with pytest.raises(URLError) as refusal:
            urlopen(url, data=body, timeout=60)
        # Who still sends may see that nobody listens any more before the answer.
        if isinstance(refusal.value, HTTPError):
            assert refusal.value.code == 413
            refusal.value.close()
        else:
            assert isinstance(refusal.value.reason, OSError)

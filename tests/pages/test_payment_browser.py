"""Paying in a real browser: over to the simulated gateway, which is another site, and back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from billing.payments.simulator.epay import SimulatedEpay
from billing.payments.simulator.server import Gateways, running_gateways
from billing.payments.simulator.stripe import SimulatedStripe
from tests.harness.gateway import PASSWORD, Gateway, running_gateway
from tests.harness.services import fresh_store
from tests.pages.watching import Visit, running_chromium

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("paying-in-a-browser")]

KEY, WEBHOOK_SECRET = "merchant-key-1", "whsec_simulated_1"
SET_UP = """
from constance import config
from chatapi.options.secret_options import seal_secret
config.PayAddress = config.StripeApiAddress = {url!r}
config.EpayId = "1001"
config.TopupAmountEnabled = True
config.TopupAmount = '{{"10": 1, "100": 0.9}}'
for name, text in {secrets!r}.items():
    setattr(config, name, seal_secret(name, text))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("paying")
    with (
        fresh_store("sqlite", folder) as store,
        running_gateway(store, folder, workers=1) as gateway,
    ):
        stripe = SimulatedStripe(
            "sk_test_1", WEBHOOK_SECRET, f"http://127.0.0.1:{gateway.port}/api/stripe/webhook"
        )
        with running_gateways(Gateways(SimulatedEpay("1001", KEY), stripe)) as payments:
            secrets = {
                "EpayKey": KEY,
                "StripeSecretKey": "sk_test_1",
                "StripeWebhookSecret": WEBHOOK_SECRET,
            }
            gateway.manage("shell", "-c", SET_UP.format(url=payments.url, secrets=secrets))
            gateway.manage("user", "create", "alice", "--password", PASSWORD)
            yield gateway


@pytest.fixture(scope="module")
def chromium(served: Gateway) -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("way", ["Alipay", "Card and more (Stripe)"])
def test_over_to_the_gateway_and_back(
    chromium: Browser, served: Gateway, way: str, *, javascript: bool
) -> None:
    context = chromium.new_context(locale="en", java_script_enabled=javascript)
    alice = Visit(context, f"http://127.0.0.1:{served.port}")
    page = sign_in(alice)
    alice.goto(page, "/topup")
    page.get_by_text("$100", exact=True).click()
    if not javascript:
        page.get_by_role("button", name="Show the prices").click()
    expect(page.get_by_text("$100 of credit")).to_be_visible()
    expect(page.get_by_text("¥657.00").first).to_be_visible()
    page.get_by_text("Never expires").click()
    page.get_by_role("button", name=way).click()
    expect(page.get_by_text("waiting for payment")).to_be_visible()
    # A form for Epay, a link for Stripe.
    pay = page.get_by_role("button", name="Pay ¥657.00")
    pay.or_(page.get_by_role("link", name="Pay ¥657.00")).click()
    expect(page.get_by_role("heading", name="Simulated payment")).to_be_visible()
    page.get_by_role("button", name="Pay (no money moves)").click()
    expect(page.get_by_text("paid and credited")).to_be_visible()
    page.get_by_role("link", name="See your credit").click()
    expect(page.get_by_role("heading", name="What you have")).to_be_visible()
    assert alice.problems == []
    context.close()


def sign_in(visitor: Visit) -> Page:
    page = visitor.open("/login")
    page.fill("[name=username], [name=login]", "alice")
    page.fill("[name=password]", PASSWORD)
    page.press("main [name=password]", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    return page

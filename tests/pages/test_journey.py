"""The whole story in a real browser: an operator opens the site, alice signs up, pays, calls and
reads her bill, invites bob, and is paid for it.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from openai import OpenAI
from playwright.sync_api import Browser, Page, expect

from billing.payments.simulator.epay import SimulatedEpay
from billing.payments.simulator.server import Gateways, running_gateways
from billing.payments.simulator.stripe import SimulatedStripe
from tests.harness.gateway import Gateway, running_gateway
from tests.harness.provider import Provider
from tests.harness.services import fresh_store
from tests.harness.smtp_server import MailScript, running_mail_server
from tests.harness.waiting import wait_for
from tests.pages.watching import Visit, running_chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("journey-in-a-browser"),
]
PASSWORD = "Correct-Horse-9"
EPAY_KEY = "epay-merchant-key"
CODE = re.compile(r"^\s*([A-Z0-9]{4}-?[A-Z0-9]{2,8})\s*$", re.MULTILINE)
OPTIONS = """
from constance import config
from chatapi.options.secret_options import seal_secret
config.PayAddress, config.EpayId = {url!r}, "1001"
config.EpayKey = seal_secret("EpayKey", {key!r})
config.EmailVerificationEnabled = True
config.SMTPServer, config.SMTPPort, config.SMTPFrom = "localhost", {port}, "site@example.com"
config.ProporTions, config.QuotaForInvitee = 10, 500_000
"""


@dataclass
class World:
    """Where everything is, and everybody's browser."""

    gateway: Gateway
    chromium: Browser
    mail: MailScript
    visits: dict[str, Visit] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.gateway.port}"

    def visit(self, name: str) -> Visit:
        """The browser of one person, the same throughout."""
        if name not in self.visits:
            context = self.chromium.new_context(locale="en")
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            self.visits[name] = Visit(context, self.base)
        return self.visits[name]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("journey")
    with ExitStack() as stack:
        mail = stack.enter_context(running_mail_server(folder))
        epay = SimulatedEpay("1001", EPAY_KEY)
        gateways = Gateways(epay, SimulatedStripe("sk_test_1", "whsec_test_1", ""))
        stack.enter_context(running_gateways(gateways))
        store = stack.enter_context(fresh_store("sqlite", folder))
        options = OPTIONS.format(url=gateways.url, key=EPAY_KEY, port=mail.port)
        gateway = stack.enter_context(
            running_gateway(
                store,
                folder,
                workers=1,
                commands=[("shell", "-c", options)],
                INITIAL_ROOT_PASSWORD="",
                SSL_CERT_FILE=str(folder / "server.pem"),
            )
        )
        yield World(gateway, stack.enter_context(running_chromium()), mail)


def read_code(world: World, address: str) -> str:
    """The code of the last letter to somebody."""

    def find() -> str:
        for letter in reversed(world.mail.received):
            if address in letter.recipients:
                body = letter.mail.get_body(("plain",))
                assert body is not None
                found = CODE.search(body.get_content())
                return found[1] if found else ""
        return ""

    return str(wait_for(find, f"no code was mailed to {address}"))


def sign_up(world: World, name: str, path: str = "/register") -> Page:
    page = world.visit(name).open(path)
    page.get_by_label("User name").fill(name)
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.locator("#id_password1").fill(PASSWORD)
    page.locator("#id_password2").fill(PASSWORD)
    page.get_by_role("button", name="Open the account").click()
    page.get_by_label("Code").fill(read_code(world, f"{name}@example.com"))
    page.locator("main form button").first.click()
    return page


def wait_to_read(page: Page, url: str, text: str) -> None:
    """Until the page tells it: some things are written a moment later."""

    def reads() -> bool:
        page.goto(url)
        return text in page.inner_text("main")

    wait_for(reads, f"{url} does not tell of {text}")


def pay(world: World, page: Page, usd: int) -> None:
    """Buys credit at the simulated gateway and comes back."""
    page.goto(f"{world.base}/topup?amount={usd}")
    page.get_by_role("button", name="Alipay").click()
    page.locator("main").get_by_role("button", name=re.compile("Pay")).first.click()
    page.get_by_role("button", name="Pay (no money moves)").click()


# --- The story, one part after the other ---


def test_1_the_operator_opens_the_site(world: World, provider: Provider) -> None:
    root = world.visit("root")
    page = root.open("/admin/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill("123456")
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Old password").fill("123456")
    page.get_by_label("New password:").fill(PASSWORD)
    page.get_by_label("New password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Change my password").click()
    expect(page.locator("#content")).to_contain_text("Your password was changed")
    root.goto(page, "/admin/channels_app/channel/add/")
    page.get_by_label("Name:").fill("Simulator")
    page.locator(".field-kind .select2-selection").click()
    page.locator(".select2-search__field").fill("compatible")
    page.get_by_role("option", name="OpenAI-compatible").click()
    page.locator("#id_base_url").fill(provider.url)
    page.locator("#id_new_key").fill("sk-simulator-1234")
    page.locator("#id_models_text").fill("gpt-4o-mini")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("Simulator")
    page.close()


def test_2_alice_signs_up_with_her_address(world: World) -> None:
    page = sign_up(world, "alice")
    world.visit("alice").goto(page, "/dashboard")
    expect(page.locator("main")).to_contain_text("Balance")
    page.close()


def test_3_alice_pays(world: World) -> None:
    alice = world.visit("alice")
    page = alice.open("/topup")
    pay(world, page, 10)
    wait_to_read(page, f"{world.base}/dashboard", "$10.00")
    alice.goto(page, "/orders")
    expect(page.locator("main")).to_contain_text("$10")
    alice.goto(page, "/lots")
    expect(page.locator("main")).to_contain_text("$10")
    page.close()


def test_4_alice_makes_a_token_and_calls(world: World) -> None:
    page = world.visit("alice").open("/token/new")
    page.get_by_label("Name").first.fill("laptop")
    page.get_by_role("button", name="Create").click()
    key = page.locator("#new-key").inner_text()
    page.close()
    client = OpenAI(base_url=f"{world.base}/v1", api_key=key, max_retries=0)
    answer = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}]
    )
    assert answer.choices[0].message.content


def test_5_alice_sees_what_her_call_cost_line_by_line(world: World) -> None:
    alice = world.visit("alice")
    page = alice.open("/log")
    # The name of the token stands in the filter before its calls are in the list.
    wait_to_read(page, f"{world.base}/log", "gpt-4o-mini")
    page.locator("table.calls a").first.click()
    bill = page.inner_text("main")
    assert "gpt-4o-mini" in bill
    for line in ("Input", "Output"):
        assert line.casefold() in bill.casefold()
    assert re.search(r"\$0\.\d{6}", bill)
    page.close()


def test_6_alice_invites_bob_who_pays(world: World) -> None:
    page = world.visit("alice").open("/invitations")
    link = re.search(r"/register\?aff=[\w-]+", page.content())
    assert link is not None
    page.close()
    bob = sign_up(world, "bob", link[0])
    pay(world, bob, 100)
    # With the gift for who was invited.
    wait_to_read(bob, f"{world.base}/dashboard", "$101.00")
    bob.close()


def test_7_alice_is_paid_for_it(world: World) -> None:
    alice = world.visit("alice")
    page = alice.open("/invitations")
    expect(page.locator("main")).to_contain_text("$10.00")
    withdrawal = page.locator("form", has=page.locator("[name=account]"))
    withdrawal.locator("[name=usd]").fill("4")
    withdrawal.locator("[name=account]").fill("alice@alipay, Alice")
    withdrawal.get_by_role("button").click()
    alice.goto(page, "/withdrawal")
    expect(page.locator("main")).to_contain_text("$4.00")
    root = world.visit("root")
    console = root.open("/admin/billing/withdrawal/")
    console.locator("#result_list tbody a").first.click()
    for state in ("2", "4"):  # approved, processed
        if state == "4":
            console.locator('[popovertarget="decide-4"]').first.click()
        console.locator(f'button[name="to"][value="{state}"]').click()
    console.close()
    page.reload()
    expect(page.locator("main")).to_contain_text(re.compile("processed|paid", re.IGNORECASE))
    page.close()


def test_8_the_books_agree_and_no_browser_complained(world: World) -> None:
    assert world.gateway.manage("audit")["differences"] == []
    for visit in world.visits.values():
        # The gateway's own page has no icon, which is not our affair.
        assert [one for one in visit.problems if one.startswith(world.base)] == []

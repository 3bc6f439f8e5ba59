"""The journeys of a new user in a real browser: sign up, second factor, passkey, GitHub."""

import re
import time
from collections.abc import Iterator

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Page, expect

from tests.harness.gateway import PASSWORD, Gateway, running_gateway
from tests.harness.services import fresh_store
from tests.pages.foreign_site import ForeignSite, running_site
from tests.pages.watching import Visit, running_chromium, sideways

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("accounts-in-a-browser"),
]


@pytest.fixture(scope="module")
def github() -> Iterator[ForeignSite]:
    with running_site() as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, github: ForeignSite) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("accounts")
    options = {
        "GitHubOAuthEnabled": "True",
        "GitHubClientId": "client",
        "GitHubClientSecret": "s3cret",
        "GitHubServerAddress": github.url,
        "QuotaForNewUser": "500000",
    }
    commands = [("constance", "set", name, value) for name, value in options.items()]
    with (
        fresh_store("sqlite", folder) as store,
        running_gateway(store, folder, workers=1, GLOBAL_WEB_RATE_LIMIT="0") as gateway,
    ):
        for command in commands:
            gateway.run_manage(*command)
        yield gateway


@pytest.fixture(scope="module")
def chromium(served: Gateway) -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def visit(chromium: Browser, served: Gateway, **options: object) -> Visit:
    """By the name that browsers hold to be safe without https, as passkeys demand."""
    context = chromium.new_context(**{"locale": "en", **options})  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    return Visit(context, f"http://localhost:{served.port}")


def sign_up(visitor: Visit, name: str) -> Page:
    page = visitor.open("/register")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Repeat the password").fill(PASSWORD)
    page.get_by_role("button", name="Open the account").click()
    expect(page.get_by_role("heading", name=f"Welcome, {name}")).to_be_visible()
    return page


def sign_out(page: Page) -> None:
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile(r":\d+/$"))


def enter(visitor: Visit, page: Page, name: str) -> None:
    visitor.goto(page, "/login?next=/security")
    page.get_by_label("User name or e-mail").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_from_signing_up_to_a_second_factor(chromium: Browser, served: Gateway) -> None:
    visitor = visit(chromium, served)
    page = visitor.open("/register")
    page.get_by_label("Password", exact=True).type("abc")
    expect(page.locator(".strength")).to_contain_text("very weak")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    expect(page.locator(".strength")).to_contain_text("strong")
    page = sign_up(visitor, "erin")
    assert re.fullmatch(r"sk-\w{48}", page.locator("#first-key").inner_text())
    page.get_by_role("link", name="Go on").click()
    expect(page.locator(".balance")).to_contain_text("$1.00")
    visitor.goto(page, "/security/app")
    secret = page.locator("#secret").inner_text()
    now = int(time.time()) // 30
    page.get_by_label("Code that the app shows").fill(format_hotp_value(hotp_value(secret, now)))
    page.get_by_role("button", name="Switch on").click()
    codes = page.locator("#codes").inner_text().split()
    assert len(codes) == 10
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator(".badge", has_text="on").first).to_be_visible()
    sign_out(page)
    enter(visitor, page, "ERIN")
    page.get_by_label("Code of the app, or a recovery code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{visitor.base}/security")
    expect(page.locator("main")).to_contain_text("9 codes left")
    assert visitor.problems == []


def test_a_passkey_signs_in_alone_and_as_second_step(chromium: Browser, served: Gateway) -> None:
    visitor = visit(chromium, served)
    page = sign_up(visitor, "frank")
    devtools = visitor.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    authenticator = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})
    visitor.goto(page, "/security/passkeys")
    page.get_by_label("Name").fill("my <b>key</b>")
    page.get_by_role("button", name="Make the passkey").click()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("main")).to_contain_text("my <b>key</b>")
    sign_out(page)
    visitor.goto(page, "/login?next=/profile")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{visitor.base}/profile")
    sign_out(page)
    enter(visitor, page, "frank")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{visitor.base}/security")
    assert visitor.problems == []


def test_github_leads_there_and_back(chromium: Browser, served: Gateway) -> None:
    visitor = visit(chromium, served)
    page = visitor.open("/login")
    page.get_by_role("button", name="Continue with GitHub").click()
    expect(page.get_by_role("heading", name="Welcome, octocat")).to_be_visible()
    visitor.goto(page, "/profile")
    expect(page.locator("main")).to_contain_text("mona@example.com")
    page.get_by_role("button", name="Unbind").click()
    expect(page.locator(".messages")).to_contain_text("only way to sign in")
    assert visitor.problems == []


def test_without_javascript(chromium: Browser, served: Gateway) -> None:
    visitor = visit(chromium, served, java_script_enabled=False)
    page = sign_up(visitor, "grace")
    page.get_by_role("link", name="Go on").click()
    visitor.goto(page, "/security")
    page.get_by_label("Old password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("Another-Horse-9")
    page.get_by_label("New password confirmation").fill("Another-Horse-9")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator(".messages")).to_contain_text("The password was changed")
    visitor.goto(page, "/profile")
    page.get_by_role("button", name="Close the account").click()
    page.get_by_label("Type your user name").fill("grace")
    page.get_by_role("button", name="Close it").click()
    expect(page.locator(".messages")).to_contain_text("Your account is closed")
    assert visitor.problems == []


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_doors_are_whole_in_every_look(
    chromium: Browser, served: Gateway, width: int, scheme: str, locale: str
) -> None:
    """The pages for those who are not signed in; the others are walked elsewhere."""
    size = {"width": width, "height": 900}
    visitor = visit(chromium, served, viewport=size, color_scheme=scheme, locale=locale)
    page = visitor.open("/login")
    for path in ("/login", "/register?aff=abc", "/reset", "/reset/MQ/abc-def"):
        visitor.goto(page, path)
        assert sideways(page) <= 0, path
    assert visitor.problems == []

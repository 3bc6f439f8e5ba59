"""A new operator in a real browser at a real server: sign in, channel, token, call, usage."""

import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.harness.gateway import Gateway, running_gateway
from tests.harness.provider import Provider
from tests.harness.services import fresh_store
from tests.harness.waiting import wait_for
from tests.pages.watching import Visit, running_chromium, sideways

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    # One server and one story: all of it in one process.
    pytest.mark.xdist_group("pages-in-a-browser"),
]
PASSWORD = "Correct-Horse-9"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A fresh installation; root has the documented password."""
    folder = tmp_path_factory.mktemp("pages")
    with (
        fresh_store("sqlite", folder) as store,
        running_gateway(store, folder, workers=1, INITIAL_ROOT_PASSWORD="") as gateway,
    ):
        yield gateway


@pytest.fixture(scope="module")
def chromium(served: Gateway) -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def visit(chromium: Browser, served: Gateway, **options: object) -> Visit:
    context = chromium.new_context(**{"locale": "en", **options})  # type: ignore[arg-type]
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return Visit(context, f"http://127.0.0.1:{served.port}")


@pytest.fixture(scope="module")
def root(chromium: Browser, served: Gateway) -> Iterator[Visit]:
    """Root after the first sign-in and the change that it forces."""
    visitor = visit(chromium, served)
    page = visitor.open("/admin/")
    sign_in(page, "123456")
    expect(page).to_have_url(f"{visitor.base}/admin/password_change/")
    expect(page.locator(".errornote")).to_contain_text("initial password")
    visitor.goto(page, "/")
    expect(page).to_have_url(f"{visitor.base}/admin/password_change/")
    page.get_by_label("Old password").fill("123456")
    page.get_by_label("New password:").fill(PASSWORD)
    page.get_by_label("New password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Change my password").click()
    expect(page.locator("#content")).to_contain_text("Your password was changed")
    page.close()
    assert visitor.problems == []
    yield visitor
    visitor.context.close()


@pytest.fixture(scope="module")
def channel(root: Visit, provider: Provider) -> str:
    """A channel to the simulated provider, made in the browser; gives the message of its test."""
    page = root.open("/admin/channels_app/channel/add/")
    page.get_by_label("Name:").fill("Simulator")
    page.locator(".field-kind .select2-selection").click()
    page.locator(".select2-search__field").fill("compatible")
    page.get_by_role("option", name="OpenAI-compatible").click()
    page.locator("#id_base_url").fill(provider.url)
    page.locator("#id_new_key").fill("sk-simulator-1234")
    page.locator("#id_models_text").fill("gpt-4o-mini, gpt-4o")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("Simulator")
    page.locator("#result_list").get_by_role("link", name="Simulator").first.click()
    expect(page.locator("#id_new_key")).to_have_attribute(
        "placeholder", "…1234 is stored; empty keeps it"
    )
    page.get_by_role("button", name="Test").click()
    told = page.locator(".messagelist").inner_text()
    page.close()
    return told


@pytest.fixture(scope="module")
def key(root: Visit, channel: str) -> str:
    """A key of root's, made and copied in the browser, with credit behind it."""
    page = root.open("/admin/accounts/user/1/credit/")
    page.get_by_label("Amount in $").fill("5")
    page.get_by_label("Note").fill("first credit")
    page.get_by_role("button", name="Book it").click()
    expect(page.locator(".messagelist")).to_contain_text("$5.00 booked for root.")
    root.goto(page, "/admin/accounts/token/add/")
    page.locator(".field-user .select2-selection").click()
    page.locator(".select2-search__field").fill("roo")
    page.get_by_role("option", name="root").click()
    page.get_by_label("Name:").fill("laptop")
    page.get_by_label("Credit left in $").fill("1")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Copy").click()
    copied = page.locator("#new-key").inner_text()
    # The button says so too, but only for a moment, which a busy machine may miss.
    wait_for(
        lambda: page.evaluate("navigator.clipboard.readText()") == copied,
        "the key was not copied",
        seconds=30,
    )
    page.close()
    return copied


@pytest.fixture(scope="module")
def called(key: str, served: Gateway) -> str:
    """The request id of a real call with that key."""
    request = Request(
        f"http://127.0.0.1:{served.port}/v1/chat/completions",
        json.dumps(
            {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
        ).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=30) as answer:
        return str(answer.headers["X-Oneapi-Request-Id"])


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


# --- The home page ---


@pytest.mark.parametrize(
    ("locale", "headline", "switch"),
    [("en-GB", "Every model behind one key", "中文"), ("zh-CN", "一个密钥，所有模型", "EN")],
)
def test_home_in_both_languages(
    chromium: Browser, served: Gateway, locale: str, headline: str, switch: str
) -> None:
    visitor = visit(chromium, served, locale=locale)
    page = visitor.open("/")
    expect(page.get_by_role("heading", level=1)).to_have_text(headline)
    page.get_by_role("button", name=switch).click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text(headline)
    page.reload()
    expect(page.get_by_role("heading", level=1)).not_to_have_text(headline)
    assert visitor.problems == []


def test_home_copies_what_it_shows(chromium: Browser, served: Gateway) -> None:
    visitor = visit(chromium, served)
    page = visitor.open("/")
    page.get_by_role("button", name="Copy").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{visitor.base}/v1"
    page.locator("label", has_text="Python").click()
    page.get_by_role("button", name="Copy").last.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("# pip install openai\nfrom openai import OpenAI")
    assert f'base_url="{visitor.base}/v1"' in copied
    compile(copied, "snippet", "exec")
    assert visitor.problems == []


def test_colours_follow_the_system_and_the_choice_lasts(chromium: Browser, served: Gateway) -> None:
    visitor = visit(chromium, served, color_scheme="light")
    page = visitor.open("/")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Change between light, dark").click()
    assert page.evaluate(background) != light
    visitor.goto(page, "/admin/login/")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert visitor.problems == []


@pytest.mark.parametrize("width", [375, 768, 1440])
def test_home_fits_its_window(chromium: Browser, served: Gateway, width: int) -> None:
    visitor = visit(chromium, served, viewport={"width": width, "height": 900})
    assert sideways(visitor.open("/")) == 0
    assert visitor.problems == []


# --- The console ---


def test_throttled_sign_in_says_so(chromium: Browser, served: Gateway) -> None:
    """Under another name: root's tries are for the others."""
    visitor = visit(chromium, served)
    page = visitor.open("/admin/login/")
    for _ in range(6):
        page.get_by_label("Username").fill("nobody")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("Too many failed attempts")
    expected = "Failed to load resource: the server responded with a status of 429"
    assert all(expected in problem for problem in visitor.problems)


def test_a_channel_is_added_and_answers(root: Visit, channel: str) -> None:
    assert "The test passed with warnings: gpt-4o-mini" in channel
    assert root.problems == []


def test_a_key_is_made_and_works(root: Visit, called: str) -> None:
    assert called
    assert root.problems == []


def test_the_call_is_in_the_list_and_explained(root: Visit, called: str) -> None:
    page = root.open("/admin/billing/usage/")
    wait_for(
        lambda: page.reload() and page.locator("#result_list tbody tr").count() == 1,
        "no row of the call",
    )
    expect(page.locator("#result_list")).to_contain_text("gpt-4o-mini")
    page.locator("#result_list tbody th a").click()
    content = page.locator("#content")
    expect(content).to_contain_text(called)
    expect(content).to_contain_text("Input tokens")
    expect(content).to_contain_text("Charged")
    expect(content).to_contain_text("answered")
    assert root.problems == []


def test_an_operator_finds_the_way_back_from_a_filter(root: Visit, called: str) -> None:
    page = root.open("/admin/billing/usage/")
    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".empty")).to_contain_text("Nothing matches")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("#result_list")).to_be_visible()
    assert root.problems == []


def test_signing_out_ends_the_session(chromium: Browser, served: Gateway, root: Visit) -> None:
    visitor = visit(chromium, served)
    page = visitor.open("/admin/")
    sign_in(page, PASSWORD)
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#content")).to_contain_text("You are signed out.")
    visitor.goto(page, "/admin/")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert visitor.problems == []

"""A customer in a real browser at a real server: a token, the playground, the log."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.harness.gateway import PASSWORD, Gateway, running_gateway
from tests.harness.provider import Provider
from tests.harness.services import fresh_store
from tests.pages.watching import Visit, running_chromium, sideways

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    # One server and one story: all of it in one process.
    pytest.mark.xdist_group("user-site-in-a-browser"),
]
EVIL = (
    "# Title <img src=x onerror=alert(1)>\n\n<script>alert(1)</script> **bold** `code`\n\n"
    "- one\n- [bad](javascript:alert(1)) [good](https://example.com/?a=1)\n\n"
    "```html\n<b>text</b>\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
)
PAGES = (
    "/",
    "/dashboard",
    "/token",
    "/token/new",
    "/token/1",
    "/log",
    "/log/balance",
    "/model",
    "/playground",
    "/about",
    "/announcement",
)

HALF_AN_ANSWER = """() => {
  window.sent = [];
  const real = window.fetch;
  window.fetch = async (url, options) => {
    if (url !== "/v1/chat/completions") return real(url, options);
    window.sent.push(JSON.parse(options.body));
    const body = new ReadableStream({ start(stream) {
      const event = { choices: [{ delta: { content: "half" } }] };
      stream.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`));
      options.signal.addEventListener("abort", () => stream.error(options.signal.reason));
    } });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  };
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("user-site")
    commands = (
        ("user", "create", "carla", "--password", PASSWORD),
        ("credit", "carla", "5"),
        (
            *("channel", "add", "--name", "sim", "--kind", "openai", "--key", "usual"),
            *("--base-url", provider.url, "--models", "gpt-4o-mini,gpt-4o"),
        ),
    )
    with (
        fresh_store("sqlite", folder) as store,
        running_gateway(store, folder, workers=1, commands=commands) as gateway,
    ):
        yield gateway


@pytest.fixture(scope="module")
def chromium(served: Gateway) -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def carla(chromium: Browser, served: Gateway) -> Iterator[Visit]:
    """Signed in."""
    context = chromium.new_context(locale="en", timezone_id="Asia/Shanghai")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor = Visit(context, f"http://127.0.0.1:{served.port}")
    page = visitor.open("/dashboard")
    page.get_by_label("User name or e-mail").fill("carla")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.close()
    yield visitor
    context.close()


@pytest.fixture(scope="module")
def token(carla: Visit) -> str:
    """A key, made and copied in the browser."""
    page = carla.open("/dashboard")
    page.get_by_role("link", name="Make a token").click()
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_label("for some time from its first call").check()
    page.get_by_label("For", exact=True).fill("30")
    page.get_by_role("button", name="Create").click()
    key = page.locator("#new-key").inner_text()
    page.close()
    return key


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.get_by_label("Your message").press("Enter")


def test_a_new_token_stands_in_the_list(carla: Visit, token: str) -> None:
    assert token.startswith("sk-")
    page = carla.open("/token")
    expect(page.get_by_role("row", name="laptop")).to_contain_text("30 days from its first call")
    page.get_by_role("button", name="Disable").first.click()
    expect(page.get_by_role("status")).to_contain_text("is disabled")
    page.get_by_role("button", name="Enable").first.click()
    expect(page.get_by_role("status")).to_contain_text("is enabled")
    assert carla.problems == []


def test_the_playground_answers_and_tells_the_cost(carla: Visit, token: str) -> None:
    page = carla.open("/playground?model=gpt-4o-mini")
    page.get_by_label("System prompt").fill("Be brief.")
    ask(page, "Hello")
    facts = page.locator(".pg-facts")
    expect(facts).to_contain_text("model tokens")
    expect(facts.locator("a")).to_contain_text("$0.0", timeout=30_000)
    ask(page, "And again")
    expect(page.locator(".pg-turn.is-assistant")).to_have_count(2)
    expect(facts.last.locator("a")).to_contain_text("$0.0", timeout=30_000)
    facts.last.locator("a").click()
    expect(page.get_by_role("heading", name="What it cost")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Output tokens")
    assert carla.problems == []


def test_the_playgrounds_calls_are_the_tokens(carla: Visit, token: str) -> None:
    page = carla.open("/log")
    expect(page.get_by_role("table").last).to_contain_text("laptop")
    page = carla.open("/token")
    expect(page.get_by_role("row", name="laptop")).to_contain_text("$0.0")
    assert carla.problems == []


def test_charts_are_drawn_once_they_are_in_sight(carla: Visit, token: str) -> None:
    page = carla.open("/log")
    drawn = page.locator("[data-chart=pie] canvas")
    expect(drawn).to_have_attribute("width", re.compile("^[1-9]"))
    page = carla.open("/token")
    assert page.locator("script[src*=chart]").count() == 0
    assert carla.problems == []


def test_a_form_is_sent_once_however_often_it_is_clicked(carla: Visit) -> None:
    page = carla.open("/profile")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    twice = "form.requestSubmit(); form.requestSubmit();"
    with page.expect_navigation():
        page.evaluate(f"() => {{ const form = document.querySelector('main form'); {twice} }}")
    assert sent.count("POST") == 1
    assert carla.problems == []


def test_what_a_model_says_becomes_text_and_nothing_else(carla: Visit, token: str) -> None:
    page = carla.open("/playground")
    told: dict[str, Any] = {"choices": [{"message": {"content": EVIL}}], "usage": None}
    page.route("**/v1/chat/completions", lambda route: route.fulfill(json=told))
    page.get_by_label("Stream the answer").uncheck()
    ask(page, "<img src=x onerror=alert(2)>")
    said = page.locator(".pg-turn.is-assistant .pg-said")
    expect(said.locator("h2")).to_have_text("Title <img src=x onerror=alert(1)>")
    assert page.locator(".pg-turns :is(script, img, iframe)").count() == 0
    assert said.locator("a").evaluate_all("links => links.map(l => l.href)") == [
        "https://example.com/?a=1"
    ]
    expect(said.locator("pre")).to_have_text("<b>text</b>")
    expect(said.locator("td")).to_have_text(["1", "2"])
    assert carla.problems == []


def test_an_answer_can_be_stopped_and_errors_are_told(carla: Visit, token: str) -> None:
    page = carla.open("/playground")
    page.route("**/v1/chat/completions", lambda _route: None)
    ask(page, "Hello")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".pg-facts")).to_contain_text("stopped")
    page.unroute("**/v1/chat/completions")
    refusal = {"error": {"message": "<b>no</b> credit"}}
    page.route("**/v1/chat/completions", lambda route: route.fulfill(json=refusal))
    ask(page, "Hello")
    expect(page.get_by_role("alert")).to_have_text("<b>no</b> credit")
    assert carla.problems == []


def test_a_new_conversation_knows_nothing_of_the_answer_before(carla: Visit, token: str) -> None:
    """Though half of it was there."""
    page = carla.open("/playground")
    page.evaluate(HALF_AN_ANSWER)
    ask(page, "First")
    expect(page.locator(".pg-turn.is-assistant")).to_contain_text("half")
    page.get_by_role("button", name="New conversation").click()
    ask(page, "Second")
    expect(page.locator(".pg-turn.is-assistant")).to_contain_text("half")
    sent = page.evaluate("window.sent")
    assert sent[-1]["messages"] == [{"role": "user", "content": "Second"}]
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert carla.problems == []


def test_no_key_stays_in_the_browser(carla: Visit) -> None:
    page = carla.open("/playground")
    stored = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert "sk-" not in stored


def test_the_announcement_is_shown_once(carla: Visit, served: Gateway) -> None:
    served.manage("constance", "set", "Notice", "**Big** news")
    page = carla.open("/dashboard")
    dialog = page.get_by_role("dialog", name="Announcement")
    expect(dialog).to_contain_text("Big news")
    dialog.get_by_role("button", name="Close").click()
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(dialog).to_have_count(0)
    assert carla.problems == []


@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_a_phone_and_the_drawer_opens(carla: Visit, token: str, path: str) -> None:
    page = carla.open(path)
    page.set_viewport_size({"width": 375, "height": 800})
    assert sideways(page) <= 0
    if path != "/":
        log = page.locator("#menu").get_by_role("link", name="Usage log")
        expect(log).not_to_be_visible()
        page.locator(".drawer-button").click()
        expect(log).to_be_visible()
    assert carla.problems == []
    page.close()

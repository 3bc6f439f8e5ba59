"""The console's pages of money in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.harness.gateway import PASSWORD, Gateway, running_gateway
from tests.harness.services import fresh_store
from tests.pages.watching import Visit, running_chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.xdist_group("console-in-a-browser"),
]
LOG = "/admin/billing/usage/"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("console")
    with (
        fresh_store("sqlite", folder) as store,
        running_gateway(store, folder, workers=1, INITIAL_ROOT_PASSWORD=PASSWORD) as gateway,
    ):
        made = gateway.run_manage("make_usage", "2000", "--users", "6", "--days", "30")
        assert made.returncode == 0, made.stderr
        yield gateway


@pytest.fixture(scope="module")
def chromium(served: Gateway) -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def root(chromium: Browser, served: Gateway) -> Iterator[Visit]:
    context = chromium.new_context(locale="en", accept_downloads=True)
    visitor = Visit(context, f"http://127.0.0.1:{served.port}")
    page = visitor.open("/admin/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".tiles")).to_be_visible()
    page.close()
    yield visitor
    context.close()


def opened(root: Visit, path: str, *, width: int = 1440, scheme: str = "light") -> Page:
    page = root.open("/admin/")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    root.goto(page, path)
    return page


def test_a_phone_shows_a_card_per_call_and_few_filters(root: Visit) -> None:
    page = root.open(LOG)
    page.set_viewport_size({"width": 375, "height": 800})
    row = page.locator("#result_list tbody tr").first
    assert row.evaluate("row => row.scrollWidth <= innerWidth")
    assert row.locator(".field-charge").get_attribute("data-label") == "Charge"
    expect(page.get_by_label("Error code")).to_be_hidden()
    page.get_by_role("button", name="More filters").click()
    expect(page.get_by_label("Error code")).to_be_visible()
    page.close()


def drawn_colours(page: Page, chart: str) -> int:
    """How many different colours a chart has: one when nothing was drawn."""
    found: int = page.evaluate(
        """(id) => {
            const canvas = document.getElementById(id);
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return new Set(new Uint32Array(pixels.data.buffer)).size;
        }""",
        chart,
    )
    return found


def test_the_charts_are_drawn_and_drawn_anew_in_the_dark(root: Visit) -> None:
    page = opened(root, "/admin/?range=30d")
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    page.reload()
    charts = ("chart-calls", "chart-sales", "chart-tokens", "chart-first")
    for chart in charts:
        assert drawn_colours(page, chart) > 3, chart
    look = "document.getElementById('chart-calls').toDataURL()"
    before = page.evaluate(look)
    page.get_by_role("button", name="Change between light, dark").click()
    page.wait_for_function(f"before => {look} !== before", arg=before)
    page.evaluate("localStorage.removeItem('theme')")
    page.close()
    assert root.problems == []


def test_a_chart_is_a_table_too(root: Visit) -> None:
    page = opened(root, "/admin/?range=30d")
    page.get_by_text("The charts as a table").click()
    expect(page.locator("#series tbody tr")).to_have_count(30)
    page.close()
    assert root.problems == []


def test_a_period_is_chosen_and_stays_in_the_address(root: Visit) -> None:
    page = opened(root, "/admin/")
    page.get_by_role("link", name="7 days").click()
    expect(page).to_have_url(f"{root.base}/admin/?range=7d")
    expect(page.locator('.segments [aria-current="true"]')).to_have_text("7 days")
    page.close()
    assert root.problems == []


def test_an_operator_searches_pages_and_exports(root: Visit) -> None:
    page = opened(root, LOG)
    page.get_by_label("User name or id").fill("alice1")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_label("User name or id")).to_have_value("alice1")
    page.get_by_role("link", name="Newer").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export CSV").click()
    lines = waiting.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("time,request_id,username")
    assert len(lines) > 500
    assert all(",alice1," in line for line in lines[1:])
    page.locator("#result_list tbody th a").first.click()
    expect(page.locator("#content")).to_contain_text("Why this channel?")
    page.get_by_role("link", name="The wallet that paid").click()
    expect(page.locator("#content")).to_contain_text("wallet")
    page.close()
    assert root.problems == []


def test_options_are_in_tabs_and_found_across_them(root: Visit) -> None:
    page = opened(root, "/admin/constance/config/")
    page.get_by_role("link", name="Calls", exact=True).click()
    expect(page.locator("#calls")).to_be_visible()
    expect(page.locator("#site")).to_be_hidden()
    page.get_by_label("Search options").fill("retrytimes")
    expect(page.locator(".option:visible")).to_have_count(1)
    page.get_by_label("How many other channels").fill("9")
    page.get_by_role("button", name="Save “Calls”").click()
    expect(page.locator(".messagelist")).to_contain_text("RetryTimes")
    expect(page).to_have_url(f"{root.base}/admin/constance/config/#calls")
    expect(page.locator("#calls")).to_be_visible()
    page.get_by_role("link", name="History").click()
    expect(page.locator("ins")).to_have_text("9")
    page.close()
    assert root.problems == []


def test_the_page_of_tasks_refreshes_itself(root: Visit) -> None:
    page = opened(root, "/admin/console/taskrun/")
    page.locator("#tasks h2, #tasks table").first.evaluate("place => place.remove()")
    expect(page.locator("#tasks table")).to_be_visible(timeout=30_000)
    page.close()
    assert root.problems == []

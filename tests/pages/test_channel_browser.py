"""An operator's day with channels, in a real browser: list, editor, tests, models, batch, copy."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.harness.answering_provider import AnsweringProvider, running_answers
from tests.harness.gateway import PASSWORD, Gateway, running_gateway
from tests.harness.services import fresh_store
from tests.pages.watching import Visit, running_chromium, sideways

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.xdist_group("channels-in-a-browser"),
]
LIST = "/admin/channels_app/channel/"
WAYS = [
    pytest.param("en", "light", 1440, id="english-light-wide"),
    pytest.param("zh-CN", "dark", 1440, id="chinese-dark-wide"),
    pytest.param("en", "dark", 375, id="english-dark-narrow"),
    pytest.param("zh-CN", "light", 375, id="chinese-light-narrow"),
]
ANSWER = {
    "id": "1",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHANNELS = (
    ("Main", "openai", ("--tag", "openai", "--priority", "10", "--weight", "3")),
    ("Reserve", "openai", ("--tag", "openai", "--retest-seconds", "300")),
    ("Elsewhere", "oneapi", ()),
)
HISTORY = """
from datetime import timedelta
from django.utils import timezone
from channels_app.models import Channel
now = timezone.now()
Channel.objects.filter(name="Reserve").update(
    status=3, disabled_reason="credential: 401 no such key: ***", next_test_at=now,
    tested_at=now, tested_model="gpt-4o", test_ok=False, test_milliseconds=231,
    test_message="credential:401 no such key: ***", balance=0, balance_updated_at=now)
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[AnsweringProvider]:
    with running_answers() as found:
        found.says["/v1/chat/completions"] = (200, ANSWER)
        found.says["/v1/models"] = (200, {"data": [{"id": name} for name in ("gpt-4o-mini", "o3")]})
        yield found


@pytest.fixture(scope="module")
def served(
    provider: AnsweringProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("channels")
    fixed = ("--base-url", provider.url, "--key", "sk-browser-1234", "--models", "gpt-4o-mini")
    commands: list[tuple[object, ...]] = [
        ("channel", "add", "--name", name, "--kind", kind, *fixed, *more)
        for name, kind, more in CHANNELS
    ]
    commands.append(("shell", "-c", HISTORY))
    with (
        fresh_store("sqlite", folder) as store,
        running_gateway(store, folder, commands=commands, workers=1) as gateway,
    ):
        yield gateway


@pytest.fixture(scope="module")
def chromium(served: Gateway) -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def enter(chromium: Browser, served: Gateway, **options: Any) -> tuple[Visit, Page]:
    """Root's browser at the list of channels."""
    context = chromium.new_context(**{"locale": "en", **options})
    visitor = Visit(context, f"http://127.0.0.1:{served.port}")
    page = visitor.open(f"/admin/login/?next={LIST}")
    page.locator("#id_username").fill("root")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("input[type=submit]").click()
    expect(page).to_have_url(visitor.base + LIST)
    page.wait_for_load_state("load")
    return visitor, page


@pytest.fixture
def root(chromium: Browser, served: Gateway) -> Iterator[tuple[Visit, Page]]:
    visitor, page = enter(chromium, served)
    yield visitor, page
    assert visitor.problems == []
    visitor.context.close()


def choose(page: Page, action: str, *names: str) -> None:
    for name in names:
        page.locator("tr.channel", has_text=name).locator(".action-select").check()
    page.get_by_label("Action:").select_option(action)
    page.get_by_role("button", name="Go").click()


def pick_kind(page: Page, text: str) -> None:
    page.locator(".field-kind .select2-selection").click()
    page.locator(".select2-search__field").fill(text)
    page.get_by_role("option", name=text, exact=True).click()


@pytest.mark.parametrize(("locale", "scheme", "width"), WAYS)
def test_every_page_is_whole(
    chromium: Browser, served: Gateway, locale: str, scheme: str, width: int
) -> None:
    size = {"width": width, "height": 900}
    visitor, page = enter(chromium, served, locale=locale, color_scheme=scheme, viewport=size)
    assert sideways(page) == 0
    for path in ("1/change/", "2/change/", "add/", "delete-disabled/"):
        visitor.goto(page, LIST + path)
        assert sideways(page) == 0, path
    visitor.goto(page, f"{LIST}1/change/")
    page.locator(".health form[action$='/models/'] button").click()
    expect(page.locator("#new-models")).to_contain_text("o3")
    assert sideways(page) == 0
    visitor.goto(page, LIST)
    page.locator(".action-select").first.check()
    page.locator("select[name=action]").select_option("batch")
    page.locator(".actions button").click()
    expect(page.locator(".batch-row").first).to_be_visible()
    assert sideways(page) == 0
    assert visitor.problems == []
    visitor.context.close()


def test_the_editor_follows_the_kind(root: tuple[Visit, Page]) -> None:
    visitor, page = root
    visitor.goto(page, f"{LIST}add/")
    region, account = page.locator("#id_setting_region"), page.locator("#id_setting_account_id")
    expect(region).to_be_hidden()
    pick_kind(page, "AWS Bedrock: Claude")
    expect(region).to_be_visible()
    expect(account).to_be_hidden()
    expect(page.locator(".field-kind")).to_contain_text("AccessKey|SecretKey|Region")
    pick_kind(page, "Cloudflare Workers AI")
    expect(region).to_be_hidden()
    expect(account).to_be_visible()
    expect(account).to_have_attribute("aria-required", "true")
    expect(page.locator("#id_base_url")).to_have_attribute(
        "placeholder", "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai"
    )
    page.locator("#id_name").fill("At Cloudflare")
    page.locator("#id_models_text").fill("llama")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".field-setting_account_id .errorlist")).to_contain_text("account_id")
    expect(account).to_be_visible()


def test_a_test_shows_time_and_warnings(root: tuple[Visit, Page]) -> None:
    visitor, page = root
    visitor.goto(page, f"{LIST}1/change/")
    page.get_by_role("button", name="Test").click()
    expect(page.locator(".messagelist")).to_contain_text("The test passed with warnings")
    health = page.locator(".health")
    expect(health).to_contain_text("Its usage lacks prompt_tokens_details")
    expect(health.locator(".badge-warn")).to_contain_text("ms")


def test_the_list_of_models_is_taken_over(root: tuple[Visit, Page]) -> None:
    visitor, page = root
    visitor.goto(page, f"{LIST}3/change/")
    page.get_by_role("button", name="Fetch the provider's list").click()
    page.get_by_label("Filter", exact=True).fill("o3")
    page.get_by_role("button", name="Tick what is shown").click()
    page.get_by_role("button", name="Take over").click()
    expect(page.locator("#id_models_text")).to_have_value("gpt-4o-mini,o3")


def test_a_tag_is_ticked_tested_and_edited_as_one(root: tuple[Visit, Page]) -> None:
    _visitor, page = root
    page.get_by_label("Select all of openai").check()
    expect(page.locator(".action-select:checked")).to_have_count(2)
    page.get_by_label("Action:").select_option("test")
    page.get_by_role("button", name="Go").click()
    expect(page.locator(".messagelist")).to_contain_text("2 channels passed.")
    choose(page, "batch", "Main", "Reserve")
    page.locator("#id_retest_seconds").fill("120")
    expect(page.locator("#id_apply_retest_seconds")).to_be_checked()
    page.get_by_role("button", name="Apply to all").click()
    expect(page.locator(".messagelist")).to_contain_text("2 channels changed.")
    page.get_by_role("link", name="#2 Reserve", exact=True).click()
    expect(page.locator("#id_retest_seconds")).to_have_value("120")


def test_a_status_is_changed_in_the_list(root: tuple[Visit, Page]) -> None:
    _visitor, page = root
    row = page.locator("tr.channel", has_text="Elsewhere").first
    row.locator(".field-status select").select_option("2")
    page.get_by_role("button", name="Save").click()
    expect(row.locator(".field-status select")).to_have_value("2")
    row.locator(".field-status select").select_option("1")
    page.get_by_role("button", name="Save").click()


def test_a_copy_waits_for_its_key_and_is_deleted(root: tuple[Visit, Page]) -> None:
    visitor, page = root
    choose(page, "copy", "Elsewhere")
    expect(page.locator("#content > h1")).to_contain_text("Elsewhere (copy)")
    expect(page.locator(".health")).to_contain_text("A copy needs a key of its own")
    expect(page.locator("#id_status")).to_have_value("2")
    visitor.goto(page, f"{LIST}delete-disabled/")
    expect(page.locator("#content")).to_contain_text("Elsewhere (copy)")
    page.get_by_label("Reserve").uncheck()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#result_list")).not_to_contain_text("(copy)")
    expect(page.locator("#result_list")).to_contain_text("Reserve")


def test_progress_is_shown_and_survives_a_reload(root: tuple[Visit, Page], served: Gateway) -> None:
    """No background worker runs here, so the run stands still until the command line ends it."""
    _visitor, page = root
    page.get_by_role("button", name="Balances").click()
    expect(page.locator("#runs")).to_contain_text("0 of 3")
    page.reload()
    expect(page.locator("#runs")).to_contain_text("Refreshing balances")
    end = "from channels_app.models import ChannelJob as J; from django.utils import timezone; "
    end += "J.objects.update(done=3, failed=3, waiting=[], finished_at=timezone.now())"
    served.manage("shell", "-c", end)
    expect(page.locator("#runs")).to_contain_text("3 of 3")
    expect(page.get_by_role("link", name="Show the results")).to_be_visible()

"""Every page of the URL map in a real browser, with a living installation behind it: no error in
the browser's console, no violation of the policy, nothing wider than the window, no
description that is not there.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.pages.living_site import Site, find_pages, living_site, sign_in
from tests.pages.watching import missing_descriptions, running_chromium, sideways

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("every-page-in-a-browser"),
]
LOOKS = [
    (375, "dark", "zh-CN", "zh-hans"),
    (375, "light", "en", "en"),
    (1440, "light", "zh-CN", "zh-hans"),
    (1440, "dark", "en", "en"),
]
"""Each width meets each scheme and each language."""
LOG = "/admin/billing/usage/"
MORE = {
    "boss": [
        "/admin/?range=7d",
        "/admin/?range=30d",
        f"{LOG}?status=failed&user=alice",
        f"{LOG}?endpoint=images",
        "/admin/accounts/user/1/credit/",
        "/admin/accounts/user/1/password/",
        "/admin/accounts/token/1/delete/",
        "/admin/billing/price/?q=gpt-4o",
        "/admin/billing/price/calculator/?model=gpt-4o&prompt_tokens=1000&completion_tokens=10",
    ],
}
"""What no crawl of the URL map finds."""
FEWEST = {"boss": 50, "alice": 12}
"""Pages that must be found at least: a crawl that finds nothing proves nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with living_site(tmp_path_factory.mktemp("every-page")) as site:
        yield site


@pytest.fixture(scope="module")
def chromium(site: Site) -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.mark.parametrize(("width", "scheme", "locale", "language"), LOOKS)
@pytest.mark.parametrize("name", ["boss", "alice"])
def test_every_page_is_whole(
    chromium: Browser, site: Site, name: str, width: int, scheme: str, locale: str, language: str
) -> None:
    visitor = sign_in(
        chromium,
        site,
        name,
        locale=locale,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
    )
    pages = find_pages(visitor)
    assert len(pages) >= FEWEST[name]
    pages += MORE.get(name, [])
    page = visitor.open(pages[0])
    wide, foreign, undescribed = [], [], []
    for path in pages:
        visitor.goto(page, path)
        if sideways(page) > 0:
            wide.append(path)
        if page.locator("html").get_attribute("lang") != language:
            foreign.append(path)
        undescribed += [(path, missing) for missing in missing_descriptions(page)]
    visitor.context.close()
    assert (wide, foreign, undescribed, visitor.problems) == ([], [], [], [])

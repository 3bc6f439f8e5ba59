"""Scripts that somebody planted in stored texts stay text: on no page, for nobody, does one run,
does the policy have to stop one, or does the browser ask another site for something.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page

from tests.pages.living_site import Site, find_pages, living_site, sign_in
from tests.pages.watching import running_chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("planted-scripts"),
]
PLANT = ("shell", "-c", "from tests.harness.planting import plant; plant()")
SUPPORT = ("user", "create", "sue", "--password", "Correct-Horse-9", "--role", "support")
FEWEST = {"boss": 50, "sue": 20, "alice": 12}
SIGNS = """() => [
    ...document.querySelectorAll('[onerror], [onload], svg[onload], a[href^="javascript:" i], '
        + 'form[action^="javascript:" i], meta[http-equiv="refresh" i], [src^="//planted"]'),
].map((found) => found.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with living_site(tmp_path_factory.mktemp("planted"), SUPPORT, PLANT) as site:
        yield site


@pytest.fixture(scope="module")
def chromium(site: Site) -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.mark.parametrize("name", ["boss", "sue", "alice"])
def test_what_is_planted_stays_text(chromium: Browser, site: Site, name: str) -> None:
    visitor = sign_in(chromium, site, name, viewport={"width": 1440, "height": 900})
    pages = find_pages(visitor)
    assert len(pages) >= FEWEST[name]
    page = visitor.open(pages[0])
    dialogs: list[str] = []
    asked: set[str] = set()
    found: dict[str, list[str]] = {}

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("request", lambda request: asked.add(request.url))
    is_seen = False
    for path in pages:
        visitor.goto(page, path)
        is_seen = is_seen or "planted=1" in page.content()
        # The picture of a planted address is not there.
        problems = [one for one in visitor.problems if "/mj/image/" not in one]
        if signs := [*find_signs(page), *problems]:
            found[path] = signs
        visitor.problems.clear()
    visitor.context.close()
    strangers = {url for url in asked if not url.startswith((site.base, "data:", "blob:"))}
    assert is_seen, "the texts are on no page: this proves nothing"
    assert (found, dialogs, strangers) == ({}, [], set())


def find_signs(page: Page) -> list[str]:
    signs: list[str] = page.evaluate(SIGNS)
    if page.evaluate("window.planted !== undefined"):
        signs.append("a script ran")
    return signs

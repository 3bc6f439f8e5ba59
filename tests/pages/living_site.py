"""A living installation with the demo's history in it, and who crawls its pages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from tests.harness.gateway import PASSWORD, Gateway, running_gateway
from tests.harness.services import fresh_store
from tests.pages.routes import all_routes
from tests.pages.watching import Visit

ENDS = ("logout", "/demo/")


@dataclass(frozen=True)
class Site:
    gateway: Gateway
    base: str


@contextmanager
def living_site(folder: Path, *further: Sequence[str]) -> Iterator[Site]:
    """With `further` commands after the demo's."""
    commands = [
        ("demo",),
        ("user", "password", "alice", "--password", PASSWORD),
        ("user", "create", "boss", "--password", PASSWORD, "--role", "root"),
        *further,
    ]
    with (
        fresh_store("sqlite", folder) as store,
        running_gateway(
            store, folder, commands=commands, workers=1, GLOBAL_WEB_RATE_LIMIT="0"
        ) as gateway,
    ):
        yield Site(gateway, f"http://127.0.0.1:{gateway.port}")


def sign_in(chromium: Browser, site: Site, name: str, **look: object) -> Visit:
    context = chromium.new_context(**look)  # type: ignore[arg-type]
    visitor = Visit(context, site.base)
    door = "/login" if name == "alice" else "/admin/login/"
    page = visitor.open(door)
    # Once more: an announcement comes up only once, and not in the midst of typing.
    visitor.goto(page, door)
    page.locator("input[name=username], input[name=login]").first.fill(name)
    page.locator("input[name=password]").first.fill(PASSWORD)
    page.locator("input[name=password]").first.press("Enter")
    page.wait_for_load_state("load")
    page.close()
    return visitor


def find_pages(visitor: Visit) -> list[str]:
    """All that answers a GET with a page, and of each list of the console its first row's page."""
    cookies = {str(c["name"]): str(c["value"]) for c in visitor.context.cookies()}
    found: list[str] = []
    with httpx.Client(base_url=visitor.base, cookies=cookies, timeout=60) as client:
        for name, path in all_routes().items():
            if "1" in path or path.endswith(ENDS) or name.startswith("api"):
                continue
            answer = client.get(path)
            kind = answer.headers.get("content-type", "")
            is_page = kind.startswith("text/html") and "<html" in answer.text
            if answer.status_code == 200 and is_page:
                found += [path, *find_row(path, answer.text)]
            else:
                assert answer.status_code < 500, path
    return list(dict.fromkeys(found))


def find_row(path: str, text: str) -> list[str]:
    """The address of the first row of one of the console's lists."""
    _, is_there, rest = text.partition(f'href="{path}')
    while is_there:
        tail = rest.partition('"')[0].partition("?")[0]
        if tail.endswith("/change/"):
            return [path + tail]
        _, is_there, rest = rest.partition(f'href="{path}')
    return []

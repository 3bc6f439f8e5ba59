"""A browser that minds: every console error, script error and policy violation is remembered."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.harness.lacking import lacking

SHELL, WHOLE = "chromium-headless-shell", "chromium"
"""The first has no windows of its own to draw, and takes less than half the time."""
CHROMIUM = shutil.which(SHELL) or shutil.which(WHOLE) or f"/usr/bin/{WHOLE}"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]


@dataclass  # without slots: Playwright leaves a mark on whoever listens
class Visit:
    """One person's browser at our site; `problems` must stay empty."""

    context: BrowserContext
    base: str
    problems: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        page = self.context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        self.goto(page, path)
        return page

    def goto(self, page: Page, path: str) -> None:
        answer = page.goto(self.base + path)
        assert answer is not None
        assert answer.status < 400, f"{path}: {answer.status}"
        page.wait_for_load_state("load")

    def _note(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.location.get('url', '')}: {message.text}")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        lacking("Chromium is not installed (Debian: chromium-headless-shell or chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def sideways(page: Page) -> int:
    """Pixels by which a page is wider than its window."""
    found: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found


def missing_descriptions(page: Page) -> list[str]:
    """Ids that a field names as its description, and that no element has."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll("[aria-describedby]")]
          .flatMap((field) => field.getAttribute("aria-describedby").split(/\\s+/))
          .filter((id) => id && !document.getElementById(id))"""
    )
    return found

"""The menu of the users' pages: entries as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from relay.midjourney.offer import has_drawings

Values = Mapping[str, Any]
"""The options, as `read_values` gives them."""


def always(_user: Any, _values: Values) -> bool:
    return True


def has_chat_link(_user: Any, values: Values) -> bool:
    return bool(values.get("ChatLink"))


def draws(_user: Any, _values: Values) -> bool:
    return has_drawings()


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the menu."""

    title: Any
    url_name: str
    icon: str
    """A name of `chatapi.web.icons`."""
    is_shown: Callable[[Any, Values], bool] = always


@dataclass(frozen=True, slots=True)
class Section:
    title: Any
    entries: tuple[Entry, ...]


MENU = (
    Section(
        "",
        (
            Entry(_("Overview"), "dashboard", "gauge"),
            Entry(_("Playground"), "playground", "play"),
            Entry(_("Chat"), "chat", "chat", has_chat_link),
        ),
    ),
    Section(
        _("API"),
        (
            Entry(_("API tokens"), "tokens", "key"),
            Entry(_("Usage log"), "user_log", "list"),
            Entry(_("Drawing tasks"), "user_midjourney", "image", draws),
            Entry(_("Models and prices"), "model_prices", "tag"),
        ),
    ),
    Section(
        _("Money"),
        (
            Entry(_("Top up"), "topup", "wallet"),
            Entry(_("Orders"), "orders", "receipt"),
            Entry(_("Credit"), "lots", "layers"),
            Entry(_("Invitations"), "invitations", "gift"),
            Entry(_("Withdrawals"), "withdrawals", "cash"),
        ),
    ),
    Section(
        _("Account"),
        (
            Entry(_("Profile"), "profile", "user"),
            Entry(_("Security"), "security", "shield"),
            Entry(_("Alerts"), "alerts", "bell"),
        ),
    ),
    Section(_("Help"), (Entry(_("Tutorial"), "about", "book"),)),
)


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as the template shows it."""

    title: Any
    url: str
    icon: str
    is_current: bool


def arrange_menu(user: Any, values: Values, path: str) -> list[tuple[Any, list[Link]]]:
    """Titles of sections with their links; a page below an entry's path is the entry's too."""
    sections = []
    for section in MENU:
        links = [
            Link(entry.title, url := reverse(entry.url_name), entry.icon, is_below(path, url))
            for entry in section.entries
            if entry.is_shown(user, values)
        ]
        if links:
            sections.append((section.title, links))
    return sections


def is_below(path: str, url: str) -> bool:
    return path == url or path.startswith(url.rstrip("/") + "/")

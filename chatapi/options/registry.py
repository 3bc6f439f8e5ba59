"""The options that an operator changes while the system runs: name, default, meaning, type."""

from dataclasses import dataclass
from types import ModuleType

from chatapi.options.definitions import (
    accounts,
    calls,
    channels,
    credit,
    logs,
    notifications,
    payment,
    prices,
    site,
    staff,
    tokens,
)
from chatapi.options.definitions.kinds import FIELDS, Definitions

TABS: tuple[ModuleType, ...] = (
    site,
    accounts,
    prices,
    credit,
    payment,
    calls,
    channels,
    tokens,
    notifications,
    logs,
    staff,
)
"""In the order of the page."""


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of the page: its id in addresses, its title, and its options."""

    slug: str
    title: str
    names: tuple[str, ...]


OPTION_TABS = tuple(
    Tab(module.__name__.rpartition(".")[2], module.TAB, tuple(module.OPTIONS)) for module in TABS
)
OPTION_FIELDS = FIELDS
OPTIONS: Definitions = {name: entry for module in TABS for name, entry in module.OPTIONS.items()}
OPTION_FIELDSETS: dict[str, tuple[str, ...]] = {tab.title: tab.names for tab in OPTION_TABS}

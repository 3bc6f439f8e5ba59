"""The page about options names what exists, and nothing else as existing."""

import re
from pathlib import Path

from chatapi.options.registry import OPTION_TABS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "options.md"
ROW = re.compile(r"^\| \d+ \| `([^`]+)` \| (.*) \|$", re.MULTILINE)


def test_each_old_key_is_where_the_page_says() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    tabs = {name: tab.title for tab in OPTION_TABS for name in tab.names}
    assert len(rows) == 92
    for name, where in rows:
        is_option = where.startswith("option, tab ")
        assert is_option == (name in tabs), name
        if is_option:
            assert where == f"option, tab {tabs[name]}"

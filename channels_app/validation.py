"""Whether a test's answer looks like the real model's: its snapshot's name, and the details of its
usage. What to expect stands in data/snapshots.csv and in the option ExpectedModelNames.
"""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from channels_app.providers.problems import gettext_noop as _

SNAPSHOTS = Path(__file__).with_name("data") / "snapshots.csv"
LEAST_DETAILS = (("prompt_tokens_details", 2), ("completion_tokens_details", 4))
MOST_NAME = 80

Names = Mapping[str, str]
"""Model -> the name that its answers carry."""
Warning_ = tuple[str, dict[str, str]]
"""An English msgid and the values of its placeholders."""


class NoUsage(ValueError):
    """The answer does not say what it consumed: calls could only be charged by estimate."""


def check_answer(model: str, body: bytes, names: Names) -> list[Warning_]:
    """What is odd about a Chat Completions answer; nothing is expected of models that the names
    do not have. Raises NoUsage.
    """
    expected = names.get(model)
    if not expected:
        return []
    answer = _read(body)
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        raise NoUsage
    warnings: list[Warning_] = []
    told = answer.get("model")
    if told != expected:
        name = str(told)[:MOST_NAME] if told else "–"
        warnings.append(
            (_("It calls itself %(told)s, not %(expected)s"), {"told": name, "expected": expected})
        )
    for name, least in LEAST_DETAILS:
        details = usage.get(name)
        if not isinstance(details, dict) or len(details) < least:
            warnings.append((_("Its usage lacks %(name)s"), {"name": name}))
    return warnings


def _read(body: bytes) -> dict[str, Any]:
    """Some proxies wrap the JSON in a JSON string."""
    try:
        answer = msgspec.json.decode(body)
        if isinstance(answer, str):
            answer = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def expected_names(own: Names) -> Names:
    """The known ones, with the operator's own before them."""
    return {**read_snapshots(), **own}


@cache
def read_snapshots() -> Names:
    """Model -> the name that its answers carry."""
    with SNAPSHOTS.open(encoding="utf-8", newline="") as file:
        return {row["model"]: row["snapshot"] for row in csv.DictReader(file)}

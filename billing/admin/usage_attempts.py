"""What became of one call: the channels that were asked, those passed over, and why this one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.admin.channels import ChannelName
from billing.models import Usage, UsageStatus

ANSWERED = frozenset({UsageStatus.OK, UsageStatus.LEFT, UsageStatus.STOPPED})
SKIPPED = "skipped:"
"""How an attempt that was none begins its error: behind it stands why."""

REASONS = {
    "cooling": _("resting after failures, for this model"),
    "circuit_open": _("failed too often lately: its circuit is open"),
    "circuit_probing": _("just being tried again by another call"),
    "retry_budget": _("has had its share of second tries"),
    "concurrency": _("had as many calls at once as it may"),
    "rate": _("had as many calls in this minute as it may"),
    "token_rate": _("had as many tokens in this minute as it may"),
    "daily_cap": _("had as many calls, tokens or dollars today as it may"),
    "too_long": _("the request is longer than it takes"),
    "keys_resting": _("all its keys rest or are disabled"),
    "tier": _("all channels of this priority were passed over: the next one's turn"),
    "unfit": _("can't do what the call asked for"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt. `start` and `width` are percentages of the whole time, for the drawing."""

    channel: int | None
    name: str
    is_known: bool
    ms: int
    error: str
    message: str
    start: float
    width: float
    key: str = ""
    """The end of the key, where the channel has several."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A channel that was not asked, and why."""

    channel: int | None
    name: str
    is_known: bool
    reason: Any


@dataclass(frozen=True, slots=True)
class Way:
    """How a call came to its channel."""

    steps: tuple[Step, ...]
    passed: tuple[Passed, ...]
    why: str


def read_way(usage: Usage, known: Mapping[int, ChannelName]) -> Way:
    rows = json.loads(usage.attempts) if usage.attempts else []
    passed = [row for row in rows if row.get("error", "").startswith(SKIPPED)]
    tried = [row for row in rows if row not in passed]
    if not tried and usage.channel_id is not None:
        tried = [_only_attempt(usage)]
    steps = _steps(tried, usage.total_ms, known)
    return Way(
        steps,
        tuple(
            Passed(
                row.get("channel"),
                _name(row),
                row.get("channel") in known,
                _reason(row["error"].removeprefix(SKIPPED)),
            )
            for row in passed
        ),
        tell_why(usage, steps, len(passed), is_preferred=bool(tried and tried[-1].get("why"))),
    )


def _only_attempt(usage: Usage) -> dict[str, Any]:
    """Where the first try succeeded the row has no list of its own."""
    error = "" if usage.status in ANSWERED else usage.error_code
    return {
        "channel": usage.channel_id,
        "name": usage.channel_name,
        "ms": usage.total_ms,
        "error": error,
    }


def _steps(
    rows: Sequence[Mapping[str, Any]], total_ms: int, known: Mapping[int, ChannelName]
) -> tuple[Step, ...]:
    steps, begun = [], 0
    whole = max(total_ms, sum(row.get("ms", 0) for row in rows), 1)
    for row in rows:
        taken = row.get("ms", 0)
        steps.append(
            Step(
                row.get("channel"),
                row.get("name", ""),
                row.get("channel") in known,
                taken,
                row.get("error", ""),
                row.get("message", ""),
                round(100 * begun / whole, 2),
                max(round(100 * taken / whole, 2), 0.5),
                row.get("key", ""),
            )
        )
        begun += taken
    return tuple(steps)


def _name(row: Mapping[str, Any]) -> str:
    """Of a channel, or of a whole priority."""
    if row["error"] == f"{SKIPPED}tier":
        return gettext("Priority %(number)s") % {"number": row.get("name", "")}
    name: str = row.get("name", "")
    return name


def _reason(code: str) -> Any:
    return REASONS.get(code, code)


def tell_why(
    usage: Usage, steps: Sequence[Step], passed: int, *, is_preferred: bool = False
) -> str:
    """A sentence or two on why the call went where it went."""
    values = {"model": usage.model, "group": usage.group, "channel": usage.channel_name}
    if not steps:
        return gettext("No channel was asked: the call was refused before.")
    rule = gettext(
        "Of the channels that serve %(model)s to group %(group)s, those with the highest priority "
        "come first; among equals the weight decides by lot."
    )
    parts = [rule % values]
    failed = len(steps) - 1 if not steps[-1].error else len(steps)
    if is_preferred:
        parts.append(
            gettext(
                "%(channel)s was asked first because it answered such a call of this token last: "
                "the provider may still know the beginning of the prompt."
            )
            % values
        )
    if passed:
        parts.append(gettext("Some were passed over, see below."))
    if failed and not steps[-1].error:
        parts.append(
            gettext("%(channel)s was next after those asked before it had failed.") % values
        )
    elif failed > 1:
        parts.append(gettext("All that were asked failed."))
    return " ".join(parts)

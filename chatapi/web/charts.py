"""Numbers for charts.js: what each chart draws, as JSON beside its canvas.

Dollars are floats here, for heights only: no sum is made of these.
"""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from chatapi.console.money import units_per_usd
from chatapi.web.statistics import Spending, Sums

MOST_SERIES = 7


def stack_by_model(found: Spending, *, by_day: bool) -> dict[str, Any]:
    """Dollars per slot, one series per model; what is beyond the first models is summed up."""
    slots = sorted(found.by_slot)
    tops = [name for name, _sums in found.top_models()]
    named, rest = tops[:MOST_SERIES], tops[MOST_SERIES:]
    series = [
        {
            "name": name,
            "values": [_usd(found.by_slot_and_model.get((slot, name))) for slot in slots],
        }
        for name in named
    ]
    if rest:
        values = [
            sum(_usd(found.by_slot_and_model.get((slot, name))) for name in rest) for slot in slots
        ]
        series.append({"name": _("others"), "values": values})
    form = "%m-%d" if by_day else "%H:%M"
    return {
        "kind": "stack",
        "format": "usd",
        "labels": [f"{slot:{form}}" for slot in slots],
        "series": series,
    }


def pie_of_calls(found: Spending) -> dict[str, Any]:
    """Calls per model."""
    tops = found.top_models()
    shown = [(name, sums.calls) for name, sums in tops[:MOST_SERIES]]
    rest = sum(sums.calls for _name, sums in tops[MOST_SERIES:])
    if rest:
        shown.append((_("others"), rest))
    return {
        "kind": "pie",
        "format": "count",
        "labels": [name for name, _calls in shown],
        "series": [{"name": _("Calls"), "values": [calls for _name, calls in shown]}],
    }


def lines_of_day(hours: Sequence[Sums]) -> dict[str, Any]:
    """Calls and dollars by the hour of the day."""
    return {
        "kind": "lines",
        "format": "count",
        "labels": [f"{hour:02}:00" for hour in range(len(hours))],
        "series": [
            {"name": _("Calls"), "values": [sums.calls for sums in hours]},
            {"name": _("Spent"), "values": [_usd(sums) for sums in hours], "format": "usd"},
        ],
    }


def _usd(sums: Sums | None) -> float:
    return 0.0 if sums is None else round(sums.units / units_per_usd(), 9)

"""Pages of lists: `p` counts from zero, the size is at most a hundred, and nothing is counted that
would cost more than a page.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from chatapi.console.paging import Place
from chatapi.web.api.errors import BadRequest
from chatapi.web.api.fields import ClampedInteger, PlainInteger
from chatapi.web.pages.paging import read_place

USUAL_SIZE = 10
MOST_SIZE = 100
SIZE_NAMES = ("page_size", "size", "pageSize")
MOST_SKIPPED = 10_000
"""Rows before a page of `p`. Where a list goes on behind them, `next` is the way."""
MOST_COUNTED = 10_000
"""Counts stop here: this many means "at least"."""


class PageQuery(serializers.Serializer[Any]):
    """Which page, and how many rows: `size` and `pageSize` are other names of `page_size`."""

    p = ClampedInteger(least=0, most=10**12, required=False, default=0)
    page_size = ClampedInteger(
        least=0, most=MOST_SIZE, required=False, help_text="1 to 100, usually 10."
    )


@dataclass(frozen=True, slots=True)
class Page:
    """So many rows, after so many others."""

    number: int
    size: int

    @property
    def skipped(self) -> int:
        return self.number * self.size

    def cut(self, rows: QuerySet[Any]) -> list[Any]:
        """The page's rows. Raises BadRequest for pages that a database should not be asked for."""
        if self.skipped > MOST_SKIPPED:
            raise BadRequest(
                _("Lists end after %(count)d rows: ask more narrowly.") % {"count": MOST_SKIPPED}
            )
        return list(rows[self.skipped : self.skipped + self.size])


def read_page(request: Request) -> Page:
    """Raises DRF's ValidationError for what are no numbers."""
    params = request.query_params
    number = _read_number(params.get("p"), 0)
    size = next((params[name] for name in SIZE_NAMES if name in params), None)
    asked = _read_number(size, USUAL_SIZE)
    return Page(max(number, 0), min(asked, MOST_SIZE) if asked > 0 else USUAL_SIZE)


def count_some(rows: QuerySet[Any]) -> int:
    """How many rows there are, or MOST_COUNTED."""
    return rows.order_by()[:MOST_COUNTED].count()


@dataclass(frozen=True, slots=True)
class Rest:
    """A page of a list without end, and where the next one begins; '' after the last."""

    rows: list[Any]
    next: str


def read_newest(request: Request, rows: QuerySet[Any], field: str) -> Rest:
    """Newest first by this time and the key: behind the row that the parameter `next` names, or by
    `p`. Raises BadRequest.
    """
    page = read_page(request)
    ordered = rows.order_by(f"-{field}", "-pk")
    cursor = request.query_params.get("next", "")
    if cursor:
        place = read_place(cursor, field)
        if place is None:
            raise BadRequest(_("“next” is not what an answer told."))
        found = list(ordered.filter(place.beyond(field, is_older=True))[: page.size])
    else:
        found = page.cut(ordered)
    is_full = len(found) == page.size
    last = Place(found[-1].pk, getattr(found[-1], field)) if is_full else ""
    return Rest(found, str(last))


def _read_number(text: str | None, default: int) -> int:
    if text is None or not text.strip():
        return default
    try:
        return int(PlainInteger().run_validation(text.strip()[:30]))
    except serializers.ValidationError as error:
        raise BadRequest(_("A page is a whole number.")) from error

"""Lists of the users' pages, newest first: the next page begins where this one ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from chatapi.console.paging import EPOCH, MICROSECOND, NEWER, OLDER, Place, read_key

PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class ListPage:
    """Rows, and where the pages beside them are; an empty URL where there are none."""

    rows: Sequence[Any]
    older_url: str = ""
    newer_url: str = ""


def read_page(
    request: HttpRequest, rows: QuerySet[Any], *, by: str = "", size: int = PER_PAGE
) -> ListPage:
    """The page that the URL asks for; one query. `by` is the time that the list is ordered by
    before its key: without it, by key alone.
    """
    older, newer = (read_place(request.GET.get(name), by) for name in (OLDER, NEWER))
    is_back = newer is not None and older is None
    start = newer if is_back else older
    if start is not None:
        rows = rows.filter(start.beyond(by, is_older=not is_back))
    names = [by, "pk"] if by else ["pk"]
    found = list(rows.order_by(*(n if is_back else f"-{n}" for n in names))[: size + 1])
    has_more = len(found) > size
    found = found[:size]
    if is_back:
        found.reverse()
    has_older = is_back or has_more
    has_newer = has_more if is_back else start is not None
    if not found:
        return ListPage([], newer_url=first_page(request) if start is not None else "")
    return ListPage(
        found,
        older_url=_url(request, OLDER, found[-1], by) if has_older else "",
        newer_url=_url(request, NEWER, found[0], by) if has_newer else "",
    )


def read_place(text: str | None, by: str) -> Place | None:
    """A place of the URL; None for what is none."""
    if not by:
        key = read_key(text)
        return None if key is None else Place(key)
    moment, _dash, rest = (text or "").partition("-")
    micros, key = read_key(moment), read_key(rest)
    if micros is None or key is None or micros > 10**17:
        return None
    return Place(key, EPOCH + micros * MICROSECOND)


def query_without(request: HttpRequest, *names: str) -> QueryDict:
    """The filters of the URL, without the place of the page and these."""
    query = request.GET.copy()
    for name in (OLDER, NEWER, *names):
        query.pop(name, None)
    return query


def first_page(request: HttpRequest) -> str:
    return f"?{query_without(request).urlencode()}"


def _url(request: HttpRequest, side: str, row: Any, by: str) -> str:
    query = query_without(request)
    query[side] = str(Place(row.pk, getattr(row, by) if by else None))
    return f"?{query.urlencode()}"

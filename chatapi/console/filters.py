"""Filters as fields of one form above a list; their values stay in the URL."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.admin import ListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chatapi.console.zones import has_date_everywhere, viewer_zone

Rows = QuerySet[Any]
Narrow = str | Callable[[Rows, Any], Rows]
"""A lookup like `model` or `name__icontains`, or a function of rows and value."""


class FieldFilter(ListFilter):
    """One field of the form. `admin/change_list.html` shows it; `apply` narrows the list."""

    parameter = ""
    template = ""
    is_time = False
    indexed: bool | Callable[[str], bool] = False
    """Whether the database finds these rows without looking at others; may depend on the text."""

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: Any,
    ) -> None:
        super().__init__(request, params, model, model_admin)
        values = params.pop(self.parameter, [""])
        self.value: str = values[-1].strip()[:200]

    @property
    def is_indexed(self) -> bool:
        indexed = type(self).indexed
        return indexed if isinstance(indexed, bool) else indexed(self.value)

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Any:
        return iter(())

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return self.apply(queryset, self.value) if self.value else queryset

    def apply(self, rows: Rows, value: str) -> Rows:
        # Each kind of filter says how; this class is never one by itself.
        raise NotImplementedError

    def field(self) -> SafeString:
        return format_html(
            '<input type="search" name="{0}" id="filter-{0}" value="{1}" autocomplete="off">',
            self.parameter,
            self.value,
        )


class ChoiceFilter(FieldFilter):
    """A select; choices that are not offered find nothing."""

    options: Callable[[], Iterable[tuple[Any, Any]]]

    def field(self) -> SafeString:
        offered = [("", _("All")), *type(self).options()]
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            (
                (value, SafeString(" selected") if str(value) == self.value else "", label)
                for value, label in offered
            ),
        )
        return format_html(
            '<select name="{0}" id="filter-{0}">{1}</select>', self.parameter, options
        )


class TimeFilter(FieldFilter):
    """A moment in the viewer's zone, as the rows show theirs."""

    is_time = True
    lookup = ""

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self.moment = read_moment(self.value, viewer_zone(request))

    def apply(self, rows: Rows, value: str) -> Rows:
        return rows.none() if self.moment is None else rows.filter(**{self.lookup: self.moment})

    def field(self) -> SafeString:
        return format_html(
            '<input type="datetime-local" name="{0}" id="filter-{0}" value="{1}">',
            self.parameter,
            self.value,
        )


def text_filter(
    parameter: str,
    title: Any,
    narrow: Narrow,
    *,
    indexed: bool | Callable[[str], bool] = False,
) -> type[FieldFilter]:
    return _make(FieldFilter, parameter, title, apply=_applied(narrow), indexed=_static(indexed))


def number_filter(
    parameter: str, title: Any, lookup: str, *, indexed: bool = False
) -> type[FieldFilter]:
    def narrow(rows: Rows, value: str) -> Rows:
        is_number = value.isascii() and value.isdecimal() and len(value) < 19
        return rows.filter(**{lookup: int(value)}) if is_number else rows.none()

    return _make(FieldFilter, parameter, title, apply=_applied(narrow), indexed=indexed)


def choice_filter(
    parameter: str,
    title: Any,
    options: Callable[[], Iterable[tuple[Any, Any]]],
    lookup: Narrow = "",
    *,
    indexed: bool | Callable[[str], bool] = False,
) -> type[FieldFilter]:
    choose = _applied(lookup or parameter)

    def narrow(rows: Rows, value: str) -> Rows:
        known = {str(option): option for option, _label in options()}
        return choose(None, rows, known[value]) if value in known else rows.none()

    return _make(
        ChoiceFilter,
        parameter,
        title,
        apply=_applied(narrow),
        options=staticmethod(options),
        indexed=_static(indexed),
    )


def time_filter(parameter: str, title: Any, lookup: str) -> type[FieldFilter]:
    return _make(TimeFilter, parameter, title, lookup=lookup)


def read_moment(text: str, zone: tzinfo) -> datetime | None:
    """As TimeFilter's field sends it; None: it is none."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        return None
    return moment if has_date_everywhere(moment) else None


def _static(indexed: bool | Callable[[str], bool]) -> Any:  # noqa: FBT001 -- as it was given
    """So that a function stays one as an attribute of a class."""
    return indexed if isinstance(indexed, bool) else staticmethod(indexed)


def _applied(narrow: Narrow) -> Callable[[Any, Rows, Any], Rows]:
    if isinstance(narrow, str):
        lookup = narrow
        return lambda _filter, rows, value: rows.filter(**{lookup: value})
    return lambda _filter, rows, value: narrow(rows, value)


def _make(base: type[FieldFilter], parameter: str, title: Any, **more: Any) -> type[FieldFilter]:
    body: Mapping[str, Any] = {"parameter": parameter, "title": title, **more}
    return type(f"{parameter.title()}Filter", (base,), dict(body))

"""What the console changes is written into the audit log, in the transaction that changes it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from chatapi.console.audit import record_act
from chatapi.console.fields import SecretInput, plain_decimal

SECRET = "***"  # noqa: S105 -- stands for one
MOST_TEXT = 1000
"""Characters of a text that are kept."""

Values = dict[str, Any]


class AuditedAdmin:
    """In the place of Django's LogEntry: one entry for each row that is added, changed, deleted.

    Of the fields in `change_only`, and of passwords, the log says only that they changed.
    """

    opts: Any
    change_only: Collection[str]
    get_object: Callable[..., Any]
    has_view_permission: Callable[..., bool]

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002 -- Django's signature
    ) -> Any:
        return describe_form(form, self.change_only, is_new=add)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return self.record(request, "add", obj, after=message[1])

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        before, after = message
        return self.record(request, "change", obj, before, after) if after else None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """They are recorded where they are deleted."""
        return []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            self.record(request, "delete", obj)
            obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """One by one, so that each is published."""
        with transaction.atomic():
            for obj in queryset:
                self.delete_model(request, obj)

    def record(
        self,
        request: HttpRequest,
        verb: str,
        obj: Any,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> Any:
        action = f"{self.opts.model_name}.{verb}"
        return record_act(action, request=request, target=obj, before=before, after=after)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """The entries of this row, in the audit log."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        return HttpResponseRedirect(history_url(obj))


def history_url(obj: models.Model) -> str:
    query = urlencode({"kind": obj._meta.label, "object": obj.pk})
    return f"{reverse('admin:console_auditentry_changelist')}?{query}"


@contextmanager
def recorded(
    request: HttpRequest, action: str, rows: Iterable[Any], hidden: Collection[str] = ()
) -> Iterator[None]:
    """One entry for each of the rows that the block changes, and all of it or nothing."""
    with transaction.atomic():
        chosen = list(rows)
        old = [describe_row(row) for row in _read_again(chosen)]
        yield
        for before, row in zip(old, _read_again(chosen), strict=True):
            changed = compare(before, describe_row(row), hidden)
            if changed[1]:
                record_act(action, request=request, target=row, before=changed[0], after=changed[1])


def compare(before: Values, after: Values, hidden: Collection[str] = ()) -> tuple[Values, Values]:
    """What differs, as it was and as it is."""
    names = [name for name in after if before.get(name) != after[name]]
    secret = {name for name in names if name in hidden or name.endswith("_sealed")}
    return (
        {name: _hide(before.get(name), name in secret) for name in names},
        {name: _hide(after[name], name in secret) for name in names},
    )


def describe_row(row: models.Model) -> Values:
    """What people decide; counters move by themselves."""
    return {
        field.name: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.editable or field.name.endswith("_sealed")
    }


def describe_form(
    form: forms.BaseForm, hidden: Collection[str], *, is_new: bool
) -> tuple[Values, Values]:
    """What was entered, beside what was there."""
    before: Values = {}
    after: Values = {}
    for name in form.fields if is_new else form.changed_data:
        if name not in form.fields:
            # Django's form of a new password names the column that it will write.
            before[name], after[name] = "", SECRET
            continue
        value = form.cleaned_data.get(name)
        if is_new and value in (None, "", [], {}):
            continue
        is_secret = name in hidden or is_secret_field(form.fields[name])
        if not is_new:
            before[name] = _hide(form.get_initial_for_field(form.fields[name], name), is_secret)
        after[name] = _hide(value, is_secret)
    return before, after


def is_secret_field(field: forms.Field) -> bool:
    return isinstance(field.widget, forms.PasswordInput | SecretInput)


def _read_again(rows: list[Any]) -> list[Any]:
    found = rows[0].__class__.objects.in_bulk([row.pk for row in rows]) if rows else {}
    return [found[row.pk] for row in rows if row.pk in found]


def _hide(value: Any, is_secret: bool) -> Any:  # noqa: FBT001 -- private, and always the same
    if is_secret:
        return SECRET if value else ""
    return tell(value)


def tell(value: Any) -> Any:
    """Fit for JSON, and for people."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dict):
        return {str(name): tell(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | models.QuerySet):
        return [tell(inner) for inner in value]
    return tell_text(value)


def tell_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain_decimal(value)
    if isinstance(value, date):
        return value.isoformat()
    text = str(value.pk if isinstance(value, models.Model) else value)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"

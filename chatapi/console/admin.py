"""The console's page of the audit log: who did what, to whose account, and what it changed."""

import json
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from operator import itemgetter
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from chatapi.console import task_admin
from chatapi.console.act_titles import title_of
from chatapi.console.audit import record_act
from chatapi.console.base import ReadOnlyAdmin
from chatapi.console.columns import mono, time_column
from chatapi.console.exports import stream_csv
from chatapi.console.filters import choice_filter, text_filter, time_filter
from chatapi.console.models import AuditEntry
from chatapi.console.zones import viewer_zone

__all__ = ["AuditAdmin", "task_admin"]

PAGE = 1000
SHOWN = 3
HEAD = (
    *("time", "actor_id", "actor", "address", "action", "kind", "object", "name"),
    *("before", "after", "note", "session", "request_id"),
)


def of_action(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """`user` finds all that was done to users, `user.ban` only bans."""
    return rows.filter(Q(action=text) | Q(action__startswith=f"{text}."))


def object_kinds() -> list[tuple[str, str]]:
    """What pages of the console show, by name."""
    kinds = (model._meta for model in apps.get_models() if admin.site.is_registered(model))
    return sorted(
        ((kind.label, capfirst(str(kind.verbose_name))) for kind in kinds), key=itemgetter(1)
    )


@admin.register(AuditEntry)
class AuditAdmin(ReadOnlyAdmin[AuditEntry]):
    about = _("Who did what, with what was before and after.")
    change_form_template = "admin/console/auditentry/change_form.html"
    change_list_template = "admin/console/auditentry/change_list.html"
    page_field = "at"
    list_display = ("time", "actor", "what", "target", "changes", "address")
    list_filter = (
        time_filter("from", _("from"), "at__gte"),
        time_filter("to", _("to"), "at__lt"),
        text_filter("actor", _("actor"), "actor_name"),
        text_filter("action", _("action"), of_action),
        choice_filter("kind", _("kind of object"), object_kinds, "object_type", indexed=True),
        text_filter("object", _("number of the object"), "object_id"),
        text_filter("session", _("session"), "session"),
    )
    sortable_by = ()
    fields = ("time", "actor", "address", "session", "request_id", "what", "target", "note")
    readonly_fields = ("time", "actor", "what", "target")

    time = time_column("at", _("time"))

    @admin.display(description=_("actor"))
    def actor(self, entry: AuditEntry) -> SafeString | str:
        if entry.actor_id is None:
            return entry.actor_name
        return object_link("accounts.User", str(entry.actor_id), entry.actor_name)

    @admin.display(description=_("action"))
    def what(self, entry: AuditEntry) -> SafeString | str:
        title = title_of(entry.action, entry.object_type)
        if not title:
            return mono(entry.action)
        return format_html('{} <span class="under mono">{}</span>', title, entry.action)

    @admin.display(description=_("object"))
    def target(self, entry: AuditEntry) -> SafeString | str:
        text = entry.object_name or entry.object_id
        return object_link(entry.object_type, entry.object_id, text) if text else "–"

    @admin.display(description=_("what changed"))
    def changes(self, entry: AuditEntry) -> SafeString | str:
        names = list({**entry.before, **entry.after})
        more = f" +{len(names) - SHOWN}" if len(names) > SHOWN else ""
        text = ", ".join(names[:SHOWN]) + more or entry.note or "–"
        url = reverse("admin:console_auditentry_change", args=[entry.pk])
        return format_html('<a href="{}">{}</a>', url, text[:120])

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        rules = self.admin_site.rules
        rows: QuerySet[AuditEntry] = rules.narrow_entries(
            request.user, super().get_queryset(request)
        )
        return rows

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export_view)
        return [path("export/", export, name="console_auditentry_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """All entries that the filters in the URL find, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked: HttpResponse | None = self.admin_site.ask_for_password(request)
        if asked is not None:
            return asked
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:console_auditentry_changelist"))
        record_act("auditentry.export", request=request, note=request.GET.urlencode()[:500])
        zone = viewer_zone(request)
        name = f"audit-{timezone.now().astimezone(zone):%Y%m%d-%H%M}.csv"
        return stream_csv(request, name, HEAD, lambda: export_pages(rows, zone))

    def page_context(self, request: HttpRequest, obj: AuditEntry | None) -> dict[str, Any]:
        return {"changes": list(list_changes(obj))} if obj else {}


def list_changes(entry: AuditEntry) -> Iterator[tuple[str, str, str]]:
    """Field, as it was, as it is."""
    for name in {**entry.before, **entry.after}:
        yield name, show_value(entry.before.get(name, "")), show_value(entry.after.get(name, ""))


def show_value(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2)


def object_link(label: str, key: str, text: str) -> SafeString | str:
    """To the page of the object, where it has one; it may be gone, then the page says so."""
    try:
        model = apps.get_model(label)
        view = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        return format_html('<a href="{}">{}</a>', reverse(view, args=[key]), text)
    except (LookupError, ValueError, NoReverseMatch):
        return text


def export_pages(rows: QuerySet[AuditEntry], zone: tzinfo) -> Iterator[list[Sequence[Any]]]:
    """Newest first, page by page, each beginning where the one before ended."""
    ordered = rows.order_by("-pk")
    found = list(ordered[:PAGE])
    while found:
        yield [export_row(entry, zone) for entry in found]
        if len(found) < PAGE:
            return
        found = list(ordered.filter(pk__lt=found[-1].pk)[:PAGE])


def export_row(entry: AuditEntry, zone: tzinfo) -> Sequence[Any]:
    return (
        entry.at.astimezone(zone).isoformat(timespec="milliseconds"),
        entry.actor_id,
        entry.actor_name,
        entry.address,
        entry.action,
        entry.object_type,
        entry.object_id,
        entry.object_name,
        json.dumps(entry.before, ensure_ascii=False),
        json.dumps(entry.after, ensure_ascii=False),
        entry.note,
        entry.session,
        entry.request_id,
    )

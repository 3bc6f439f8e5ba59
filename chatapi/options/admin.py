"""The console's page of options: a form for each tab, and their history."""

from collections.abc import Iterator, Mapping
from typing import Any

from constance.admin import Config, ConstanceAdmin
from constance.utils import get_values
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_protect

from chatapi.console.base import RuledAdmin
from chatapi.console.fields import SecretInput, plain_decimal
from chatapi.console.models import AuditEntry
from chatapi.options.forms import ACTION, OptionsForm
from chatapi.options.registry import OPTION_TABS, OPTIONS, Tab
from chatapi.options.secret_options import is_grave

# Shaped like a model, which the types can't know.
models: Any = [Config]
admin.site.unregister(models)
PAGE = 50


class OptionsAdmin(RuledAdmin, ConstanceAdmin):
    @method_decorator(csrf_protect)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        values = get_values()
        sent: OptionsForm | None = None
        tab = None
        if request.method == "POST":
            if not self.has_change_permission(request):
                raise PermissionDenied
            asked: HttpResponse | None = self.admin_site.ask_for_password(
                request, lambda: changes_something_grave(request, values)
            )
            if asked is not None:
                return asked
            tab = find_tab(request.POST.get("tab", ""))
            sent = OptionsForm(values, tab, request.POST)
            if sent.is_valid():
                tell_saved(request, sent.save_for(request))
                return HttpResponseRedirect(f"#{tab.slug}" if tab else ".")
            messages.error(request, _("Nothing was saved: please correct what is marked below."))
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": _("Options"),
            "opts": self.model._meta,
            "app_label": "constance",
            "tabs": list(describe_tabs(values, sent, tab)),
            "sent": sent,
            "sent_tab": tab.slug if tab else "",
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/options/change_list.html", context)

    def history_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Who changed which option from what to what, newest first."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        rows = AuditEntry.objects.filter(action=ACTION).order_by("-pk")
        before = request.GET.get("before", "")
        if before.isdecimal() and len(before) < 19:
            rows = rows.filter(pk__lt=int(before))
        found = list(rows[: PAGE + 1])
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": _("History of the options"),
            "opts": self.model._meta,
            "entries": [(entry, list(list_changes(entry))) for entry in found[:PAGE]],
            "older": found[PAGE - 1].pk if len(found) > PAGE else None,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/options/history.html", context)


def changes_something_grave(request: HttpRequest, values: Mapping[str, Any]) -> bool:
    """What is not sent is emptied, or not ticked."""
    tab = find_tab(request.POST.get("tab", ""))
    names = tab.names if tab else tuple(OPTIONS)
    return any(is_grave(name, request.POST.get(name, ""), values) for name in names)


def find_tab(slug: str) -> Tab | None:
    return next((tab for tab in OPTION_TABS if tab.slug == slug), None)


def tell_saved(request: HttpRequest, changed: list[str]) -> None:
    if not changed:
        messages.info(request, _("Nothing was changed."))
        return
    text = ngettext(
        "%(count)s option saved: %(names)s", "%(count)s options saved: %(names)s", len(changed)
    )
    messages.success(request, text % {"count": len(changed), "names": ", ".join(changed)})


def describe_tabs(
    values: Mapping[str, Any], sent: OptionsForm | None, sent_tab: Tab | None
) -> Iterator[dict[str, Any]]:
    """What the template shows; the tab that was sent shows what was entered."""
    for tab in OPTION_TABS:
        is_sent = sent is not None and sent_tab in {tab, None}
        form = sent if sent is not None and is_sent else OptionsForm(dict(values), tab)
        rows = [describe_option(form, name, values[name]) for name in tab.names]
        yield {
            "slug": tab.slug,
            "title": _(tab.title),
            "rows": rows,
            "form": form,
            "changed": sum(row["is_changed"] for row in rows),
            "errors": sum(bool(row["field"].errors) for row in rows),
        }


def describe_option(form: OptionsForm, name: str, value: Any) -> dict[str, Any]:
    default, meaning = OPTIONS[name][:2]
    field = form[name]
    widget = field.field.widget
    return {
        "name": name,
        "meaning": meaning,
        "field": field,
        "default": show_default(field.field, default),
        "is_changed": value != default,
        "is_switch": isinstance(widget, forms.CheckboxInput),
        "is_wide": isinstance(widget, forms.Textarea) and not isinstance(widget, SecretInput),
    }


def show_default(field: forms.Field, default: Any) -> str:
    """As a person would enter it."""
    if isinstance(default, bool):
        return _("on") if default else _("off")
    if isinstance(field, forms.ChoiceField):
        return str(dict(field.choices).get(default, default))  # type: ignore[arg-type]
    if isinstance(default, str | int):
        return str(default)
    return plain_decimal(default)


def list_changes(entry: AuditEntry) -> Iterator[tuple[str, Any, Any]]:
    for name, new in entry.after.items():
        yield name, entry.before.get(name, ""), new


admin.site.register(models, OptionsAdmin)

"""What all admin classes share: lists without counts, saves that touch only what was changed."""

from collections.abc import Container, Sequence
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.utils import flatten, unquote
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext

from chatapi.console.audited import AuditedAdmin
from chatapi.console.fields import MomentField, PlainDecimalField
from chatapi.console.paging import ConsoleChangeList, KeyPagedChangeList

M = TypeVar("M", bound=models.Model)


class RuledAdmin:
    """Asks the site's rules instead of Django's tables of permissions."""

    admin_site: Any
    opts: Any

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "view")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "delete")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "view")

    def may(self, request: HttpRequest, verb: str) -> bool:
        label = f"{self.opts.app_label}.{self.opts.object_name}"
        allowed: bool = self.admin_site.rules.may_open(request.user, label, verb)
        return allowed


class ConsoleAdmin(RuledAdmin, AuditedAdmin, admin.ModelAdmin[M]):
    """An editable model.

    `owner_path` leads from a row to the user whose it is: rows of users that one may not see are
    left out everywhere. Each action needs the right to change, unless it says otherwise.
    """

    owner_path = ""
    change_only: Sequence[str] = ()
    """Fields that nobody sees who may not change them: secrets, and texts that may hold some."""
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    is_key_paged = False
    about: Any = ""
    """Above the list: what the rows are, where their name alone does not say it."""
    when_empty: Any = ""
    """What makes the first row, where no button does."""
    what_stays: Any = ""
    """What is left when a row is deleted, said before one does."""
    empty_value_display = "–"
    formfield_overrides = {
        models.DecimalField: {"form_class": PlainDecimalField},
        models.DateTimeField: {"form_class": MomentField, "widget": None},
    }

    def get_action_choices(self, request: HttpRequest, default_choices: Any = None) -> Any:
        return super().get_action_choices(request, [("", gettext("Choose an action"))])

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeyPagedChangeList if self.is_key_paged else ConsoleChangeList

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A page is named for what it shows."""
        obj = self.get_object(request, unquote(object_id)) if object_id else None
        name = capfirst(str(self.opts.verbose_name))
        context: dict[str, Any] = {"show_save_and_add_another": obj is None}
        if obj is None:
            context["title"] = gettext("Add %(name)s") % {"name": self.opts.verbose_name}
        else:
            context |= {"title": self.page_title(obj), "subtitle": name}
        context |= self.page_context(request, obj)
        return super().changeform_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        back = reverse(page, args=[object_id])
        context = {"back": back, "what_stays": self.what_stays, **(extra_context or {})}
        return super().delete_view(request, object_id, context)

    def page_context(self, request: HttpRequest, obj: M | None) -> dict[str, Any]:
        """What the template of the page shows besides; None: of something new."""
        return {}

    def page_title(self, obj: M) -> str:
        return str(obj)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[M]:
        rows = super().get_queryset(request)
        narrowed: models.QuerySet[M] = self.admin_site.rules.narrow_rows(
            request.user, rows, self.owner_path
        )
        return narrowed

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Lists are narrowed by their filters alone. Django lets an address ask for any column of
        the model: whoever may see rows could guess what is hidden in them, letter by letter.
        """
        filters = {getattr(one, "parameter", "") for one in self.get_list_filter(request)}
        if lookup in filters:
            return True
        columns = {field.name for field in self.opts.get_fields()} | {"pk"}
        columns |= {field.attname for field in self.opts.concrete_fields}
        is_column = lookup.partition("__")[0] in columns
        return not is_column and super().lookup_allowed(lookup, value, request)

    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        found = super().get_fieldsets(request, obj)
        if not self.change_only or self.has_change_permission(request, obj):
            return found
        return leave_out(found, frozenset(self.change_only))

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Nobody can be chosen in a form who may not be seen in a list."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        site: Any = self.admin_site
        related = db_field.remote_field.model
        if field is not None and site.is_registered(related):
            path = getattr(site.get_model_admin(related), "owner_path", "")
            field.queryset = site.rules.narrow_rows(request.user, field.queryset, path)
        return field

    def _filter_actions_by_permissions(self, request: HttpRequest, actions: Any) -> Any:
        """Django offers an action that names no permission to all who may look."""
        may_change = self.has_change_permission(request)
        return [
            action
            for action in super()._filter_actions_by_permissions(request, actions)  # type: ignore[misc]
            if may_change or hasattr(action[0], "allowed_permissions")
        ]

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        raise Http404

    def save_model(self, request: HttpRequest, obj: M, form: Form, change: bool) -> None:  # noqa: FBT001 -- Django's signature
        """Writes the changed columns only: counters that move meanwhile stay as they are."""
        if not change:
            obj.save()
            return
        fields = self.fields_to_save(obj, form)
        if fields:
            obj.save(update_fields=fields)

    def fields_to_save(self, obj: M, form: Form) -> Sequence[str]:
        own = {field.name for field in obj._meta.concrete_fields}
        return [name for name in form.changed_data if name in own]


class ReadOnlyAdmin(ConsoleAdmin[M]):
    """Rows that only the system writes. Lists go by `page_field`, a time, where there is one.

    What no index finds is looked for in so many rows at a time (`search_depth`).
    """

    is_key_paged = True
    page_field = ""
    search_depth = 20_000
    actions = None
    change_form_template = "admin/read_only.html"

    def page_title(self, obj: M) -> str:
        return f"#{obj.pk}"

    def may(self, request: HttpRequest, verb: str) -> bool:
        return verb == "view" and super().may(request, verb)


def leave_out(fieldsets: Any, names: Container[str]) -> list[Any]:
    """Fieldsets without some of their fields, and without those that are empty then."""
    found = []
    for title, options in fieldsets:
        fields = [name for name in flatten(options["fields"]) if name not in names]
        if fields:
            found.append((title, {**options, "fields": fields}))
    return found

"""The console's pages of groups."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chatapi.accounts.models import Group
from chatapi.console.base import ConsoleAdmin
from chatapi.console.columns import badge
from chatapi.console.fields import plain_decimal


@admin.register(Group)
class GroupAdmin(ConsoleAdmin[Group]):
    list_display = ("name", "label", "factor", "selectable")
    search_fields = ("name", "label")

    @admin.display(description=_("price ratio"), ordering="ratio")
    def factor(self, group: Group) -> str:
        return plain_decimal(group.ratio)

    @admin.display(description=_("users may choose it for tokens"), ordering="is_selectable")
    def selectable(self, group: Group) -> SafeString:
        return badge(_("yes"), "good") if group.is_selectable else badge(_("no"))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Group | None = None
    ) -> tuple[str, ...]:
        """Users, tokens and channels refer to a group by its name."""
        return ("name",) if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Nobody shall open a cheap group to all users by not looking."""
        return {"is_selectable": False, **super().get_changeform_initial_data(request)}

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        is_needed = obj is not None and obj.name == "default"
        return not is_needed and super().has_delete_permission(request, obj)

"""Who may ask: each view names an area of the scopes, and each method is a reading or a writing.

People need the role that the scope needs; programs need the scope in their access token besides.
Both are what the database says now.
"""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from chatapi.accounts.models import Role, User
from chatapi.accounts.scopes import SCOPES
from chatapi.accounts.second_factor import lacks_required_factor
from chatapi.web.api.confirming import need_our_pages, need_scope

PUBLIC = ""
"""An area that anybody may ask."""
GETS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_second_factor(user: User) -> None:
    """As the console; a program has no second factor."""
    if lacks_required_factor(user):
        raise exceptions.PermissionDenied(
            _("Staff must set up a second factor first."), "second_factor_required"
        )


class HasScope(BasePermission):
    """Denied is what no scope allows."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = view.scope_of(request.method)
        if scope == PUBLIC:
            return True
        user = request.user
        if not user.is_authenticated:
            return False
        if user.must_change_password:
            raise exceptions.PermissionDenied(
                _("The user must change the initial password first"), "password_change_required"
            )
        if scope not in SCOPES:
            raise exceptions.MethodNotAllowed(request.method or "")
        if user.role < SCOPES[scope].role:
            raise exceptions.PermissionDenied(_("You may not do this."))
        if SCOPES[scope].role >= Role.SUPPORT and request.auth is None:
            check_second_factor(user)
        self._check_program(request, scope, changes=request.method in view.changing_reads)
        return True

    def _check_program(self, request: Request, scope: str, *, changes: bool) -> None:
        need_scope(request, scope)
        if changes:
            need_our_pages(request)

"""The console's site: who may enter, its menu, its first page, and how one signs in."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from chatapi.console.audit import record_act
from chatapi.console.menu import MENU, arrange_menu, find_entry
from chatapi.console.money import forget_rate
from chatapi.console.panels import Panel, Step, read_panels, read_steps

SESSION_SECONDS = 12 * 3600
"""A session of the console ends after half a day, others after SESSION_COOKIE_AGE."""


class PasswordChangedMeanwhile(Exception):
    """Another request changed the password while this one was being checked."""


class Rules(Protocol):
    """Who may do what; the console itself knows no roles."""

    def may_enter_console(self, user: Any) -> bool: ...
    def may_open(self, user: Any, label: str, verb: str) -> bool: ...
    def narrow_rows(self, actor: Any, rows: QuerySet[Any], owner: str) -> QuerySet[Any]: ...
    def narrow_entries(self, actor: Any, rows: QuerySet[Any]) -> QuerySet[Any]: ...


class ConsoleSite(AdminSite):
    """Django's admin under our name. `chatapi.accounts.admin` gives it what knows about users."""

    site_header = "Chat API"
    site_title = "Chat API"
    index_title = _("Console")
    password_change_form: Any = None
    password_change_view: Any = None
    """Django's PasswordChangeView, or one that counts guesses."""
    rules: Rules
    login_view: Any = None
    """Django's LoginView, or one that knows what comes after the password."""
    ask_for_password: Any = None
    """`chatapi.accounts.step_up.ask_for_password`, for pages that can't import it."""
    find_obstacle: Any = None
    """What stands between somebody who may enter and the pages: an answer, or None."""

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.steps: list[Step] = []
        self.panels: list[Panel] = []

    def has_permission(self, request: HttpRequest) -> bool:
        return self.rules.may_enter_console(request.user)

    def each_context(self, request: HttpRequest) -> Any:
        forget_rate()
        may_see_audit = self.rules.may_open(request.user, "console.AuditEntry", "view")
        found = super().each_context(request)
        page = getattr(request.resolver_match, "url_name", None) or ""
        entry = find_entry(found["available_apps"], page)
        return {**found, "may_see_audit": may_see_audit, "menu_entry": entry}

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 -- Django's signature
        """What the rules refuse to somebody inside is in the audit log, too."""

        @wraps(view)
        def watched(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if obstacle := self.find_obstacle and self.find_obstacle(request):
                return obstacle
            try:
                return view(request, *args, **kwargs)
            except PermissionDenied:
                note = f"{request.method} {request.get_full_path()}"[:300]
                record_act("console.refused", request=request, note=note)
                raise

        return super().admin_view(watched, cacheable)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        found = super().get_app_list(request, app_label)
        return found if app_label else arrange_menu(found, MENU)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        """The menu has groups of its own: no page shows the models of one app."""
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        steps = read_steps(self.steps)
        context = {
            "steps": [] if all(step["is_done"] for step in steps) else steps,
            "panels": read_panels(self.panels, request),
        }
        return super().index(request, context | (extra_context or {}))

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Too many failures are answered with 429, and when to come back."""
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        if REDIRECT_FIELD_NAME not in {*request.GET, *request.POST}:
            context[REDIRECT_FIELD_NAME] = reverse("admin:index", current_app=self.name)
        request.current_app = self.name
        response: HttpResponse = self.login_view.as_view(
            extra_context=context,
            authentication_form=self.login_form,
            template_name="admin/login.html",
        )(request)
        if isinstance(response, TemplateResponse):
            form = (response.context_data or {}).get("form")
            wait = getattr(form, "retry_after", None)
            if wait:
                response.status_code = 429
                response["Retry-After"] = str(wait)
        return response

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        request.current_app = self.name
        view = self.password_change_view.as_view(
            form_class=self.password_change_form,
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        try:
            return view(request)
        except PasswordChangedMeanwhile:
            logout(request)
            messages.error(request, _("The password was changed meanwhile. Please sign in again."))
            return HttpResponseRedirect(reverse("admin:login", current_app=self.name))

"""The console's pages of users, without their money."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters

from chatapi.accounts import roles
from chatapi.accounts.admin.user_acts import UserActs
from chatapi.accounts.forms import NewUserForm, OperatorPasswordForm, UserForm
from chatapi.accounts.models import Role, User
from chatapi.accounts.people import set_active
from chatapi.accounts.step_up import ask_for_password, require_fresh_password_in
from chatapi.console.audit import record_act
from chatapi.console.base import ConsoleAdmin
from chatapi.console.columns import badge, link, time_column
from chatapi.console.filters import choice_filter, text_filter

ACTIVE, BANNED, DELETED = "active", "banned", "deleted"


def of_state(users: QuerySet[User], state: str) -> QuerySet[User]:
    if state == DELETED:
        return users.filter(deleted_at__isnull=False)
    return users.filter(is_active=state == ACTIVE, deleted_at__isnull=True)


class UserAdmin(UserActs, ConsoleAdmin[User], DjangoUserAdmin[User]):
    """Role, ban and deletion have pages of their own, which ask once more."""

    owner_path = "self"
    is_key_paged = True
    form, add_form, change_password_form = UserForm, NewUserForm, OperatorPasswordForm
    add_form_template = None
    change_user_password_template = "admin/accounts/user/change_password.html"  # noqa: S105 -- a file
    list_display: Any = ("username", "role_badge", "group", "state", "seen", "joined")
    list_filter = (
        choice_filter("role", _("role"), lambda: Role.choices),
        choice_filter(
            "state",
            _("state"),
            lambda: [(ACTIVE, _("active")), (BANNED, _("banned")), (DELETED, _("deleted"))],
            of_state,
        ),
        text_filter("group", _("group"), "group"),
    )
    search_fields = ("username", "email")
    search_help_text = _("Name or e-mail")
    filter_horizontal = ()
    ordering = ("-pk",)
    sortable_by = ()
    readonly_fields: ClassVar[Any] = (
        "new_password",
        "role_badge",
        "state",
        "seen",
        "joined",
        "is_quarantined",
    )
    actions = ("ban", "let_in")
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2", "group", "email")}),)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": (("username", "display_name"), "new_password", "email")}),
        (_("What the user may do"), {"fields": ("role_badge", "group", "state")}),
        (_("Sign-in"), {"fields": (("seen", "joined"), "is_quarantined")}),
    )

    seen = time_column("last_login", _("last sign-in"))
    joined = time_column("date_joined", _("joined"))

    @admin.display(description=_("role"))
    def role_badge(self, user: User) -> SafeString:
        return badge(Role(user.role).label, "plain" if user.role == Role.COMMON else "warn")

    @admin.display(description=_("password"))
    def new_password(self, user: User) -> SafeString:
        if user.is_service:
            return badge(_("service account"))
        return link("auth_user_password_change", user.pk, text=_("Set a new password"))

    @admin.display(description=_("must change the password"))
    def is_quarantined(self, user: User) -> SafeString | str:
        return badge(_("yes"), "warn") if user.must_change_password else str(_("no"))

    @admin.display(description=_("state"))
    def state(self, user: User) -> SafeString:
        if user.deleted_at is not None:
            return badge(_("deleted"))
        return badge(_("active"), "good") if user.is_active else badge(_("banned"), "bad")

    @admin.action(description=_("Ban the selected users"), permissions=["change"])
    def ban(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._switch(request, users.exclude(pk=request.user.pk or 0), active=False)

    @admin.action(description=_("Let the selected users back in"), permissions=["change"])
    def let_in(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._switch(request, users, active=True)

    @method_decorator(sensitive_post_parameters())
    @require_fresh_password_in
    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with transaction.atomic():
            return super().user_change_password(request, *args, **kwargs)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Another address is as good as another password: a link to set one can be sent there. By
        the names of staff others know whom they deal with.
        """

        def is_grave() -> bool:
            user = self.get_object(request, unquote(object_id))
            if user is None:
                return request.method == "POST"
            sent = {name: request.POST.get(name) for name in ("email", "username")}
            changed = [
                name
                for name, text in sent.items()
                if text is not None and text.strip() != getattr(user, name)
            ]
            return "email" in changed or (user.is_staff and "username" in changed)

        if asked := ask_for_password(request, is_grave):
            return asked
        return super().change_view(request, object_id, form_url, extra_context)

    def get_urls(self) -> list[URLPattern]:
        return [*self.act_urls(), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Which acts the page offers."""
        user = kwargs.get("obj")
        if user is not None:
            context |= {
                "may_change_user": roles.may_change(request.user, user),
                "may_set_role": roles.may_set_role(request.user, user),
                "may_ban": roles.may_ban(request.user, user),
            }
        return super().render_change_form(request, context, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A user's money and calls outlive it: Django's way of deleting is none here."""
        return False

    def _switch(self, request: HttpRequest, users: QuerySet[User], *, active: bool) -> None:
        """Those who were it already are left alone; one who can't be is told of."""
        name = "user.let_in" if active else "user.ban"
        count = 0
        for user in users.filter(is_active=not active):
            try:
                with transaction.atomic():
                    set_active(user, active=active)
                    values = {"active": not active}, {"active": active}
                    record_act(
                        name, request=request, target=user, before=values[0], after=values[1]
                    )
            except ValidationError as error:
                messages.error(request, f"{user.username}: {' '.join(error.messages)}")
            else:
                count += 1
        text = ngettext("%(count)d user changed.", "%(count)d users changed.", count)
        messages.success(request, text % {"count": count})

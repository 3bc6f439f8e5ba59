"""Acts on a user that are asked for a second time: role, ban, deletion."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapi.accounts import roles
from chatapi.accounts.models import Role, User
from chatapi.accounts.people import delete_user, set_active, set_role
from chatapi.accounts.step_up import require_fresh_password_in
from chatapi.console.audit import record_act

LIST_PAGE = "admin:accounts_user_changelist"
USER_PAGE = "admin:accounts_user_change"


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(label=_("role"), choices=Role.choices, coerce=int)


class UserActs:
    """For UserAdmin."""

    admin_site: Any
    opts: Any
    get_object: Callable[..., User | None]

    def act_urls(self) -> list[URLPattern]:
        pages: tuple[tuple[str, Callable[..., HttpResponse]], ...] = (
            ("role", self.role_view),
            ("ban", self.ban_view),
            ("delete", self.delete_one_view),
        )
        return [
            path(
                f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"accounts_user_{name}"
            )
            for name, view in pages
        ]

    @require_fresh_password_in
    def role_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ends the sessions of the user."""
        user = self._target(request, pk, roles.may_set_role)
        form = RoleForm(request.POST or None, initial={"role": user.role})
        if request.method == "POST" and form.is_valid():
            before, role = user.role, form.cleaned_data["role"]

            def act() -> None:
                set_role(user, role)
                values = [{"role": Role(number).name.lower()} for number in (before, role)]
                record_act(
                    "user.role", request=request, target=user, before=values[0], after=values[1]
                )

            return self._do(request, user, act)
        text = _("What the user may do in the console. All sessions of the user end.")
        return self._ask(request, user, _("Change the role"), text, form=form)

    def ban_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Bans, or lets in again whoever is banned."""
        user = self._target(request, pk, roles.may_ban)
        active = not user.is_active
        if request.method == "POST":

            def act() -> None:
                set_active(user, active=active)
                name = "user.let_in" if active else "user.ban"
                before, after = {"active": not active}, {"active": active}
                record_act(name, request=request, target=user, before=before, after=after)

            return self._do(request, user, act)
        if active:
            text = _("The user may sign in and call again.")
            return self._ask(request, user, _("Let in again"), text)
        text = _("All sessions end at once, and calls are refused within a second.")
        return self._ask(request, user, _("Ban"), text, is_grave=True)

    @require_fresh_password_in
    def delete_one_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = self._target(request, pk, roles.may_ban)
        if user.deleted_at is not None:
            raise Http404
        if request.method == "POST":

            def act() -> None:
                delete_user(user)
                record_act("user.delete", request=request, target=user)

            return self._do(request, user, act, then=LIST_PAGE)
        text = _(
            "E-mail address, password, second factor and accounts elsewhere are forgotten, tokens "
            "stop working, and nobody can sign in again. Name, money and calls stay in the books. "
            "This can't be undone."
        )
        return self._ask(request, user, _("Delete"), text, is_grave=True)

    def _target(self, request: HttpRequest, pk: int, may: Callable[[Any, User], bool]) -> User:
        user = self.get_object(request, str(pk))
        if user is None:
            raise Http404
        if not may(request.user, user):
            raise PermissionDenied
        return user

    def _do(
        self, request: HttpRequest, user: User, act: Callable[[], None], then: str = ""
    ) -> HttpResponse:
        try:
            with transaction.atomic():
                act()
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, gettext("Done: %(user)s.") % {"user": user.username})
        args = [] if then else [user.pk]
        return HttpResponseRedirect(reverse(then or USER_PAGE, args=args))

    def _ask(
        self,
        request: HttpRequest,
        user: User,
        verb: Any,
        text: Any,
        *,
        form: forms.Form | None = None,
        is_grave: bool = False,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb}: {user.username}",
            "opts": self.opts,
            "original": user,
            "verb": verb,
            "text": text,
            "form": form,
            "is_grave": is_grave,
        }
        return TemplateResponse(request, "admin/accounts/user/act.html", context)

"""The console's page of access tokens and the service accounts that they act for: root's affair."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chatapi.accounts.access_tokens import create_access_token, revoke_access_token, scopes_of
from chatapi.accounts.models import AccessToken, Role, User
from chatapi.accounts.people import create_service
from chatapi.accounts.scopes import SCOPES, known_scopes, scopes_of_role
from chatapi.accounts.step_up import require_fresh_password_in
from chatapi.console.base import ConsoleAdmin
from chatapi.console.columns import badge, link, mono, time_column
from chatapi.console.fields import MomentField
from chatapi.console.filters import text_filter

NEW_KEY = "chatapi.new_access_key"


class AccessTokenForm(forms.ModelForm[AccessToken]):
    """A token for a service account that there is, or for a new one."""

    account: Any = forms.ModelChoiceField(
        User.objects.none(),
        label=_("service account"),
        required=False,
        empty_label=_("A new one"),
    )
    new_account = forms.CharField(
        label=_("name of the new account"),
        max_length=150,
        required=False,
        validators=[User.username_validator],
    )
    role = forms.TypedChoiceField(
        label=_("role of the new account"), choices=Role.choices, coerce=int, initial=Role.ADMIN
    )
    scopes = forms.MultipleChoiceField(
        label=_("scopes"),
        choices=[(name, name) for name in SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )
    expires_at: Any = MomentField(label=_("expires"), required=False)

    class Meta:
        model = AccessToken
        fields = ("name", "scopes", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        services = User.objects.filter(is_service=True, is_active=True)
        self.fields["account"].queryset = services.order_by("username")  # type: ignore[attr-defined]
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            (name, f"{scope.label} ({name})") for name, scope in SCOPES.items()
        ]

    def clean_new_account(self) -> str:
        name = str(self.cleaned_data["new_account"]).strip()
        if name and User.objects.filter(username__iexact=name).exists():
            raise ValidationError(_("This name is taken."))
        return name

    def clean_expires_at(self) -> Any:
        moment = self.cleaned_data["expires_at"]
        if moment is not None and moment <= timezone.now():
            raise ValidationError(_("This is past."))
        return moment

    def clean(self) -> Any:
        given = super().clean() or self.cleaned_data
        account, name = given.get("account"), given.get("new_account")
        if "new_account" not in self.errors and (account is None) == (not name):
            self.add_error("new_account", _("Choose an account, or name a new one."))
        role = account.role if account else given.get("role", Role.COMMON)
        if not scopes_of_role(role).issuperset(given.get("scopes", ())):
            self.add_error("scopes", _("The user's role does not allow all of this."))
        return given


@admin.register(AccessToken)
class AccessTokenAdmin(ConsoleAdmin[AccessToken]):
    about = _(
        "Keys of scripts for the management API. Keys for calls of models stand under Tokens."
    )
    is_key_paged = True
    owner_path = "user"
    form = AccessTokenForm
    list_display: Any = ("name", "owner", "key", "state", "allowed", "seen", "ends")
    list_filter: ClassVar[Any] = (text_filter("user", _("user"), "user__username"),)
    list_select_related: ClassVar[Any] = ("user",)
    search_fields = ("name", "key_hint")
    search_help_text = _("Name or part of the key")
    sortable_by = ()
    actions = ("revoke",)
    fields = ("account", "new_account", "role", "name", "scopes", "expires_at")
    shown = ("name", "owner", "key", "state", "allowed", "made", "seen", "ends")

    made = time_column("created_at", _("created"))
    seen = time_column("last_used_at", _("last used"))
    ends = time_column("expires_at", _("expires"))

    @admin.display(description=_("user"))
    def owner(self, token: AccessToken) -> SafeString:
        return link("accounts_user_change", token.user_id, text=token.user.username)

    @admin.display(description=_("key"))
    def key(self, token: AccessToken) -> SafeString | str:
        return mono(token.key_hint)

    @admin.display(description=_("status"))
    def state(self, token: AccessToken) -> SafeString:
        if token.revoked_at is not None:
            return badge(_("revoked"), "bad")
        if token.expires_at is not None and token.expires_at <= timezone.now():
            return badge(_("expired"), "warn")
        return badge(_("enabled"), "good") if token.user.is_active else badge(_("banned"), "bad")

    @admin.display(description=_("scopes"))
    def allowed(self, token: AccessToken) -> str:
        """What the role allows today of what was chosen."""
        if token.personal_of_id is not None:
            return str(_("all of the user's"))
        return ", ".join(known_scopes(scopes_of(token))) or "–"

    @admin.action(description=_("Revoke the selected tokens"), permissions=["change"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[AccessToken]) -> None:
        chosen = list(tokens.filter(revoked_at=None))
        with transaction.atomic():
            for token in chosen:
                revoke_access_token(token)
                self.record(request, "revoke", token)
        text = ngettext("%(count)d token revoked.", "%(count)d tokens revoked.", len(chosen))
        messages.success(request, text % {"count": len(chosen)})

    def get_fields(self, request: HttpRequest, obj: AccessToken | None = None) -> Any:
        return self.fields if obj is None else self.shown

    def get_readonly_fields(self, request: HttpRequest, obj: AccessToken | None = None) -> Any:
        return () if obj is None else self.shown

    def has_change_permission(self, request: HttpRequest, obj: AccessToken | None = None) -> bool:
        """Nothing of a token can be changed but that it is revoked, from the list."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: AccessToken | None = None) -> bool:
        return False

    @require_fresh_password_in
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        only_save = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**only_save, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: AccessToken, form: Any, change: bool) -> None:  # noqa: FBT001 -- Django's signature
        given = form.cleaned_data
        user = given["account"]
        if user is None:
            user = create_service(given["new_account"], given["role"])
        made = create_access_token(user, given["name"], given["scopes"], given["expires_at"])
        obj.pk = made.token.pk
        obj.refresh_from_db()
        request.META[NEW_KEY] = made.key

    def response_add(
        self, request: HttpRequest, obj: AccessToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The key is in this answer and nowhere else."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Your new access token"),
            "opts": self.opts,
            "token": obj,
            "key": request.META[NEW_KEY],
            "shown_once": True,
            "base_url": request.build_absolute_uri("/api/"),
        }
        return TemplateResponse(request, "admin/accounts/accesstoken/created.html", context)

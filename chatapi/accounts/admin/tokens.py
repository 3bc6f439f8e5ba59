"""The console's pages of tokens, without their money; a new key is shown once."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chatapi.accounts.forms import TokenForm
from chatapi.accounts.models import Token, TokenStatus
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.console.audited import recorded
from chatapi.console.base import ConsoleAdmin, leave_out
from chatapi.console.columns import badge, link, mono, time_column
from chatapi.console.filters import choice_filter, text_filter

STATUS_TONES = {
    TokenStatus.ENABLED: "good",
    TokenStatus.DISABLED: "bad",
    TokenStatus.EXPIRED: "warn",
    TokenStatus.EXHAUSTED: "warn",
}


class TokenAdmin(ConsoleAdmin[Token]):
    about = _("The keys that users' programs call with.")
    owner_path = "user"
    is_key_paged = True
    form = TokenForm
    list_display: Any = ("name", "owner", "key", "state", "seen", "ends")
    list_filter: ClassVar[Any] = (
        text_filter("user", _("user"), "user__username"),
        choice_filter("status", _("status"), lambda: TokenStatus.choices),
        text_filter("group", _("group"), "group"),
    )
    list_select_related: ClassVar[Any] = ("user",)
    search_fields = ("name", "key_hint")
    search_help_text = _("Name or part of the key")
    what_stays = _("Its calls and what they cost stay in the books.")
    autocomplete_fields = ("user",)
    sortable_by = ()
    actions = ("enable", "disable")
    readonly_fields: ClassVar[Any] = ("key", "made", "begun", "seen")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("user", "name", "key", "status")}),
        (
            _("What it may do"),
            {
                "fields": (
                    "group",
                    "models_text",
                    "networks_text",
                    ("concurrency", "requests_per_minute"),
                )
            },
        ),
        (_("How long"), {"fields": ("expires_at", "valid_seconds")}),
        (_("Billing and answers"), {"fields": ("is_billed_by_call", "suffix_text")}),
        (_("History"), {"fields": (("made", "begun", "seen"),)}),
    )

    made = time_column("created_at", _("created"))
    begun = time_column("first_used_at", _("first used"))
    seen = time_column("last_used_at", _("last used"))
    ends = time_column("expires_at", _("expires"))

    @admin.display(description=_("user"))
    def owner(self, token: Token) -> SafeString:
        return link("accounts_user_change", token.user_id, text=token.user.username)

    @admin.display(description=_("key"))
    def key(self, token: Token) -> SafeString | str:
        return mono(token.key_hint)

    @admin.display(description=_("status"))
    def state(self, token: Token) -> SafeString:
        status = TokenStatus(token.status)
        return badge(status.label, STATUS_TONES[status])

    @admin.action(description=_("Enable the selected tokens"), permissions=["change"])
    def enable(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        self._switch(request, tokens, TokenStatus.ENABLED)

    @admin.action(description=_("Disable the selected tokens"), permissions=["change"])
    def disable(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        self._switch(request, tokens, TokenStatus.DISABLED)

    def get_fieldsets(self, request: HttpRequest, obj: Token | None = None) -> Any:
        """A token that is being made has neither key nor history."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None:
            return fieldsets
        return leave_out(fieldsets, {"status", *self.readonly_fields})

    def get_form(self, request: HttpRequest, obj: Token | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Choosing a user is enough: this is no place to change one."""
        form = super().get_form(request, obj, **kwargs)
        if "user" in form.base_fields:
            widget: Any = form.base_fields["user"].widget
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return form

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The next page shows the key, so there is only one way on."""
        only_save = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**only_save, **(extra_context or {})})

    def get_readonly_fields(
        self, request: HttpRequest, obj: Token | None = None
    ) -> tuple[str, ...]:
        return (*self.readonly_fields, "user") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Token, form: Form, change: bool) -> None:  # noqa: FBT001 -- Django's signature
        if change:
            super().save_model(request, obj, form, change)
            return
        wanted = {name: getattr(obj, name) for name in TokenSettings.__slots__}
        made = create_token(obj.user, TokenSettings(**wanted))
        obj.pk = made.token.pk
        obj.refresh_from_db()
        request.META["chatapi.new_key"] = made.key

    def response_add(
        self, request: HttpRequest, obj: Token, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The key is in this answer and nowhere else: neither in a cookie nor in a session."""
        if "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Your new key"),
            "opts": self.opts,
            "token": obj,
            "key": request.META["chatapi.new_key"],
            "shown_once": True,
            "base_url": request.build_absolute_uri("/v1"),
        }
        return TemplateResponse(request, "admin/accounts/token/created.html", context)

    def _switch(self, request: HttpRequest, tokens: QuerySet[Token], status: TokenStatus) -> None:
        chosen = list(tokens)
        verb = "enable" if status == TokenStatus.ENABLED else "disable"
        with recorded(request, f"token.{verb}", chosen):
            for token in chosen:
                token.status = status
                token.save(update_fields=["status"])
        count = len(chosen)
        text = ngettext("%(count)d token changed.", "%(count)d tokens changed.", count)
        messages.success(request, text % {"count": count})

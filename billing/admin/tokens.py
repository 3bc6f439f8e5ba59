"""Tokens with their own limits. Money columns are only ever moved by the ledger."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.balances import with_limits
from billing.ledger import NotEnoughRemaining, balance_units, lock_limit, set_token_limit
from billing.models import Budget, TokenRenewal
from billing.renewal_form import RenewalForm, read_initial
from billing.renewals import change_renewal
from chatapi.accounts.admin import TokenAdmin
from chatapi.accounts.forms import TokenForm
from chatapi.accounts.models import Token
from chatapi.console.base import leave_out
from chatapi.console.columns import badge, money_column
from chatapi.console.fields import PlainDecimalField
from chatapi.console.money import show_units, units_per_usd
from chatapi.lib.money import units_from_usd, usd_from_units

if admin.site.is_registered(Token):
    admin.site.unregister(Token)


LIMIT = _("Limit")


class LimitedTokenForm(TokenForm, RenewalForm):
    """`limit_usd` is what is left; as the page showed it, it changes nothing, whatever was spent
    meanwhile.
    """

    limit_usd = PlainDecimalField(
        label=_("credit left in $"),
        required=False,
        min_value=0,
        max_digits=20,
        show_hidden_initial=True,
        help_text=_("Empty: no limit of its own, only the user's balance."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        token = self.instance
        if token.pk and not token.is_unlimited and "limit_usd" in self.fields:
            units = limit_units(token)
            self.initial["limit_usd"] = None if units is None else shown_usd(units)
            self.initial.update(read_initial(TokenRenewal.objects.filter(pk=token.pk).first()))

    def clean(self) -> Any:
        cleaned = super().clean()
        if "limit_usd" in self.fields:
            self.check_renewal()
        return cleaned

    def _post_clean(self) -> None:
        if "limit_usd" in self.fields:
            self.instance.is_unlimited = self.cleaned_data.get("limit_usd") is None
        super()._post_clean()  # type: ignore[misc]


@admin.register(Token)
class LimitedTokenAdmin(TokenAdmin):
    form = LimitedTokenForm
    change_form_template = "admin/accounts/token/change_form.html"
    list_display = ("name", "owner", "key", "state", "left", "spent", "used_count", "seen", "ends")
    readonly_fields = (*TokenAdmin.readonly_fields, "spent", "used_count")
    fieldsets = (
        TokenAdmin.fieldsets[0],
        (LIMIT, {"fields": ("limit_usd", "renews", "renew_usd", ("spent", "used_count"))}),
        *TokenAdmin.fieldsets[1:],
    )

    spent = money_column("used_units", _("spent"))

    @admin.display(description=_("credit left"))
    def left(self, token: Any) -> SafeString | str:
        budget = None if token.is_unlimited else getattr(token, "budget", None)
        if budget is None:
            return badge(_("unlimited"))
        return show_left(token, budget)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        return with_limits(super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: Token | None = None) -> Any:
        """Who may not change the limit sees it as the list shows it."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        shown = leave_out(fieldsets, {"limit_usd", "renews", "renew_usd"})
        return [
            (title, {"fields": ("left", *entry["fields"])} if title == LIMIT else entry)
            for title, entry in shown
        ]

    def fields_to_save(self, obj: Token, form: Form) -> Sequence[str]:
        fields = super().fields_to_save(obj, form)
        return [*fields, "is_unlimited"] if "limit_usd" in form.changed_data else fields

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:  # noqa: FBT001 -- Django's signature
        if change:
            lock_limit(obj.pk)
        super().save_model(request, obj, form, change)
        if "limit_usd" in form.fields:
            self._save_limit(request, obj, form, change)
            renewal = form.read_renewal()
            change_renewal(obj, renewal["renews"], renewal.get("renew_units"))

    def _save_limit(self, request: HttpRequest, obj: Token, form: Form, change: bool) -> None:  # noqa: FBT001 -- as above
        limit = form.cleaned_data.get("limit_usd")
        if limit is None or (change and "limit_usd" not in form.changed_data):
            return
        units = units_from_usd(limit, units_per_usd())
        try:
            set_token_limit(obj, units, actor=request.user.get_username())
        except NotEnoughRemaining:
            text = gettext(
                "The credit left was not changed: calls hold the rest of it. "
                "Please try again in half a minute."
            )
            messages.error(request, text)


def show_left(token: Any, budget: Budget) -> SafeString | str:
    """With how it renews."""
    shown = show_units(budget.remaining + token.held_units)
    renewal = getattr(token, "renewal", None)
    if renewal is None:
        return shown
    credit, period = show_units(renewal.units), renewal.get_renews_display()
    return format_html('{}<span class="under">{} {}</span>', shown, credit, period)


def limit_units(token: Token) -> int | None:
    budget = Budget.objects.filter(token=token).values_list("pk", flat=True).first()
    return None if budget is None else balance_units(budget)


def shown_usd(units: int) -> Decimal:
    return usd_from_units(units, units_per_usd())

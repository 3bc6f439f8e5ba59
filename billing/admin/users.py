"""Users with their money: what they have, what they spent, and giving credit."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.admin.amount_form import AmountForm
from billing.balances import with_wallets
from billing.by_hand import BOOKED, book_by_hand, is_much, lock_people
from billing.commissions import read_earnings
from billing.ledger import AlreadyPosted, NotEnoughRemaining
from chatapi.accounts.admin import UserAdmin
from chatapi.accounts.models import User
from chatapi.accounts.roles import may_change
from chatapi.accounts.step_up import ask_for_password, is_fresh, stale_since
from chatapi.console.audit import record_act
from chatapi.console.columns import link, money_column
from chatapi.console.fields import MomentField, PlainDecimalField, check_ahead
from chatapi.console.money import show_units, usd_text

if admin.site.is_registered(User):
    admin.site.unregister(User)


class Unconfirmed(Exception):
    """What was booked meanwhile makes this one need the password."""


class CreditForm(AmountForm):
    """`reference` is made with the page: sending the form twice books once."""

    amount = PlainDecimalField(
        label=_("amount in $"), help_text=_("Below zero takes credit away."), max_digits=20
    )
    expires_at = MomentField(label=_("expires"), required=False, validators=[check_ahead])
    note = forms.CharField(
        label=_("note"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    reference = forms.UUIDField(widget=forms.HiddenInput)


def asks_for_much(request: HttpRequest) -> bool:
    """As the form reads it; what is no amount is its business."""
    user: Any = request.user
    form = CreditForm(request.POST)
    form.full_clean()
    amount = form.cleaned_data.get("amount")
    return amount is not None and is_much(user, form.units, stale_since(request))


@admin.register(User)
class WalletUserAdmin(UserAdmin):
    change_form_template = "admin/accounts/user/change_form.html"
    list_display = (
        "username",
        "balance",
        "spent",
        "role_badge",
        "group",
        "state",
        "seen",
        "joined",
    )
    readonly_fields = (*UserAdmin.readonly_fields, "balance", "spent", "invited_by", "invitations")
    fieldsets = (
        *UserAdmin.fieldsets,
        (_("Money"), {"fields": (("balance", "spent"), ("invited_by", "invitations"))}),
    )

    spent = money_column("spent_units", _("spent"))

    @admin.display(description=_("invited by"))
    def invited_by(self, user: User) -> SafeString | str:
        inviter = user.inviter
        return link("accounts_user_change", inviter.pk, text=inviter) if inviter else "–"

    @admin.display(description=_("invitations"))
    def invitations(self, user: User) -> str:
        found = read_earnings(user)
        return gettext("%(count)d accounts, commission %(earned)s, %(left)s of it left") % {
            "count": found.invited,
            "earned": usd_text(found.earned),
            "left": usd_text(found.available),
        }

    @admin.display(description=_("balance"))
    def balance(self, user: Any) -> SafeString | str:
        return show_units(user.wallet_units or 0)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return with_wallets(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        credit = self.admin_site.admin_view(self.credit_view)
        return [path("<int:pk>/credit/", credit, name="accounts_user_credit"), *super().get_urls()]

    def credit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Gives or takes credit: an entry in the ledger with a note and who did it."""
        user: Any = self.get_object(request, str(pk))
        if user is None:
            raise Http404
        if not may_change(request.user, user):
            raise PermissionDenied
        if asked := ask_for_password(request, lambda: asks_for_much(request)):
            return asked
        form = CreditForm(request.POST or None, initial={"reference": uuid.uuid4()})
        if request.method == "POST" and form.is_valid() and self._post_credit(request, user, form):
            return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Credit for %(user)s") % {"user": user.username},
            "opts": self.opts,
            "original": user,
            "form": form,
            "balance": show_units(user.wallet_units or 0),
        }
        return TemplateResponse(request, "admin/accounts/user/credit.html", context)

    def _post_credit(self, request: HttpRequest, user: User, form: CreditForm) -> bool:
        try:
            with transaction.atomic():
                post_credit(request, user, form)
        except NotEnoughRemaining:
            text = _("The balance is smaller, or calls hold the rest: try again in half a minute.")
            form.add_error("amount", text)
            return False
        except AlreadyPosted:
            messages.warning(request, gettext("This was booked already; nothing was booked twice."))
            return True
        except Unconfirmed:
            form.add_error(None, _("Others were booked at the same time: please send it again."))
            return False
        values = {"amount": usd_text(form.units), "user": user.username}
        messages.success(request, gettext("%(amount)s booked for %(user)s.") % values)
        return True


def post_credit(request: HttpRequest, user: User, form: CreditForm) -> None:
    """The entry, and what the audit log tells of it. Raises Unconfirmed."""
    given = form.cleaned_data
    actor: Any = request.user
    lock_people(actor)
    if not is_fresh(request) and is_much(actor, form.units, stale_since(request)):
        raise Unconfirmed
    reference = f"console:{given['reference']}"
    book_by_hand(
        user,
        form.units,
        reference=reference,
        actor=request.user.get_username(),
        note=given["note"],
        expires_at=given["expires_at"],
    )
    after = {"units": form.units, "usd": usd_text(form.units), "reference": reference}
    record_act(BOOKED, request=request, target=user, after=after, note=given["note"])

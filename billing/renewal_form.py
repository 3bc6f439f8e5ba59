"""The part of a token's form that says when its limit renews; beside a field `limit_usd`."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing.models import Renews, TokenRenewal
from chatapi.console.fields import ZONE, PlainDecimalField
from chatapi.console.money import units_per_usd
from chatapi.lib.money import MAX_UNITS, units_from_usd, usd_from_units


class RenewalForm(forms.Form):
    renews = forms.ChoiceField(
        label=_("Limit renews"),
        choices=Renews.choices,
        required=False,
        help_text=format_lazy(
            _("At each renewal the credit left is set back, at midnight ({zone})."), zone=ZONE
        ),
    )
    renew_usd = PlainDecimalField(
        label=_("Set back to, in $"),
        required=False,
        min_value=0,
        max_digits=20,
        show_hidden_initial=True,
        help_text=_("Empty: to the credit above. A change holds from the next renewal on."),
    )

    def clean_limit_usd(self) -> Decimal | None:
        return check_range(self.cleaned_data["limit_usd"])

    def clean_renew_usd(self) -> Decimal | None:
        return check_range(self.cleaned_data["renew_usd"])

    def check_renewal(self) -> None:
        """To be asked when all fields are clean."""
        given = self.cleaned_data
        if self.errors.keys() & {"limit_usd", "renews", "renew_usd"} or not self.is_renewed:
            return
        limit, renewed = given.get("limit_usd"), given.get("renew_usd")
        if limit is None:
            self.add_error("limit_usd", _("Say which credit: without one there is none to renew."))
        elif units_from_usd(limit if renewed is None else renewed, units_per_usd()) < 1:
            self.add_error("renew_usd", _("Say which credit it renews to: more than nothing."))

    @property
    def is_renewed(self) -> bool:
        return self.cleaned_data.get("renews") not in {None, "", Renews.NEVER}

    def read_renewal(self) -> dict[str, Any]:
        """{renews, renew_units}; without the units where they stay as they are."""
        given = self.cleaned_data
        if not self.is_renewed:
            return {"renews": Renews.NEVER.value}
        found = {"renews": given["renews"]}
        if given["renew_usd"] is None or "renew_usd" in self.changed_data:
            usd = given["limit_usd"] if given["renew_usd"] is None else given["renew_usd"]
            found["renew_units"] = units_from_usd(usd, units_per_usd())
        return found


def check_range(usd: Decimal | None) -> Decimal | None:
    if usd is not None and usd * units_per_usd() > MAX_UNITS:
        raise ValidationError(_("The amount is out of range."))
    return usd


def read_initial(renewal: TokenRenewal | None) -> dict[str, Any]:
    """What the fields show."""
    if renewal is None:
        return {"renews": Renews.NEVER.value}
    return {"renews": renewal.renews, "renew_usd": usd_from_units(renewal.units, units_per_usd())}

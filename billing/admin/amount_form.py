"""The part of a form that takes an amount of credit in dollars."""

from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from chatapi.console.money import units_per_usd
from chatapi.lib.money import InvalidAmount, units_from_usd


class AmountForm(forms.Form):
    """Beside a field `amount`: `units` is what was read there."""

    units = 0

    def clean_amount(self) -> Decimal:
        usd: Decimal = self.cleaned_data["amount"]
        try:
            self.units = units_from_usd(usd, units_per_usd())
        except InvalidAmount as error:
            raise ValidationError(_("The amount is out of range.")) from error
        if not self.units:
            raise ValidationError(_("The amount is less than one unit."))
        return usd

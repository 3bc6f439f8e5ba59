"""The editor of a price: in dollars per million tokens, or as ratios; dollars are stored."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import Price
from billing.price_book import RATIO_USD_PER_MILLION
from billing.price_import import FIELDS
from billing.price_lists import ratio_of, round_price
from chatapi.console.fields import PlainDecimalField
from chatapi.lib.money import EXACT

RATIO_FIELDS = ("model_ratio", "completion_ratio")
DOLLAR_FIELDS = ("input", "output")
SHOWN_DIGITS = 10


def completion_of(price: Any) -> Decimal | None:
    """Output divided by input, as far as anybody wants to read it."""
    if not price.input or price.output is None:
        return None
    return round(EXACT.divide(price.output, price.input), SHOWN_DIGITS).normalize()


class PriceForm(forms.ModelForm[Price]):
    model_ratio = PlainDecimalField(
        label=_("model ratio"),
        required=False,
        min_value=0,
        max_digits=28,
        decimal_places=18,
        help_text=_("1 is $2 per million input tokens."),
    )
    completion_ratio = PlainDecimalField(
        label=_("completion ratio"),
        required=False,
        min_value=0,
        max_digits=28,
        decimal_places=18,
        help_text=_("Output is so many times as dear as input."),
    )

    class Meta:
        model = Price
        fields = ("model", *FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        price = self.instance
        if price.pk and price.input is not None:
            self.initial.setdefault("model_ratio", ratio_of(price.input))
            self.initial.setdefault("completion_ratio", completion_of(price))

    def clean(self) -> dict[str, Any]:
        """Whichever of the two ways was written in decides; both at once would contradict."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.has_new_ratios:
            return cleaned
        if set(self.changed_data) & set(DOLLAR_FIELDS):
            self.add_error(
                "model_ratio", _("Change either the ratios or the prices in $, not both.")
            )
            return cleaned
        if any(name in self.errors for name in RATIO_FIELDS):
            return cleaned
        ratio, factor = cleaned.get("model_ratio"), cleaned.get("completion_ratio")
        if ratio is None:
            if factor is not None:
                self.add_error("model_ratio", _("A completion ratio needs a model ratio."))
            cleaned["input"] = cleaned["output"] = None
            return cleaned
        cleaned["input"] = EXACT.multiply(ratio, RATIO_USD_PER_MILLION)
        if factor is not None or self.instance.output is None:
            cleaned["output"] = round_price(
                cleaned["input"], Decimal(1) if factor is None else factor
            )
        return cleaned

    @property
    def has_new_ratios(self) -> bool:
        """A form that says nothing of ratios takes none away."""
        return any(name in self.changed_data and name in self.data for name in RATIO_FIELDS)

"""What a call would cost: the form, and the bill by the code that charges calls."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import Price
from billing.price_book import UnpricedModel, read_price_book
from billing.pricing import MAX_TOKENS, Charge, Consumption, Unit, compute_charge
from billing.usage_bill import Bill, make_bill
from chatapi.accounts.models import Group
from chatapi.options.snapshot import read_options

COUNTS: dict[str, Any] = {
    "prompt_tokens": _("input tokens, all together"),
    "completion_tokens": _("output tokens, all together"),
    "cached_tokens": _("of them cached"),
    "cache_write_5m_tokens": _("of them written to the cache, 5 minutes"),
    "cache_write_1h_tokens": _("of them written to the cache, 1 hour"),
    "audio_input_tokens": _("of them audio input"),
    "audio_output_tokens": _("of them audio output"),
    "images": _("images"),
    "seconds": _("seconds of sound"),
    "characters": _("characters"),
    "queries": _("queries"),
    "web_searches": _("web searches"),
}
USUAL = ("prompt_tokens", "completion_tokens", "cached_tokens")
UNITS: dict[str, Unit] = {
    "images": "image",
    "seconds": "second",
    "characters": "character",
    "queries": "query",
}


class CalculatorForm(forms.Form):
    """`model` may be any name: what has no price is charged as the options say."""

    model = forms.CharField(
        label=_("model"),
        max_length=255,
        widget=forms.TextInput({"list": "models", "autocomplete": "off"}),
    )
    group = forms.ChoiceField(label=_("group"), required=False)
    by_call = forms.BooleanField(label=_("token billed per call"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = Group.objects.values_list("name", "label")
        choices = [(name, f"{name} · {label}" if label else name) for name, label in groups]
        self.fields["group"].choices = choices  # type: ignore[attr-defined]
        for name, label in COUNTS.items():
            self.fields[name] = forms.IntegerField(
                label=label, required=False, min_value=0, max_value=MAX_TOKENS
            )

    @property
    def usual(self) -> list[Any]:
        return [self[name] for name in USUAL]

    @property
    def others(self) -> list[Any]:
        return [self[name] for name in COUNTS if name not in USUAL]

    @property
    def has_others(self) -> bool:
        return self.is_bound and any(self.data.get(name) for name in COUNTS if name not in USUAL)

    def reckon(self) -> dict[str, Any]:
        """The bill for the chosen group, and what others would pay; `refused` when the options say
        that calls of the model are refused.
        """
        chosen = self.cleaned_data
        book = read_price_book(read_options())
        used = Consumption(**{name: chosen[name] or 0 for name in COUNTS})
        unit: Unit = next((UNITS[name] for name in UNITS if chosen[name]), "token")
        group = chosen["group"] or "default"
        charges: dict[str, Charge] = {}
        try:
            for name in {**book.group_ratios, group: Decimal(1)}:
                quote = book.quote(
                    chosen["model"], name, wants_by_call=chosen["by_call"], unit=unit
                )
                charges[name] = compute_charge(quote, used)
        except UnpricedModel:
            return {"refused": True}
        return {
            "bill": bill_of(charges[group]),
            "group_name": group,
            "is_unpriced": not Price.objects.filter(model=chosen["model"]).exists(),
            "others": [
                (name, bill_of(charge)) for name, charge in charges.items() if name != group
            ],
        }


def bill_of(charge: Charge) -> Bill:
    rows = [(item.name, item.quantity, item.unit_price, item.amount) for item in charge.items]
    return make_bill(rows, charge.group_ratio, charge.units)

"""The forms of the page of alerts."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from chatapi.console.fields import PlainDecimalField
from chatapi.lib.money import MAX_UNITS, InvalidAmount, units_from_usd, usd_from_units
from notifications.models import AlertSettings
from notifications.transports.base import Transport

HOURS = [
    (1, _("every hour")),
    (2, _("every 2 hours")),
    (8, _("every 8 hours")),
    (24, _("every day")),
]
USUAL_REPORT_USD = Decimal(5)


class UsdField(PlainDecimalField):
    """Dollars, given as units."""

    def __init__(self, units_per_usd: int = 1, **kwargs: Any) -> None:
        self.units_per_usd = units_per_usd
        super().__init__(min_value=0, max_digits=15, decimal_places=6, **kwargs)

    def to_units(self, value: Decimal | None) -> int | None:
        if value is None:
            return None
        try:
            return units_from_usd(value, self.units_per_usd)
        except InvalidAmount as error:
            raise ValidationError(_("This amount is too large.")) from error


class BalanceForm(forms.Form):
    """When a user is told of the balance, and in which language of everything."""

    threshold = UsdField(label=_("Tell me when my balance falls below ($)"), required=False)
    is_report_on = forms.BooleanField(label=_("Remind me again while it stays low"), required=False)
    report = UsdField(label=_("Remind me below ($)"), required=False)
    report_hours = forms.TypedChoiceField(label=_("How often"), choices=HOURS, coerce=int)
    language = forms.ChoiceField(label=_("Language of messages"), choices=settings.LANGUAGES)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        chosen: AlertSettings,
        units_per_usd: int,
        usual_units: int,
    ) -> None:
        report = chosen.report_units
        super().__init__(
            data,
            initial={
                "threshold": _usd(chosen.threshold_units, units_per_usd),
                "is_report_on": chosen.is_report_on,
                "report": _usd(report, units_per_usd) if report else USUAL_REPORT_USD,
                "report_hours": chosen.report_hours,
                "language": chosen.language or settings.LANGUAGE_CODE,
            },
        )
        if chosen.report_hours not in dict(HOURS):
            # Set by the API, which takes any.
            hours: Any = self.fields["report_hours"]
            own = _("every %(count)d hours") % {"count": chosen.report_hours}
            hours.choices = [*HOURS, (chosen.report_hours, own)]
        for name in ("threshold", "report"):
            field: Any = self.fields[name]
            field.units_per_usd = units_per_usd
            field.widget.attrs |= {"min": "0", "step": "any"}
        usual = _usd(usual_units, units_per_usd)
        self.fields["threshold"].widget.attrs["placeholder"] = f"{usual:f}".rstrip("0").rstrip(".")
        self.fields["threshold"].help_text = _(
            "Told once for each fall. 0: never. Empty: the usual limit of this site."
        )

    def clean_threshold(self) -> int | None:
        return self._units("threshold")

    def clean_report(self) -> int:
        return self._units("report") or 0

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("is_report_on") and data.get("report") == 0:
            self.add_error("report", _("Give an amount above zero."))
        return data

    def _units(self, name: str) -> int | None:
        field: Any = self.fields[name]
        units: int | None = field.to_units(self.cleaned_data[name])
        if units is not None and units > MAX_UNITS:
            raise ValidationError(_("This amount is too large."))
        return units


class AddressForm(forms.Form):
    email = forms.EmailField(label=_("Another address"), max_length=254)


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )

    def clean_code(self) -> str:
        return re.sub(r"\s", "", str(self.cleaned_data["code"]))


class WayForm(forms.Form):
    """Where a user is reached by one transport; its fields are the transport's."""

    def __init__(self, data: Mapping[str, Any] | None, transport: Transport) -> None:
        super().__init__(data, prefix=transport.name)
        self.transport = transport
        self.target: dict[str, str] = {}
        for field in transport.fields:
            attrs = {"placeholder": field.placeholder, "autocomplete": "off", "spellcheck": "false"}
            self.fields[field.name] = forms.CharField(
                label=field.label, help_text=field.help, widget=forms.TextInput(attrs)
            )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        try:
            self.target = self.transport.check(data)
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                self.add_error(name, messages)
        return data


def _usd(units: int | None, units_per_usd: int) -> Decimal | None:
    return None if units is None else usd_from_units(units, units_per_usd)

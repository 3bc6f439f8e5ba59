"""Form fields that the console's forms share."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from chatapi.lib.money import show_usd

KEEP, REMOVE = "", "-"
ZONE = timezone.get_default_timezone_name()


class PlainDecimalField(forms.DecimalField):
    """Shows 2.5 where the database has 2.500000000000000000."""

    widget = forms.TextInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs |= {"inputmode": "decimal", "size": 14, "class": "vDecimal"}

    def prepare_value(self, value: Any) -> Any:
        return plain_decimal(value) if isinstance(value, Decimal) else value


class MomentField(forms.DateTimeField):
    """One input of the browser's own, in the server's zone; says which that is."""

    def __init__(self, **kwargs: Any) -> None:
        zone = format_lazy(_("In the server's time zone, {zone}."), zone=ZONE)
        kwargs["help_text"] = kwargs.get("help_text") or zone
        kwargs["widget"] = forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
        super().__init__(**kwargs)


def check_ahead(moment: datetime) -> None:
    """A validator of moments."""
    if moment <= timezone.now():
        raise ValidationError(_("This time is over already."))


class SecretInput(forms.Textarea):
    """Never sends back what was typed, not even beside a mistake in another field."""

    def format_value(self, value: Any) -> None:
        return None


class SecretField(forms.CharField):
    """Written, never shown; a textarea, because some keys are JSON files."""

    widget = SecretInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, strip=True, **kwargs)
        self.widget.attrs |= {
            "rows": 2,
            "class": "vLargeTextField secret",
            "autocomplete": "off",
            "autocapitalize": "off",
            "spellcheck": "false",
        }

    def hint(self, text: str) -> None:
        self.widget.attrs["placeholder"] = text


def plain_decimal(value: Decimal) -> str:
    """Without an exponent and without zeros at the end."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def short_usd(value: Decimal, digits: int = 6) -> str:
    """Dollars with two digits after the point, or more where it takes more."""
    return show_usd(value, digits)

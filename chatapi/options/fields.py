"""Form fields of options: what each type accepts, on the page and on the command line alike."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from chatapi.console.fields import SecretField, SecretInput
from chatapi.lib.markup import clean_head
from chatapi.lib.net import UrlNotAllowed, check_operator_url
from chatapi.options.secret_options import seal_secret

PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


class SecretOptionInput(SecretInput):
    """Says whether a secret is set; a box takes it away. None: nothing was said, so it stays."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        shown = {**(attrs or {}), "placeholder": _("Set. Type a new one to replace it.")}
        box = super().render(name, value, shown if value else attrs, renderer)
        if not value:
            return box
        return format_html(
            '{} <label class="clear"><input type="checkbox" name="{}"> {}</label>',
            box,
            f"{name}-clear",
            _("Remove it"),
        )

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> str | None:  # noqa: ARG002 -- Django's signature
        typed = str(data.get(name) or "").strip()
        return typed or ("" if data.get(f"{name}-clear") else None)


class SecretOptionField(SecretField):
    """Gives the sealed text. The option's name is the label, as constance makes its fields."""

    widget = SecretOptionInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=8000, **kwargs)

    def bound_data(self, data: Any, initial: Any) -> Any:  # noqa: ARG002 -- Django's signature
        return initial

    def clean(self, value: Any) -> Any:
        return None if value is None else seal_secret(str(self.label), super().clean(value))


class AddressField(forms.CharField):
    """An http(s) address, without the slash at its end; '' for none."""

    schemes = frozenset({"http", "https"})

    def __init__(self, **kwargs: Any) -> None:
        kwargs["widget"] = forms.TextInput({"inputmode": "url", "size": 40})
        super().__init__(**{"required": False, "max_length": 500, **kwargs})

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        try:
            return check_operator_url(text, self.schemes) if text else ""
        except UrlNotAllowed as error:
            raise ValidationError(str(error)) from error


class SiteAddressField(AddressField):
    """Where this site is reached: links of mails and callbacks are built on it."""

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if "?" in text:
            raise ValidationError(_("The address must not contain a question mark."))
        return text


class ProxyField(AddressField):
    """A proxy's address; who may use it is told by a secret option."""

    schemes = PROXY_SCHEMES

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if "@" in text:
            raise ValidationError(_("Name and password have an option of their own."))
        return text


class PictureField(AddressField):
    """An address, or a path on this site."""

    def clean(self, value: Any) -> str:
        text = str(value or "").strip()
        if text.startswith("/") and not text.startswith("//") and "\\" not in text:
            return str(forms.CharField.clean(self, text))
        return super().clean(value)


class HeadField(forms.CharField):
    """`meta` and `link` elements; anything else is told, not silently dropped."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["widget"] = forms.Textarea({"rows": 4})
        super().__init__(**{"required": False, "max_length": 20_000, **kwargs})

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        kept = clean_head(text)
        if text and not kept:
            raise ValidationError(_("Only <meta> and <link> elements are allowed here."))
        return kept


class AuditDaysField(forms.IntegerField):
    """0, or so many days that an inquiry still finds what it needs."""

    least = 180

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=36_500, **kwargs)

    def clean(self, value: Any) -> int:
        days = int(super().clean(value))
        if 0 < days < self.least:
            raise ValidationError(_("At least %(days)d days.") % {"days": self.least})
        return days

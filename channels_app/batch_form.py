"""The console's form for many channels at once: only what is ticked is applied."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from channels_app.batch import ADD, MIXED, REMOVE, REPLACE
from channels_app.forms import LIMITS, MAPS, SWITCHES
from channels_app.models import PROXY_SCHEMES, Channel
from chatapi.console.fields import REMOVE as NOTHING
from chatapi.console.fields import SecretField
from chatapi.lib.net import UrlNotAllowed, check_operator_url

APPLY, MODE = "apply_", "mode_"
MODES = ((REPLACE, _("replace")), (ADD, _("add")), (REMOVE, _("take out")))
NUMBERS = ("priority", "weight", "retest_seconds", *LIMITS)
FIELDS = (
    "priority",
    "weight",
    "tag",
    "groups_text",
    "models_text",
    "test_model",
    "key_strategy",
    "model_mapping",
    "headers",
    "settings",
    "proxy_url",
    "overrides",
    "status_mapping",
    "system_prompt",
    *LIMITS,
    "auto_ban",
    "retest_seconds",
    "connect_seconds",
    "first_byte_seconds",
    "idle_seconds",
    "total_seconds",
    "asks_usage",
    *SWITCHES,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A field as the page shows it: what applies it, how, and the field itself."""

    apply: BoundField
    mode: BoundField | None
    field: BoundField


class BatchForm(forms.ModelForm[Channel]):
    proxy_url = SecretField(
        label=_("proxy"),
        help_text=_("http://, https:// or socks5:// address. Empty or a single -: none."),
    )

    class Meta:
        model = Channel
        fields = tuple(name for name in FIELDS if name != "proxy_url")
        widgets = {
            "models_text": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
            "groups_text": forms.TextInput(attrs={"class": "vTextField"}),
            **{
                name: forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField mono"})
                for name in MAPS
            },
            "system_prompt": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in FIELDS:
            self.fields[name].required = False
            self.fields[APPLY + name] = forms.BooleanField(
                required=False, label=_("Apply"), widget=forms.CheckboxInput({"data-apply": name})
            )
            if name in MIXED:
                self.fields[MODE + name] = forms.ChoiceField(
                    choices=MODES,
                    required=False,
                    initial=REPLACE,
                    label=_("How"),
                    widget=forms.Select({"aria-label": _("How")}),
                )

    def rows(self) -> Iterator[Row]:
        for name in FIELDS:
            mode = self[MODE + name] if name in MIXED else None
            yield Row(self[APPLY + name], mode, self[name])

    @property
    def applied(self) -> Sequence[str]:
        return [name for name in FIELDS if self.cleaned_data.get(APPLY + name)]

    @property
    def values(self) -> dict[str, Any]:
        """What to set, by the names that channels have for it."""
        return {name: self.cleaned_data[name] for name in self.applied}

    @property
    def modes(self) -> dict[str, str]:
        return {name: self.cleaned_data.get(MODE + name) or REPLACE for name in MIXED}

    def clean(self) -> dict[str, Any]:
        """Faults in what is not applied do not matter."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in FIELDS:
            if not cleaned.get(APPLY + name):
                self.errors.pop(name, None)
            elif name in MAPS and cleaned.get(name) is None:
                cleaned[name] = {}
            elif name in NUMBERS and cleaned.get(name) is None:
                self.add_error(name, ValidationError(self.fields[name].error_messages["required"]))
        if not any(cleaned.get(APPLY + name) for name in FIELDS):
            raise ValidationError(_("Tick what is to be applied."))
        return cleaned

    def clean_proxy_url(self) -> str:
        text = str(self.cleaned_data["proxy_url"])
        if text in {"", NOTHING}:
            return ""
        try:
            return check_operator_url(text, PROXY_SCHEMES)
        except UrlNotAllowed as error:
            raise ValidationError(str(error)) from error

    def _post_clean(self) -> None:
        """No channel of this form's own is checked: each of the chosen ones is."""

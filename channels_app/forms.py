"""The console's form for channels."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from channels_app.balances import tells_balance
from channels_app.catalogue import KINDS, Kind, find_kind
from channels_app.keys import read_states
from channels_app.kind_models import default_models
from channels_app.kind_settings import PREFIX, SETTINGS, Setting, settings_of, split_settings
from channels_app.model_lists import lists_models
from channels_app.models import Channel, ChannelStatus, KeyStrategy
from channels_app.routing import show_end
from chatapi.console.fields import KEEP, REMOVE, SecretField
from chatapi.lib.net import UrlNotAllowed
from chatapi.lib.secrets import Undecipherable

MAPS = ("model_mapping", "headers", "settings", "overrides", "status_mapping")
LIMITS = (
    "requests_per_minute",
    "total_requests_per_minute",
    "tokens_per_minute",
    "max_concurrency",
    "requests_per_day",
    "tokens_per_day",
    "usd_per_day",
    "max_input_tokens",
)
BIG = ("tokens_per_minute", "tokens_per_day")
"""Numbers that take more room."""
SWITCHES = ("accepts_tools", "accepts_images", "claude_only", "passes_through")


class SearchSelect(forms.Select):
    """A select that `channel.js` makes searchable, with what Django's admin brings along."""

    class Media:
        css = {"all": ("admin/css/vendor/select2/select2.min.css", "admin/css/autocomplete.css")}
        js = (
            "admin/js/vendor/jquery/jquery.min.js",
            "admin/js/vendor/select2/select2.full.min.js",
            "admin/js/jquery.init.js",
        )


class ChannelForm(forms.ModelForm[Channel]):
    """A channel's settings; its secrets are written, never shown."""

    kind = forms.TypedChoiceField(
        label=_("kind"),
        coerce=int,
        initial=find_kind("openai").number,
        widget=SearchSelect,
        help_text=_("The provider, or what it is compatible with."),
    )
    new_key = SecretField(
        label=_("key"), help_text=_("Several keys of one kind: one a line, used in turn.")
    )
    new_key_adds = forms.BooleanField(
        label=_("add to the stored keys"),
        required=False,
        help_text=_("Off: what is entered replaces them."),
    )
    new_proxy_url = SecretField(
        label=_("proxy"),
        help_text=_(
            "http://, https:// or socks5:// address, with user and password if needed. "
            "A single - removes it."
        ),
    )

    class Meta:
        model = Channel
        fields = (
            "name",
            "kind",
            "status",
            "base_url",
            "key_strategy",
            "models_text",
            "groups_text",
            "priority",
            "weight",
            "tag",
            "model_mapping",
            "headers",
            "settings",
            "connect_seconds",
            "first_byte_seconds",
            "idle_seconds",
            "total_seconds",
            "asks_usage",
            *SWITCHES,
            "auto_ban",
            "retest_seconds",
            "test_model",
            "notes",
            "system_prompt",
            *LIMITS,
            *MAPS[3:],
        )
        labels = {"settings": _("other settings")}
        help_texts = {"settings": _('What has no field of its own: {"name": "text"}')}
        widgets = {
            "models_text": AdminTextareaWidget(attrs={"rows": 4}),
            "notes": AdminTextareaWidget(attrs={"rows": 3}),
            "system_prompt": AdminTextareaWidget(attrs={"rows": 3}),
            **{name: AdminTextareaWidget(attrs={"rows": 3, "class": "mono"}) for name in MAPS},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "models_text" in self.fields:
            # The model says it better than "This field is required."
            self.fields["models_text"].required = False
        for name in ("retest_seconds", "key_strategy", *LIMITS):
            if name in self.fields:
                self.fields[name].required = False
        for name in BIG:
            if name in self.fields:
                self.fields[name].widget.attrs["class"] = "vBigIntegerField"
        kind = self.fields.get("kind")
        if isinstance(kind, forms.TypedChoiceField):
            kind.choices = kind_choices(self.instance.kind)
        offer_statuses(self.fields.get("status"), self.instance)
        own, others = split_settings(KINDS.get(self.instance.kind), self.instance.settings)
        self.initial["settings"] = others
        self.initial.update({PREFIX + name: value for name, value in own.items()})
        for name, sealed in (("new_key", self.instance.key_sealed), ("new_proxy_url", "")):
            field = self.fields.get(name)
            if isinstance(field, SecretField) and sealed:
                field.hint(
                    _("%(hint)s is stored; empty keeps it") % {"hint": key_hint(self.instance)}
                    if len(read_states(self.instance)) < 2
                    else _("%(hint)s are stored; empty keeps them")
                    % {"hint": key_hint(self.instance)}
                )
        if self.instance.proxy_sealed and "new_proxy_url" in self.fields:
            self.fields["new_proxy_url"].widget.attrs["placeholder"] = _("stored; empty keeps it")

    def clean_new_key(self) -> str:
        text = str(self.cleaned_data["new_key"])
        is_file = text.lstrip().startswith("{")
        if not is_file and not all(line.strip().isprintable() for line in text.splitlines()):
            raise ValidationError(_("A key is one line, or a JSON file."))
        return text

    def clean(self) -> dict[str, Any]:
        """Empty is zero, or an empty dictionary; the settings become one again."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned |= {name: {} for name in MAPS if cleaned.get(name, {}) is None}
        if not cleaned.get("key_strategy", KeyStrategy.ROUND_ROBIN):
            cleaned["key_strategy"] = self.instance.key_strategy
        numbers = ("retest_seconds", *LIMITS)
        cleaned |= {name: 0 for name in numbers if cleaned.get(name, 0) is None}
        kind = KINDS.get(cleaned.get("kind") or -1)
        if kind is not None and isinstance(cleaned.get("settings"), dict):
            given = {one.name: cleaned.get(one.field, "") for one in settings_of(kind)}
            cleaned["settings"] |= {name: text for name, text in given.items() if text}
        return cleaned

    def _update_errors(self, errors: ValidationError) -> None:
        """The model names what is wrong; the form's fields for it have other names."""
        if hasattr(errors, "error_dict"):
            found: dict[str, list[ValidationError]] = {}
            for name, texts in errors.error_dict.items():
                field = {"key": "new_key"}.get(name, name)
                found.setdefault(field if field in self.fields else "__all__", []).extend(texts)
            errors = ValidationError(found)
        super()._update_errors(errors)  # type: ignore[misc]

    def _post_clean(self) -> None:
        """The secrets belong to the instance before the model checks the whole."""
        self._add_keys()
        self._write("new_key", "key")
        self._write("new_proxy_url", "proxy_url")
        super()._post_clean()  # type: ignore[misc]
        for name in ("new_key", "new_proxy_url"):
            field = self.fields.get(name)
            if self.errors and isinstance(field, SecretField) and self.cleaned_data.get(name):
                field.hint(str(_("not stored yet: please enter it again")))

    def _add_keys(self) -> None:
        """What is entered comes after what is stored."""
        text = self.cleaned_data.get("new_key", KEEP)
        if text in {KEEP, REMOVE} or not self.cleaned_data.get("new_key_adds"):
            return
        try:
            stored = self.instance.key
        except Undecipherable:
            return
        self.cleaned_data["new_key"] = "\n".join(filter(None, (stored, text)))

    def _write(self, field: str, name: str) -> None:
        text = self.cleaned_data.get(field, KEEP)
        if text == KEEP:
            return
        try:
            setattr(self.instance, name, "" if text == REMOVE else text)
        except UrlNotAllowed as error:
            self.add_error(field, str(error))


def setting_field(setting: Setting) -> forms.CharField:
    attrs = {
        "class": "vTextField",
        "data-setting": setting.name,
        "placeholder": setting.example,
        "autocomplete": "off",
    }
    return forms.CharField(
        label=setting.label,
        help_text=setting.help,
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs),
    )


# As if declared in the class: the admin makes forms of those fields that are.
ChannelForm.declared_fields |= {one.field: setting_field(one) for one in SETTINGS}
ChannelForm.base_fields |= ChannelForm.declared_fields


class ChannelRowForm(forms.ModelForm[Channel]):
    """What is changed in the list. The rest of the channel is not checked: what is broken must be
    possible to switch off.
    """

    class Meta:
        model = Channel
        fields = ("status", "priority", "weight", "retest_seconds")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_statuses(self.fields.get("status"), self.instance, automatic=_("auto-disabled"))
        retest = self.fields["retest_seconds"]
        retest.widget.attrs["title"] = retest.help_text
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = field.label
            field.help_text = ""  # a row has no place for it, and nothing may refer to it

    def _post_clean(self) -> None:
        for name, value in self.cleaned_data.items():
            if name in self.Meta.fields:
                setattr(self.instance, name, value)


def offer_statuses(field: forms.Field | None, channel: Channel, automatic: Any = None) -> None:
    """Nobody disables automatically by hand; `automatic` is another name for it."""
    if isinstance(field, forms.TypedChoiceField):
        field.choices = [
            (number, automatic if automatic and number == ChannelStatus.AUTO_DISABLED else label)
            for number, label in ChannelStatus.choices
            if number in {ChannelStatus.ENABLED, ChannelStatus.DISABLED, channel.status}
        ]


def kind_choices(current: int | None) -> list[tuple[int, str]]:
    """Kinds that calls can go to, by their label; a channel keeps the one it has."""
    usable = [kind for kind in KINDS.values() if kind.is_usable or kind.number == current]
    return [
        (kind.number, kind.label) for kind in sorted(usable, key=lambda kind: kind.label.lower())
    ]


def kind_facts() -> dict[int, dict[str, Any]]:
    """What the page shows and fills in when a kind is chosen."""
    return {kind.number: _facts(kind) for kind in KINDS.values()}


def _facts(kind: Kind) -> dict[str, Any]:
    return {
        "base_url": kind.base_url,
        "key": str(_(kind.key_format)) if kind.key_format else "",
        "note": str(_(kind.note)) if kind.note else "",
        "models": list(default_models(kind)),
        "settings": {one.name: one.is_required for one in settings_of(kind)},
        "lists": lists_models(kind),
        "balance": tells_balance(kind),
    }


def key_hint(channel: Channel) -> str:
    """The end of the key, or that it can't be read; empty without one."""
    try:
        keys = channel.all_keys
    except Undecipherable:
        return str(_("unreadable: encrypted with another key ring"))
    if len(keys) > 1:
        return ngettext("%(count)d key", "%(count)d keys", len(keys)) % {"count": len(keys)}
    return show_end(keys[0]) if keys else ""

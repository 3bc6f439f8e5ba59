"""The form of one tab of options: what it accepts, and what a save changes and records."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from constance import config
from constance.forms import ConstanceForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.text import normalize_newlines
from django.utils.translation import gettext as _

from chatapi.console.audit import record_act
from chatapi.options.guards import find_missing
from chatapi.options.registry import OPTIONS, Tab
from chatapi.options.secret_options import SECRET

ACTION = "options.change"
MOST_TEXT = 1000
"""Characters of a text that the audit log keeps."""


class OptionsForm(ConstanceForm):
    """The options of a tab, or all of them. `version` tells what the browser was shown, so that
    nobody overwrites what somebody else saved meanwhile.
    """

    def __init__(
        self, initial: dict[str, Any], tab: Tab | None = None, data: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            initial=dict(initial),
            data=data,
            auto_id=f"option-{tab.slug if tab else 'all'}-%s",
            **kwargs,
        )  # an option may stand in two tabs
        self.names = tab.names if tab else tuple(OPTIONS)
        for name in OPTIONS.keys() - set(self.names):
            del self.fields[name]
        self.initial["version"] = version_of(initial, self.names)
        # A browser's own check would stand in the way of a field in a tab that is not shown.
        self.use_required_attribute = False

    def clean_version(self) -> str:
        if self.cleaned_data["version"] == self.initial["version"]:
            return str(self.cleaned_data["version"])
        # The page that tells of it shows what is stored now as its version.
        sent: Any = self.data
        self.data = sent.copy()
        self.data["version"] = self.initial["version"]  # type: ignore[index]
        msg = _(
            "Somebody else changed these options meanwhile. What you entered is below: look at "
            "it once more, and save again."
        )
        raise ValidationError(msg)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()  # type: ignore[no-untyped-call]
        for name in self.names:
            if OPTIONS[name][2] == SECRET and cleaned.get(name) is None:
                # Nothing was said of it, so it stays.
                cleaned[name] = self.initial[name]
        for name, message in find_missing({**self.initial, **cleaned}):
            if name in self.names:
                self.add_error(name, message)
        return cleaned

    def save_for(self, request: HttpRequest) -> list[str]:
        """Stores what changed and records it; returns the names."""
        new = {name: self._stored(name) for name in self.names}
        changed = [name for name in self.names if new[name] != self.initial[name]]
        if not changed:
            return []
        with transaction.atomic():
            for name in changed:
                setattr(config, name, new[name])
            record_act(
                ACTION,
                request=request,
                before={name: tell(name, self.initial[name]) for name in changed},
                after={name: tell(name, new[name]) for name in changed},
                note=", ".join(changed),
            )
        return changed

    def _stored(self, name: str) -> Any:
        value = self.cleaned_data[name]
        return normalize_newlines(value) if isinstance(value, str) else value


def version_of(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    shown = json.dumps([str(values[name]) for name in names])
    return hashlib.sha256(shown.encode()).hexdigest()[:32]


def tell(name: str, value: Any) -> Any:
    """As the audit log may know it: of a secret only whether there is one."""
    if OPTIONS[name][2] == SECRET:
        return "***" if value else ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and len(value) > MOST_TEXT:
        return f"{value[:MOST_TEXT]}…"
    return value if isinstance(value, bool | int | str) else str(value)

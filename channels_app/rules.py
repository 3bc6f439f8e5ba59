"""What an operator may have changed in the requests and answers of a channel. Pure."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from django.utils.translation import gettext as _

NOT_OVERRIDDEN = frozenset({"model", "stream", "stream_options", "messages", "input", "contents"})
"""Fields on which routing and charging rest."""
PATTERN = "@"
"""How the names of models begin for which alone some fields are set: {"@o3*": {"seed": null}}."""
LIMITS = frozenset({"n", "max_tokens", "max_completion_tokens", "max_output_tokens"})
"""What the hold was made for: more would not be paid for."""


def check_overrides(values: Any) -> None:
    """Raises ValueError for anything but a dictionary that leaves alone what the gateway sets."""
    if not isinstance(values, dict):
        msg = _('must look like {"name": "text"}')
        raise ValueError(msg)  # noqa: TRY004 -- what a form shows
    for name, value in values.items():
        if name.startswith(PATTERN):
            if not name[1:].strip() or not isinstance(value, dict):
                msg = _('must look like {"@gpt-4*": {"name": "text"}}')
                raise ValueError(msg)
            if any(inner.startswith(PATTERN) for inner in value):
                msg = _("%(names)s can't be set here") % {"names": name}
                raise ValueError(msg)
            check_overrides(value)
    kept = sorted((NOT_OVERRIDDEN | LIMITS) & values.keys())
    if kept:
        msg = _("%(names)s can't be set here") % {"names": ", ".join(kept)}
        raise ValueError(msg)


def overrides_for(values: Mapping[str, Any], *models: str) -> dict[str, Any]:
    """The fields to set for a model, by any of its names; later patterns win."""
    found = {name: value for name, value in values.items() if not name.startswith(PATTERN)}
    for name, fields in values.items():
        if name.startswith(PATTERN) and any(fnmatchcase(model, name[1:]) for model in models):
            found |= fields
    return found


def check_status_mapping(values: Any) -> None:
    """Raises ValueError for anything but a dictionary of error statuses."""
    if not isinstance(values, dict) or not all(
        str(status).isascii() and str(status).isdecimal() and 400 <= int(status) <= 599
        for pair in values.items()
        for status in pair
    ):
        msg = _('must look like {"404": "503"}, with statuses from 400 to 599')
        raise ValueError(msg)

"""Whether what an operator wrote into a channel's lists and maps can be so."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from channels_app.mapping import MappingCycle, resolve_model


def split_list(text: str) -> tuple[str, ...]:
    """The distinct parts of a comma or line separated list, trimmed, in their order."""
    parts = (part.strip() for part in text.replace("\n", ",").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def check_settings(values: Any) -> None:
    """Raises ValueError for anything but a dictionary of short texts."""
    if not isinstance(values, dict) or not all(
        isinstance(name, str) and isinstance(value, str) and len(value) <= 500
        for name, value in values.items()
    ):
        msg = str(_('must look like {"name": "text"}'))
        raise ValueError(msg)


def check_mapping(mapping: Any) -> None:
    """Raises ValueError for anything but a dictionary of names without a cycle."""
    if not isinstance(mapping, dict) or not all(
        isinstance(name, str) and isinstance(target, str) and target and len(target) <= 255
        for name, target in mapping.items()
    ):
        msg = str(_('must look like {"asked for": "sent to the provider"}'))
        raise ValueError(msg)
    for name in mapping:
        try:
            resolve_model(name, mapping)
        except MappingCycle as error:
            raise ValueError(str(error)) from error

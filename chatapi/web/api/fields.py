"""Fields of requests and answers: plain numbers, unix seconds, units."""

from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chatapi.lib.money import MAX_UNITS

NEVER = -1
MOST_SECOND = 253_402_214_399
"""The last second of 9999-12-30: a day later there is no date any more in some zones."""


class PlainInteger(serializers.IntegerField):
    """Digits 0-9 and a sign: no Arabic digits, no fractions, no booleans."""

    default_error_messages = {"plain": _("A whole number is needed.")}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, float) and data.is_integer() and abs(data) <= MAX_UNITS:
            data = int(data)
        text = str(data)
        if not text.isascii() or not text.removeprefix("-").isdecimal():
            self.fail("plain")
        return super().to_internal_value(text)


class RowNumber(PlainInteger):
    """The number of a row: what a database can look for."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=2**63 - 1, **kwargs)


class ClampedInteger(PlainInteger):
    """What is too small or too large becomes the nearest that is allowed."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        self.least, self.most = least, most
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        return min(max(super().to_internal_value(data), self.least), self.most)


class Units(PlainInteger):
    """Quota units: from 0 to 2^53."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", 0)
        super().__init__(max_value=MAX_UNITS, **kwargs)


@extend_schema_field(OpenApiTypes.INT64)
class UnixTime(serializers.Field[Any, Any, int, Any]):
    """Seconds since 1970; `missing` stands for no time."""

    default_error_messages = {"range": _("This is no time in unix seconds.")}

    def __init__(self, *, missing: int = 0, **kwargs: Any) -> None:
        self.missing = missing
        super().__init__(**kwargs)

    def get_attribute(self, instance: Any) -> Any:
        found = super().get_attribute(instance)
        # DRF does not ask the field about None.
        return self.missing if found is None else found

    def to_representation(self, value: Any) -> int:
        return value if isinstance(value, int) else int(value.timestamp())

    def to_internal_value(self, data: Any) -> datetime | None:
        seconds = PlainInteger().run_validation(data)
        if seconds == self.missing:
            return None
        if not 0 <= seconds <= MOST_SECOND:
            self.fail("range")
        return datetime.fromtimestamp(seconds, UTC)


class Text(serializers.CharField):
    """Text of a person; empty is allowed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_blank": True, "required": False, **kwargs})

"""Calls and bookings as rows of the old product's log."""

import json

from rest_framework import serializers

from billing.models import LedgerEntry, Usage, UsageStatus
from chatapi.console.models import AuditEntry
from chatapi.web.api.fields import UnixTime

TOPUP, CONSUME, MANAGE, SYSTEM, ERROR = 1, 2, 3, 4, 5
RETRIED = 6
"""Not a type of rows but of questions: calls that were tried more than once."""


class OwnLogRow(serializers.Serializer[Usage]):
    """What the owner of a token sees of a call. `multiplier` tells how the price was made."""

    id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    username = serializers.CharField()
    created_at = UnixTime()
    type = serializers.SerializerMethodField()
    request_id = serializers.CharField()
    token_id = serializers.IntegerField()
    token_name = serializers.CharField()
    model_name = serializers.CharField(source="model")
    group = serializers.CharField()
    endpoint = serializers.CharField()
    quota = serializers.IntegerField(source="amount")
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()
    use_time = serializers.SerializerMethodField()
    is_stream = serializers.BooleanField()
    status = serializers.CharField()
    http_status = serializers.IntegerField()
    multiplier = serializers.SerializerMethodField()
    ip = serializers.CharField(source="address")

    def get_type(self, usage: Usage) -> int:
        return ERROR if usage.status == UsageStatus.FAILED else CONSUME

    def get_use_time(self, usage: Usage) -> int:
        """Whole seconds."""
        return round(usage.total_ms / 1000)

    def get_multiplier(self, usage: Usage) -> str:
        return tell_items(usage.line_items)


class LogRow(OwnLogRow):
    """With what is the operator's affair: the channel, the tries, the error."""

    channel = serializers.IntegerField(source="channel_id", allow_null=True)
    channel_name = serializers.CharField()
    upstream_model = serializers.CharField()
    error_code = serializers.CharField()
    attempts_log = serializers.CharField(source="attempts")
    first_byte_ms = serializers.IntegerField(allow_null=True)
    total_ms = serializers.IntegerField()


class BookingRow(serializers.Serializer[LedgerEntry]):
    """A top-up, gift or other booking, as a row of type 1; `multiplier` has the note."""

    id = serializers.IntegerField()
    user_id = serializers.IntegerField(source="budget.user_id")
    username = serializers.CharField(source="budget.user.username")
    created_at = UnixTime()
    type = serializers.SerializerMethodField()
    quota = serializers.IntegerField(source="amount")
    kind = serializers.CharField()
    multiplier = serializers.CharField(source="note")

    def get_type(self, _entry: LedgerEntry) -> int:
        return TOPUP


class EntryRow(serializers.Serializer[AuditEntry]):
    """An act of staff (type 3) or of the system (4), as the audit log has it. User and address are
    those of who acted; `multiplier` tells it in one line.
    """

    id = serializers.IntegerField()
    user_id = serializers.SerializerMethodField()
    username = serializers.CharField(source="actor_name")
    created_at = UnixTime(source="at")
    type = serializers.SerializerMethodField()
    action = serializers.CharField()
    object_type = serializers.CharField()
    object_id = serializers.CharField()
    object_name = serializers.CharField()
    before = serializers.DictField()
    after = serializers.DictField()
    multiplier = serializers.SerializerMethodField()
    ip = serializers.CharField(source="address")

    def get_user_id(self, entry: AuditEntry) -> int:
        """0 for the system."""
        return entry.actor_id or 0

    def get_type(self, entry: AuditEntry) -> int:
        return SYSTEM if entry.actor_id is None else MANAGE

    def get_multiplier(self, entry: AuditEntry) -> str:
        parts = (entry.action, entry.object_name, entry.note)
        return " · ".join(part for part in parts if part)


def tell_items(text: str) -> str:
    """`input 1000 × 0.075, output 500 × 0.3, group × 0.8`, in units; '' without items."""
    if not text:
        return ""
    told = []
    for name, *numbers in json.loads(text):
        if len(numbers) == 1:
            told.append(f"{name} × {numbers[0]}")
        elif len(numbers) >= 2:
            told.append(f"{name} {numbers[0]} × {numbers[1]}")
    return ", ".join(told)

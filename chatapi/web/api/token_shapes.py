"""Tokens as the API reads and shows them. A key is only in the answer that makes it."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from billing.models import Renews, TokenRenewal
from chatapi.accounts.models import Token, TokenStatus
from chatapi.web.api.fields import NEVER, PlainInteger, RowNumber, Text, Units, UnixTime

MOST_AT_ONCE = 100
MOST_MODELS_TEXT = 20_000


class TokenOut(serializers.Serializer[Token]):
    """`key` shows its ends only. `remain_quota` counts with the credit that running calls hold."""

    id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    name = serializers.CharField()
    key = serializers.CharField(source="key_hint")
    status = serializers.SerializerMethodField()
    created_time = UnixTime(source="created_at")
    accessed_time = UnixTime(source="last_used_at")
    expired_time = UnixTime(source="expires_at", missing=NEVER)
    valid_seconds = serializers.IntegerField(allow_null=True)
    remain_quota = serializers.SerializerMethodField()
    unlimited_quota = serializers.BooleanField(source="is_unlimited")
    used_quota = serializers.IntegerField(source="used_units")
    request_count = serializers.IntegerField(source="used_count")
    group = serializers.CharField()
    billing_enabled = serializers.BooleanField(source="is_billed_by_call")
    models = serializers.CharField(source="models_text")
    fixed_content = serializers.CharField(source="suffix_text")
    subnet = serializers.CharField(source="networks_text")
    concurrency = serializers.IntegerField(allow_null=True)
    requests_per_minute = serializers.IntegerField(allow_null=True)
    renews = serializers.SerializerMethodField()
    renew_quota = serializers.SerializerMethodField()

    def get_status(self, token: Token) -> int:
        return status_now(token)

    def get_remain_quota(self, token: Token) -> int:
        return units_left(token)

    def get_renews(self, token: Token) -> str:
        renewal = renewal_of(token)
        return renewal.renews if renewal else Renews.NEVER.value

    def get_renew_quota(self, token: Token) -> int | None:
        renewal = renewal_of(token)
        return renewal.units if renewal else None


class NewTokenOut(TokenOut):
    """With the whole key, which is shown this once."""

    key = serializers.CharField()


class TokenIn(serializers.Serializer[Any]):
    """What a person decides about a token; what is left out stays as it is."""

    name = serializers.CharField(max_length=64)
    expired_time = UnixTime(
        source="expires_at", missing=NEVER, required=False, help_text="-1: never."
    )
    valid_seconds = PlainInteger(required=False, allow_null=True, min_value=1)
    remain_quota = Units(required=False)
    unlimited_quota = serializers.BooleanField(source="is_unlimited", required=False)
    group = Text(max_length=64)
    billing_enabled = serializers.BooleanField(source="is_billed_by_call", required=False)
    models = Text(source="models_text", max_length=MOST_MODELS_TEXT)
    fixed_content = Text(source="suffix_text", max_length=1000)
    subnet = Text(source="networks_text", max_length=5000, allow_null=True)
    concurrency = PlainInteger(required=False, allow_null=True, min_value=0, max_value=2**31 - 1)
    requests_per_minute = PlainInteger(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=2**31 - 1,
        help_text="null: as the option TokenRequestsPerMinute says; 0: no limit.",
    )
    renews = serializers.ChoiceField(
        choices=Renews.values,
        required=False,
        help_text="When what is left of the limit is set back.",
    )
    renew_quota = Units(
        source="renew_units",
        required=False,
        allow_null=True,
        help_text="To so many units; left out: as before, or what is left now.",
    )


class ManyTokensIn(TokenIn):
    """So many tokens alike; their names get numbers."""

    count = PlainInteger(min_value=1, max_value=MOST_AT_ONCE)


class TokenChange(TokenIn):
    """With the number of the token."""

    id = RowNumber()
    name = Text(max_length=64, allow_blank=False)
    status = serializers.ChoiceField(
        choices=TokenStatus.values,
        required=False,
        help_text="1 enables, 2 disables; others change nothing: time and credit decide them.",
    )


class TokenStrategy(serializers.Serializer[Any]):
    """1 or true: billed per call; 0 or false: by quantity."""

    billing_enabled = serializers.BooleanField()


def status_now(token: Any) -> int:
    """What a call would meet: time and credit are asked too, not only what is stored."""
    if token.status != TokenStatus.ENABLED:
        return int(token.status)
    if token.expires_at is not None and token.expires_at <= timezone.now():
        return TokenStatus.EXPIRED.value
    if not token.is_unlimited and units_left(token) <= 0:
        return TokenStatus.EXHAUSTED.value
    return TokenStatus.ENABLED.value


def renewal_of(token: Any) -> TokenRenewal | None:
    """Of a token with a limit that renews, read with `with_limits`."""
    found: TokenRenewal | None = None if token.is_unlimited else getattr(token, "renewal", None)
    return found


def units_left(token: Any) -> int:
    """Of a token with a limit of its own, read with `with_limits`."""
    budget = getattr(token, "budget", None)
    if budget is None or token.is_unlimited:
        return 0
    return int(budget.remaining + token.held_units)

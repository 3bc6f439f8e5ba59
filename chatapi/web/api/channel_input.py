"""Channels under the old product's names, as they are written."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from channels_app.models import Channel, ChannelStatus, KeyStrategy
from chatapi.web.api.channel_shapes import HIDDEN, JsonText
from chatapi.web.api.fields import PlainInteger, RowNumber, Text

MOST_NUMBER = 2**31 - 1


class Seconds(PlainInteger):
    """At least one; none: the option of the same name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, min_value=1, max_value=MOST_NUMBER, **kwargs)


class ChannelIn(serializers.Serializer[Any]):
    """A channel's settings; what is left out stays as it is. An empty key keeps the stored one."""

    type = PlainInteger(source="kind", min_value=0, max_value=MOST_NUMBER)
    name = serializers.CharField(max_length=100)
    key = Text(max_length=20_000, write_only=True)
    status = serializers.ChoiceField(
        choices=[ChannelStatus.ENABLED.value, ChannelStatus.DISABLED.value], required=False
    )
    base_url = Text(max_length=500)
    models = serializers.CharField(source="models_text", max_length=50_000)
    group = Text(source="groups_text", max_length=500)
    priority = PlainInteger(required=False, min_value=-MOST_NUMBER, max_value=MOST_NUMBER)
    weight = PlainInteger(required=False, min_value=0, max_value=MOST_NUMBER)
    tags = Text(source="tag", max_length=100)
    model_mapping = JsonText(required=False)
    headers = JsonText(required=False)
    status_code_mapping = JsonText(source="status_mapping", required=False)
    config = JsonText(source="kind_settings", required=False)
    overrides = JsonText(required=False)
    system_prompt = Text(max_length=50_000)
    proxy_url = Text(max_length=2000, write_only=True)
    auto_ban = serializers.BooleanField(required=False)
    tested_time = PlainInteger(
        source="retest_seconds", required=False, allow_null=True, min_value=0, max_value=MOST_NUMBER
    )
    model_test = Text(source="test_model", max_length=255)
    rate_limit_count = PlainInteger(
        source="requests_per_minute", required=False, min_value=0, max_value=MOST_NUMBER
    )
    rate_limited = serializers.BooleanField(
        required=False, help_text="false: no limit, whatever rate_limit_count says."
    )
    is_tools = serializers.BooleanField(source="accepts_tools", required=False)
    accepts_images = serializers.BooleanField(required=False)
    passes_through = serializers.BooleanField(required=False)
    claude_only = serializers.BooleanField(required=False)
    key_strategy = serializers.ChoiceField(choices=KeyStrategy.values, required=False)
    is_image_url_enabled = serializers.BooleanField(
        required=False, help_text="Midjourney: the pictures' original addresses."
    )
    other = Text(max_length=500, help_text="Azure: the API version; AI Proxy: the library.")
    gcp_account = Text(
        max_length=20_000, write_only=True, help_text="Vertex: a service account's JSON, the key."
    )
    max_concurrency = PlainInteger(required=False, min_value=0, max_value=MOST_NUMBER)
    max_input_tokens = PlainInteger(required=False, min_value=0, max_value=MOST_NUMBER)
    total_requests_per_minute = PlainInteger(required=False, min_value=0, max_value=MOST_NUMBER)
    tokens_per_minute = PlainInteger(required=False, min_value=0, max_value=MOST_NUMBER)
    requests_per_day = PlainInteger(required=False, min_value=0, max_value=MOST_NUMBER)
    tokens_per_day = PlainInteger(required=False, min_value=0, max_value=2**53)
    usd_per_day = serializers.DecimalField(
        max_digits=12, decimal_places=4, min_value=Decimal(0), required=False
    )
    connect_seconds = Seconds(required=False)
    first_byte_seconds = Seconds(required=False)
    idle_seconds = Seconds(required=False)
    total_seconds = Seconds(required=False)
    asks_usage = serializers.BooleanField(required=False)
    remark = Text(source="notes", max_length=20_000)


class ChannelChange(ChannelIn):
    """With the number of the channel. Status 3, disabled automatically, is taken where it stands
    already.
    """

    id = RowNumber()
    status = serializers.ChoiceField(choices=ChannelStatus.values, required=False)


class ChannelId(serializers.Serializer[Any]):
    id = RowNumber()


class ChannelIds(serializers.Serializer[Any]):
    ids = serializers.ListField(child=RowNumber(), max_length=1000)


def keep_hidden(channel: Channel, headers: Mapping[str, Any]) -> dict[str, Any]:
    """Headers as sent, with the stored value where the hidden one came back."""
    stored: dict[str, Any] = channel.headers
    return {
        name: stored[name] if value == HIDDEN and name in stored else value
        for name, value in headers.items()
    }

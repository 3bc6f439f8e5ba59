"""Channels under the old product's names, as they are shown: without keys and proxies."""

import json
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channels_app.models import Channel
from channels_app.reasons import tell_reason
from chatapi.accounts.roles import may_see_texts
from chatapi.web.api.channel_use import UNUSED, ChannelUse
from chatapi.web.api.fields import UnixTime
from chatapi.web.api.old_channel_fields import ORIGINAL_PICTURES

HIDDEN = "***"
"""In the place of a header's value; sent back, it keeps what is stored."""


@extend_schema_field(OpenApiTypes.STR)
class JsonText(serializers.Field[Any, Any, str, Any]):
    """A JSON object in a string, as the old product has it; an object itself is read too."""

    default_error_messages = {"object": _("This must be a JSON object.")}

    def to_representation(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False) if value else ""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = data
        if isinstance(data, str):
            try:
                value = json.loads(data) if data.strip() else {}
            except (ValueError, RecursionError):
                self.fail("object")
        if not isinstance(value, dict):
            self.fail("object")
        found: dict[str, Any] = value
        return found


class HeadersText(JsonText):
    """Values may be credentials: only the names are shown."""

    def to_representation(self, value: Any) -> str:
        return super().to_representation(dict.fromkeys(value, HIDDEN))


class ChannelRow(serializers.Serializer[Channel]):
    """A row of the list. `response_time` in milliseconds; `balance` in `balance_currency`;
    `used_quota` and `used_count` as far back as statistics are kept.
    """

    id = serializers.IntegerField()
    type = serializers.IntegerField(source="kind")
    name = serializers.CharField()
    status = serializers.IntegerField()
    weight = serializers.IntegerField()
    priority = serializers.IntegerField()
    created_time = UnixTime(source="created_at")
    test_time = UnixTime(source="tested_at")
    test_ok = serializers.BooleanField(allow_null=True)
    response_time = serializers.SerializerMethodField()
    balance = serializers.FloatField(allow_null=True)
    balance_currency = serializers.CharField()
    balance_updated_time = UnixTime(source="balance_updated_at")
    models = serializers.CharField(source="models_text")
    group = serializers.CharField(source="groups_text")
    tags = serializers.CharField(source="tag")
    auto_ban = serializers.SerializerMethodField()
    tested_time = serializers.IntegerField(source="retest_seconds")
    model_test = serializers.CharField(source="test_model")
    rate_limited = serializers.SerializerMethodField()
    rate_limit_count = serializers.IntegerField(source="requests_per_minute")
    is_tools = serializers.BooleanField(source="accepts_tools")
    used_quota = serializers.SerializerMethodField()
    used_count = serializers.SerializerMethodField()
    disabled_reason = serializers.SerializerMethodField()

    def get_response_time(self, channel: Channel) -> int:
        return channel.test_milliseconds or 0

    def get_auto_ban(self, channel: Channel) -> int:
        return int(channel.auto_ban)

    def get_rate_limited(self, channel: Channel) -> bool:
        return channel.requests_per_minute > 0

    def get_used_quota(self, channel: Channel) -> int:
        return self._use_of(channel).units

    def get_used_count(self, channel: Channel) -> int:
        return self._use_of(channel).calls

    def _use_of(self, channel: Channel) -> ChannelUse:
        found: ChannelUse = self.context["use"].get(channel.pk, UNUSED)
        return found

    def get_disabled_reason(self, channel: Channel) -> str:
        return tell_reason(channel.disabled_reason) if channel.disabled_reason else ""


class ChannelOut(ChannelRow):
    """All of a channel but its secrets: `has_key` and `has_proxy` tell that there are some."""

    has_key = serializers.SerializerMethodField()
    has_proxy = serializers.SerializerMethodField()
    base_url = serializers.CharField()
    model_mapping = JsonText()
    headers = HeadersText()
    status_code_mapping = JsonText(source="status_mapping")
    config = serializers.SerializerMethodField()
    overrides = serializers.SerializerMethodField()
    system_prompt = serializers.SerializerMethodField()
    max_concurrency = serializers.IntegerField()
    max_input_tokens = serializers.IntegerField()
    total_requests_per_minute = serializers.IntegerField()
    tokens_per_minute = serializers.IntegerField()
    requests_per_day = serializers.IntegerField()
    tokens_per_day = serializers.IntegerField()
    usd_per_day = serializers.DecimalField(max_digits=12, decimal_places=4)
    key_strategy = serializers.CharField()
    passes_through = serializers.BooleanField()
    accepts_images = serializers.BooleanField()
    claude_only = serializers.BooleanField()
    is_image_url_enabled = serializers.SerializerMethodField()
    connect_seconds = serializers.IntegerField(allow_null=True)
    first_byte_seconds = serializers.IntegerField(allow_null=True)
    idle_seconds = serializers.IntegerField(allow_null=True)
    total_seconds = serializers.IntegerField(allow_null=True)
    asks_usage = serializers.BooleanField()
    remark = serializers.SerializerMethodField()

    def get_has_key(self, channel: Channel) -> bool:
        return bool(channel.key_sealed)

    def get_is_image_url_enabled(self, channel: Channel) -> int:
        return int(channel.settings.get(ORIGINAL_PICTURES) == "1")

    def get_has_proxy(self, channel: Channel) -> bool:
        return bool(channel.proxy_sealed)

    def get_config(self, channel: Channel) -> str:
        return JsonText().to_representation(channel.settings) if self._tells_texts else ""

    def get_remark(self, channel: Channel) -> str:
        return channel.notes if self._tells_texts else ""

    def get_overrides(self, channel: Channel) -> str:
        return JsonText().to_representation(channel.overrides) if self._tells_texts else ""

    def get_system_prompt(self, channel: Channel) -> str:
        return channel.system_prompt if self._tells_texts else ""

    @property
    def _tells_texts(self) -> bool:
        return may_see_texts(self.context.get("actor"))

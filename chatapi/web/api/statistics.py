"""Sums of calls, from the hourly sums: the log's figures, the dashboards' rows."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import HourlyUsage, Usage
from chatapi.accounts.models import User
from chatapi.accounts.roles import narrow_rows
from chatapi.web.api.envelope import answer, answer_rows
from chatapi.web.api.fields import UnixTime
from chatapi.web.api.log_search import AllLogsQuery, LogQuery, wallet_of
from chatapi.web.api.period_sums import (
    days_by_model,
    hours_and_models,
    read_figures,
    read_period,
)
from chatapi.web.api.views import ApiView, describe

TAG = "Statistics"
MOST_ROWS = 10_000


class Figures(serializers.Serializer[Any]):
    """`quota` of the time asked for; requests and tokens per minute of the last minute."""

    quota = serializers.IntegerField()
    rpm = serializers.IntegerField()
    tpm = serializers.IntegerField()


class LogStat(ApiView):
    area = "logs"

    @describe("Sums of everybody's calls", TAG, Figures, query=AllLogsQuery)
    def get(self, _request: Request) -> Response:
        values = self.read_query(AllLogsQuery)
        hours = narrow_rows(self.user, HourlyUsage.objects.all(), "user_id")
        calls = narrow_rows(self.user, Usage.objects.all(), "user_id")
        if name := values.get("username"):
            user = User.objects.filter(username=name).first()
            hours = hours.filter(user_id=user.pk if user else 0)
            calls = calls.filter(wallet_id=wallet_of(name))
        if channel := values.get("channel"):
            hours, calls = hours.filter(channel_id=channel), calls.filter(channel_id=channel)
        return answer(read_figures(hours, calls, values, None))


class OwnStat(ApiView):
    area = "self"

    @describe("Sums of one's own calls", TAG, Figures, query=LogQuery)
    def get(self, _request: Request) -> Response:
        values = self.read_query(LogQuery)
        wallet = wallet_of(self.user.username)
        hours = HourlyUsage.objects.filter(user_id=self.user.pk)
        return answer(read_figures(hours, Usage.objects.filter(wallet_id=wallet), values, wallet))


class TimeQuery(serializers.Serializer[Any]):
    """Unix seconds; 30 days without a start, at most 366 days."""

    start_timestamp = UnixTime(required=False)
    end_timestamp = UnixTime(required=False)


class HourRow(serializers.Serializer[HourlyUsage]):
    """The sums of an hour, a user, a token, a channel and a model."""

    id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    username = serializers.CharField()
    token_id = serializers.IntegerField()
    channel = serializers.IntegerField(source="channel_id")
    model_name = serializers.CharField(source="model")
    created_at = UnixTime(source="hour_at")
    type = serializers.SerializerMethodField()
    count = serializers.IntegerField(source="calls")
    failed = serializers.IntegerField(source="errors")
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    quota = serializers.IntegerField(source="units")

    def get_type(self, _row: HourlyUsage) -> int:
        return 2


class Data(ApiView):
    """At most 10000 rows, the newest; `truncated` tells when there are more."""

    area = "logs"

    @describe("Hourly sums", TAG, HourRow, is_list=True, query=TimeQuery, more=("truncated",))
    def get(self, _request: Request) -> Response:
        start, end = read_period(self.read_query(TimeQuery))
        rows: Any = HourlyUsage.objects.filter(hour_at__gte=start, hour_at__lte=end)
        rows = narrow_rows(self.user, rows, "user_id")
        found = list(rows.order_by("-hour_at", "-pk")[: MOST_ROWS + 1])
        ids = {row.user_id for row in found}
        names = dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))
        for row in found:
            row.username = names.get(row.user_id, "")
        return answer_rows(HourRow, found[MOST_ROWS - 1 :: -1], truncated=len(found) > MOST_ROWS)


class DashboardQuery(serializers.Serializer[Any]):
    start = UnixTime(required=False)
    end = UnixTime(required=False)


class DayRow(serializers.Serializer[Any]):
    """A day and a model, with the old product's names; days are those of the server's zone."""

    Day = serializers.CharField()
    ModelName = serializers.CharField()
    RequestCount = serializers.IntegerField()
    Quota = serializers.IntegerField()
    PromptTokens = serializers.IntegerField()
    CompletionTokens = serializers.IntegerField()


class Dashboard(ApiView):
    area = "self"

    @describe("One's own days by model", TAG, DayRow, is_list=True, query=DashboardQuery)
    def get(self, _request: Request) -> Response:
        values = self.read_query(DashboardQuery)
        named = {f"{name}_timestamp": value for name, value in values.items()}
        start, end = read_period(named)
        return answer(days_by_model(self.user.pk, start, end))


class HourlyStats(ApiView):
    """Outside of the envelope's `data`, as in the old product. `amount` is in dollars."""

    area = "self"

    @describe("One's own calls by hour of the day and by model", TAG, query=LogQuery)
    def get(self, _request: Request) -> Response:
        values = self.read_query(LogQuery)
        return answer(None, **hours_and_models(self.user, values))

"""Midjourney tasks: everybody's for staff, one's own for users, a token's for who has its key."""

from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.midjourney import SUCCESS
from chatapi.accounts.roles import may_see_texts, narrow_rows
from chatapi.web.address import site_url
from chatapi.web.api.confirming import has_part_token
from chatapi.web.api.envelope import answer_rows
from chatapi.web.api.fields import PlainInteger, Text
from chatapi.web.api.levels import PUBLIC
from chatapi.web.api.logs import KeyIn, find_by_key
from chatapi.web.api.paging import PageQuery, count_some, read_page
from chatapi.web.api.views import ApiView, describe
from relay.midjourney.pictures import PLACE
from relay.midjourney.signing import sign
from relay.models import MidjourneyTask

TAG = "Midjourney"
MOST_MILLISECONDS = 10**16
TEXTS = frozenset({"prompt", "prompt_en", "description", "image_url", "buttons", "properties"})
"""What people asked and got."""


class OwnTasksQuery(PageQuery):
    """Times are in milliseconds, of the submission."""

    mj_id = Text(max_length=64)
    start_timestamp = PlainInteger(required=False, min_value=0, max_value=MOST_MILLISECONDS)
    end_timestamp = PlainInteger(required=False, min_value=0, max_value=MOST_MILLISECONDS)


class TasksQuery(OwnTasksQuery):
    channel_id = PlainInteger(required=False, min_value=0, max_value=2**31 - 1)


class OwnTask(serializers.Serializer[MidjourneyTask]):
    """Pictures are at an address of ours, which only who sees this list knows."""

    id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    code = serializers.IntegerField()
    action = serializers.CharField()
    mj_id = serializers.CharField()
    mode = serializers.CharField()
    prompt = serializers.CharField()
    prompt_en = serializers.CharField()
    description = serializers.CharField()
    status = serializers.CharField()
    progress = serializers.CharField()
    fail_reason = serializers.CharField()
    submit_time = serializers.IntegerField()
    start_time = serializers.IntegerField()
    finish_time = serializers.IntegerField()
    image_url = serializers.SerializerMethodField()
    buttons = serializers.CharField()
    properties = serializers.CharField()
    quota = serializers.IntegerField(source="units")

    def get_image_url(self, task: MidjourneyTask) -> str:
        path = picture_path(task)
        return path and f"{self.context['site']}{path}"


class Task(OwnTask):
    """Of staff only administrators see prompts and pictures, of programs those that may do
    everything.
    """

    channel_id = serializers.IntegerField()
    token_id = serializers.IntegerField()

    def to_representation(self, instance: MidjourneyTask) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if self.context["is_part"] or not may_see_texts(self.context["actor"]):
            shown |= dict.fromkeys(TEXTS & shown.keys(), "")
        return shown


class Tasks(ApiView):
    area = "logs"

    @describe("Everybody's tasks", TAG, Task, is_list=True, query=TasksQuery, more=("total",))
    def get(self, request: Request) -> Response:
        rows = narrow_rows(self.user, MidjourneyTask.objects.all(), "user_id")
        return show(request, find(rows, self.read_query(TasksQuery)), Task)


class OwnTasks(ApiView):
    area = "self"

    @describe("One's own tasks", TAG, OwnTask, is_list=True, query=OwnTasksQuery, more=("total",))
    def get(self, request: Request) -> Response:
        rows = MidjourneyTask.objects.filter(user_id=self.user.pk)
        return show(request, find(rows, self.read_query(OwnTasksQuery)), OwnTask)


class TokenTasks(ApiView):
    """For whoever has the key of a token; send it by POST."""

    area = PUBLIC

    @describe(
        "Tasks of a token by its key (deprecated form)",
        TAG,
        OwnTask,
        is_list=True,
        query=KeyIn,
        more=("total",),
        deprecated=True,
    )
    def get(self, request: Request) -> Response:
        return self._show(request, self.read_query(KeyIn)["key"])

    @describe(
        "Tasks of a token by its key", TAG, OwnTask, is_list=True, body=KeyIn, more=("total",)
    )
    def post(self, request: Request) -> Response:
        return self._show(request, self.read_body(KeyIn)["key"])

    def _show(self, request: Request, key: str) -> Response:
        token = find_by_key(request, key)
        rows = MidjourneyTask.objects.filter(user_id=token.user_id, token_id=token.pk)
        return show(request, rows, OwnTask)


def picture_path(task: MidjourneyTask) -> str:
    """Where our site shows the task's picture; '' while there is none. Only we can make it, so it
    is shown to whoever may see the task and to nobody else.
    """
    if not task.image_url:
        return ""
    path = f"/mj/image/{quote(task.mj_id, safe='')}?sig={sign(PLACE, str(task.pk))}"
    return path if task.status == SUCCESS else f"{path}&rand={task.version}"


def find(rows: QuerySet[MidjourneyTask], values: dict[str, Any]) -> QuerySet[MidjourneyTask]:
    if mj_id := values.get("mj_id"):
        rows = rows.filter(mj_id=mj_id)
    if channel := values.get("channel_id"):
        rows = rows.filter(channel_id=channel)
    if "start_timestamp" in values:
        rows = rows.filter(submit_time__gte=values["start_timestamp"])
    if "end_timestamp" in values:
        rows = rows.filter(submit_time__lte=values["end_timestamp"])
    return rows


def show(request: Request, rows: QuerySet[MidjourneyTask], shape: Any) -> Response:
    found = read_page(request).cut(rows.order_by("-pk"))
    context = {
        "site": site_url(request),
        "actor": request.user,
        "is_part": has_part_token(request),
    }
    return answer_rows(shape, found, context, total=count_some(rows))

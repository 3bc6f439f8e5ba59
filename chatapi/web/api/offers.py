"""Which models there are: of the catalogue, and for a group."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.catalogue import KINDS
from channels_app.kind_models import default_models, owner_of
from channels_app.models import Channel, ChannelStatus
from chatapi.accounts.models import Group
from chatapi.web.api.envelope import answer
from chatapi.web.api.token_editing import open_groups
from chatapi.web.api.views import ApiView, describe

TAG = "Models and groups"
CREATED = 1626777600
"""The creation time that the existing product tells of every model."""


class KindModels(ApiView):
    """The models that are offered when a channel of a kind is made, by the kind's number."""

    area = "self"

    @describe("Usual models of each kind of channel", TAG, serializers.DictField)
    def get(self, _request: Request) -> Response:
        return answer({str(kind.number): list(default_models(kind)) for kind in KINDS.values()})


class OwnModels(ApiView):
    area = "self"

    @describe("Names of the models of one's own group", TAG, serializers.CharField, is_list=True)
    def get(self, _request: Request) -> Response:
        return answer(models_of_group(self.user.group))


class GroupChoice(serializers.Serializer[Any]):
    """A group and what people call it."""

    key = serializers.CharField()
    value = serializers.CharField()


class OwnGroups(ApiView):
    """The groups that a user may choose for tokens."""

    area = "self"

    @describe("Groups that one may choose for tokens", TAG, GroupChoice, is_list=True)
    def get(self, _request: Request) -> Response:
        groups = open_groups(self.user)
        return answer([{"key": one.name, "value": one.label or one.name} for one in groups])


class AllGroups(ApiView):
    area = "prices"

    @describe("Names of all groups", TAG, serializers.CharField, is_list=True)
    def get(self, _request: Request) -> Response:
        return answer(list(Group.objects.values_list("name", flat=True)))


class ModelEntry(serializers.Serializer[Any]):
    """A model in the form of OpenAI's list."""

    id = serializers.CharField()
    object = serializers.CharField()
    created = serializers.IntegerField()
    owned_by = serializers.CharField()


class KnownModels(ApiView):
    area = "channels"

    @describe("All models of the catalogue", TAG, ModelEntry, is_list=True)
    def get(self, _request: Request) -> Response:
        names = sorted({name for kind in KINDS.values() for name in default_models(kind)})
        return answer([describe_model(name) for name in names])


def models_of_group(group: str) -> list[str]:
    """What enabled channels serve to the group, sorted."""
    channels = Channel.objects.filter(status=ChannelStatus.ENABLED, groups_text__contains=group)
    names: set[str] = set()
    for channel in channels.only("groups_text", "models_text"):
        if group in channel.group_names:
            names.update(channel.model_names)
    return sorted(names)


def describe_model(name: str) -> dict[str, Any]:
    owner = owner_of(name) or "custom"
    return {"id": name, "object": "model", "created": CREATED, "owned_by": owner}

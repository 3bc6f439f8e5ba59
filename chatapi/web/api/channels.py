"""Channels: lists, the editor's part, and what can be done with one."""

import asyncio
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.failures import UpstreamFailure
from channels_app.jobs import BALANCE, TEST
from channels_app.model_lists import NoModelList, fetch_models
from channels_app.models import Channel
from channels_app.snapshot import describe_channel
from channels_app.testing import (
    UNREADABLE_KEY,
    channels_with_balance,
    refresh_balances,
    run_tests,
    tell_warnings,
    testable_channels,
)
from chatapi.lib.secrets import Undecipherable
from chatapi.web.api.channel_acts import (
    add_channels,
    copy_one,
    delete_channels,
    delete_disabled,
    edit_channel,
    reset_channel,
    start_run,
)
from chatapi.web.api.channel_input import ChannelChange, ChannelId, ChannelIds, ChannelIn
from chatapi.web.api.channel_shapes import ChannelOut, ChannelRow
from chatapi.web.api.channel_use import read_use
from chatapi.web.api.envelope import answer, answer_failure, answer_rows
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import PlainInteger, Text
from chatapi.web.api.levels import GETS
from chatapi.web.api.paging import PageQuery, count_some, read_page
from chatapi.web.api.searching import contains
from chatapi.web.api.views import ApiView, describe

TAG = "Channels"
MOST_WORDS = 10


class ChannelView(ApiView):
    area = "channels"

    def find(self, pk: int) -> Channel:
        channel = Channel.objects.filter(pk=pk).first()
        if channel is None:
            raise Http404
        return channel

    def show(self, channel: Channel) -> Any:
        context = {"actor": self.user, "use": read_use([channel.pk])}
        return ChannelOut(channel, context=context).data


class ChannelAct(ChannelView):
    """POST is the way. The GET of the old product works with an access token, or from our own
    pages.
    """

    changing_reads = GETS


class Channels(ChannelView):
    @describe(
        "Channels, newest first", TAG, ChannelRow, is_list=True, query=PageQuery, more=("total",)
    )
    def get(self, request: Request) -> Response:
        return show_rows(request, Channel.objects.all())

    @describe(
        "Add a channel, or one for each line of the key",
        TAG,
        ChannelOut,
        is_list=True,
        body=ChannelIn,
    )
    def post(self, request: Request) -> Response:
        made = add_channels(request, self.read_body(ChannelIn))
        return answer([self.show(channel) for channel in made])

    @describe("Change a channel", TAG, ChannelOut, body=ChannelChange)
    def put(self, request: Request) -> Response:
        values = self.read_body(ChannelChange, partial=True)
        channel = edit_channel(request, values.pop("id", 0), values)
        return answer(self.show(channel))


class ChannelQuery(PageQuery):
    """All must fit. Keys are stored encrypted, so nothing is found by them."""

    keyword = Text(max_length=64, help_text="The number, or part of the name.")
    group = Text(max_length=64)
    typeKey = PlainInteger(required=False, min_value=0, max_value=2**31 - 1)  # noqa: N815 -- its name
    model = Text(max_length=500, help_text="A comma list: channels that serve all of these.")


class ChannelSearch(ChannelView):
    @describe("Find channels", TAG, ChannelRow, is_list=True, query=ChannelQuery, more=("total",))
    def get(self, request: Request) -> Response:
        return show_rows(request, search(self.read_query(ChannelQuery)))


class OneChannel(ChannelView):
    @describe("A channel without its secrets", TAG, ChannelOut)
    def get(self, _request: Request, pk: int) -> Response:
        return answer(self.show(self.find(pk)))

    @describe("Delete a channel", TAG)
    def delete(self, request: Request, pk: int) -> Response:
        delete_channels(request, [self.find(pk)])
        return answer()


class DeleteChannels(ChannelView):
    @describe("Delete channels", TAG, serializers.IntegerField, body=ChannelIds)
    def post(self, request: Request) -> Response:
        ids = self.read_body(ChannelIds)["ids"]
        return answer(delete_channels(request, Channel.objects.filter(pk__in=ids)))


class DeleteDisabled(ChannelView):
    @describe("Delete all channels that are disabled", TAG, serializers.IntegerField)
    def delete(self, request: Request) -> Response:
        return answer(delete_disabled(request))


class CopyChannel(ChannelView):
    @describe("Copy a channel: disabled, without a key", TAG, ChannelOut, body=ChannelId)
    def post(self, request: Request) -> Response:
        channel = self.find(self.read_body(ChannelId)["id"])
        return answer(self.show(copy_one(request, channel)))


class ResetChannel(ChannelView):
    @describe("Forget a channel's tests, balance and failures", TAG)
    def post(self, request: Request, pk: int) -> Response:
        reset_channel(request, self.find(pk))
        return answer()


class TestQuery(serializers.Serializer[Any]):
    model = Text(max_length=255, help_text="Empty: the channel's own for tests.")


class TestChannel(ChannelAct):
    """A small real call. Answers `time` in seconds beside the message, which tells what is odd
    about an answer.
    """

    @describe("Test a channel", TAG, query=TestQuery)
    def get(self, _request: Request, pk: int) -> Response:
        return self._test(pk)

    @describe("Test a channel", TAG, query=TestQuery)
    def post(self, _request: Request, pk: int) -> Response:
        return self._test(pk)

    def _test(self, pk: int) -> Response:
        model = self.read_query(TestQuery).get("model", "")
        (found,) = run_tests([self.find(pk)], model=model)
        more: dict[str, Any] = {"time": found.milliseconds / 1000, "model": found.model}
        if found.is_ok:
            return answer(None, message="; ".join(tell_warnings(found.warnings)), **more)
        return answer_failure(_(found.message) if found.message else "", **more)


class TestChannels(ChannelAct):
    @describe("Test all channels in the background", TAG)
    def get(self, _request: Request) -> Response:
        return self._start()

    @describe("Test all channels in the background", TAG)
    def post(self, _request: Request) -> Response:
        return self._start()

    def _start(self) -> Response:
        start_run(TEST, testable_channels())
        return answer()


class RefreshBalance(ChannelAct):
    """Answers `balance` beside the message."""

    @describe("Ask the provider for the balance", TAG)
    def get(self, _request: Request, pk: int) -> Response:
        return self._ask(pk)

    @describe("Ask the provider for the balance", TAG)
    def post(self, _request: Request, pk: int) -> Response:
        return self._ask(pk)

    def _ask(self, pk: int) -> Response:
        (found,) = refresh_balances([self.find(pk)])
        if found.balance is None:
            raise Refused(_(found.message) if found.message else "")
        return answer(None, balance=float(found.balance.amount), currency=found.balance.currency)


class RefreshBalances(ChannelAct):
    @describe("Ask for all balances in the background", TAG)
    def get(self, _request: Request) -> Response:
        return self._start()

    @describe("Ask for all balances in the background", TAG)
    def post(self, _request: Request) -> Response:
        return self._start()

    def _start(self) -> Response:
        start_run(BALANCE, channels_with_balance())
        return answer()


class FetchModels(ChannelAct):
    """In the form of OpenAI's list, whatever the provider's own is."""

    @describe("The models that the provider lists", TAG, serializers.DictField)
    def get(self, _request: Request, pk: int) -> Response:
        return self._fetch(pk)

    @describe("The models that the provider lists", TAG, serializers.DictField)
    def post(self, _request: Request, pk: int) -> Response:
        return self._fetch(pk)

    def _fetch(self, pk: int) -> Response:
        channel = self.find(pk)
        try:
            names = asyncio.run(fetch_models(describe_channel(channel)))
        except NoModelList as error:
            raise Refused(_("this kind of provider lists none")) from error
        except UpstreamFailure as failure:
            raise Refused(f"{failure.label} {failure.message}") from failure
        except (Undecipherable, KeyError) as error:
            raise Refused(_(UNREADABLE_KEY)) from error
        return answer(
            {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}
        )


def search(values: dict[str, Any]) -> QuerySet[Channel]:
    rows = Channel.objects.all()
    if word := values.get("keyword"):
        number = Q(pk=int(word)) if word.isascii() and word.isdecimal() else Q()
        rows = rows.filter(number or contains(word, "name"))
    if group := values.get("group"):
        rows = rows.filter(contains(group, "groups_text"))
    if "typeKey" in values:
        rows = rows.filter(kind=values["typeKey"])
    for name in values.get("model", "").split(",")[:MOST_WORDS]:
        if name.strip():
            rows = rows.filter(contains(name.strip(), "models_text"))
    return rows


def show_rows(request: Request, rows: QuerySet[Channel]) -> Response:
    found = list(read_page(request).cut(rows.order_by("-pk")))
    use = read_use(channel.pk for channel in found)
    return answer_rows(ChannelRow, found, {"use": use}, total=count_some(rows))

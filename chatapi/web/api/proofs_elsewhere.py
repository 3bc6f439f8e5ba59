"""WeChat and Telegram, whose proof is a code or a signature and needs no state: what keeps foreign
pages out is the proof that our own page asks.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chatapi.accounts.throttle import address_of
from chatapi.web.api.confirming import need_our_pages, need_owner
from chatapi.web.api.fields import PlainInteger, Text
from chatapi.web.api.foreign_accounts import (
    TAG,
    bind_to,
    enter,
    need_stranger,
    open_provider,
    refusals_told,
)
from chatapi.web.api.levels import GETS
from chatapi.web.api.strangers import SignedIn, StrangersView, page_of, tell_form
from chatapi.web.api.views import ApiView, describe
from chatapi.web.foreign.identity import Identity
from chatapi.web.foreign.providers import Provider
from chatapi.web.foreign.telegram import telegram_identity
from chatapi.web.foreign.wechat import wechat_identity
from chatapi.web.pages.foreign import WeChatForm


class WeChatIn(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=64)


class TelegramIn(serializers.Serializer[Any]):
    """What Telegram's widget gives, unchanged; good for five minutes, once."""

    id = PlainInteger(min_value=1, max_value=2**53)
    first_name = Text(max_length=200, trim_whitespace=False)
    last_name = Text(max_length=200, trim_whitespace=False)
    username = Text(max_length=200, trim_whitespace=False)
    photo_url = Text(max_length=1000, trim_whitespace=False)
    auth_date = PlainInteger(min_value=0, max_value=2**53)
    hash = serializers.CharField(max_length=64)


class WeChat(StrangersView):
    """The code that the operator's account in WeChat tells."""

    @describe("Sign in with WeChat (deprecated form)", TAG, SignedIn, query=WeChatIn)
    def get(self, request: Request) -> Response:
        need_our_pages(request)
        return self._enter(request, self.read_query(WeChatIn))

    @describe("Sign in with WeChat", TAG, SignedIn, body=WeChatIn)
    def post(self, request: Request) -> Response:
        return self._enter(request, self.read_body(WeChatIn))

    def _enter(self, request: Request, values: Mapping[str, Any]) -> Response:
        need_stranger(request)
        return enter(request, *ask_wechat(request, values))


class BindWeChat(ApiView):
    area = "self"
    changing_reads = GETS

    @describe("Bind WeChat (deprecated form)", TAG, query=WeChatIn)
    def get(self, request: Request) -> Response:
        return self._bind(request, self.read_query(WeChatIn))

    @describe("Bind WeChat", TAG, body=WeChatIn)
    def post(self, request: Request) -> Response:
        return self._bind(request, self.read_body(WeChatIn))

    def _bind(self, request: Request, values: Mapping[str, Any]) -> Response:
        need_owner(request)
        return bind_to(request, *ask_wechat(request, values))


class Telegram(StrangersView):
    @describe("Sign in with Telegram (deprecated form)", TAG, SignedIn, query=TelegramIn)
    def get(self, request: Request) -> Response:
        need_our_pages(request)
        return self._enter(request, self.read_query(TelegramIn))

    @describe("Sign in with Telegram", TAG, SignedIn, body=TelegramIn)
    def post(self, request: Request) -> Response:
        return self._enter(request, self.read_body(TelegramIn))

    def _enter(self, request: Request, values: Mapping[str, Any]) -> Response:
        need_stranger(request)
        return enter(request, *read_telegram(request, values))


class BindTelegram(ApiView):
    area = "self"
    changing_reads = GETS

    @describe("Bind Telegram (deprecated form)", TAG, query=TelegramIn)
    def get(self, request: Request) -> Response:
        return self._bind(request, self.read_query(TelegramIn))

    @describe("Bind Telegram", TAG, body=TelegramIn)
    def post(self, request: Request) -> Response:
        return self._bind(request, self.read_body(TelegramIn))

    def _bind(self, request: Request, values: Mapping[str, Any]) -> Response:
        need_owner(request)
        return bind_to(request, *read_telegram(request, values))


def ask_wechat(request: Request, values: Mapping[str, Any]) -> tuple[Provider, Identity]:
    """Throttled as the page. Raises Http404, Refused or DRF's Throttled."""
    provider = open_provider("wechat")
    form = WeChatForm(page_of(request), values)
    if not form.is_valid():
        raise tell_form(form)
    with refusals_told(provider):
        return provider, wechat_identity(provider, form.cleaned_data["code"])


def read_telegram(request: Request, values: Mapping[str, Any]) -> tuple[Provider, Identity]:
    """Raises Http404 or Refused."""
    provider = open_provider("telegram")
    with refusals_told(provider):
        return provider, telegram_identity(provider, values, address_of(request))

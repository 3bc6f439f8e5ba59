"""One's own tokens."""

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chatapi.accounts.models import Token, User
from chatapi.accounts.tokens import NewToken, reveal_key
from chatapi.console.audit import record_act
from chatapi.lib.ids import KEY_LENGTH, hash_key
from chatapi.lib.secrets import Undecipherable
from chatapi.options.snapshot import read_values
from chatapi.web.api.confirming import need_owner
from chatapi.web.api.envelope import answer, answer_one, answer_rows
from chatapi.web.api.errors import Refused
from chatapi.web.api.paging import PageQuery, read_page
from chatapi.web.api.searching import contains
from chatapi.web.api.token_editing import change_token, make_tokens, own_tokens
from chatapi.web.api.token_shapes import (
    ManyTokensIn,
    NewTokenOut,
    TokenChange,
    TokenIn,
    TokenOut,
    TokenStrategy,
)
from chatapi.web.api.views import ApiView, describe

TAG = "Tokens"


class OwnTokenView(ApiView):
    """Starts from the tokens of who asks: others' do not exist here."""

    area = "self"

    def find(self, pk: int) -> Token:
        found: Token | None = own_tokens(self.user).filter(pk=pk).first()
        if found is None:
            raise Http404
        return found


class ChangeQuery(serializers.Serializer[Any]):
    """One of them: only this is changed, whatever else the body says."""

    status_only = serializers.CharField(required=False, allow_blank=True)
    billing_strategy_only = serializers.CharField(required=False, allow_blank=True)


class Tokens(OwnTokenView):
    @describe("Tokens, newest first", TAG, TokenOut, is_list=True, query=PageQuery)
    def get(self, request: Request) -> Response:
        rows = read_page(request).cut(own_tokens(self.user))
        return answer_rows(TokenOut, rows)

    @describe("Make a token; its key is in the answer, once", TAG, NewTokenOut, body=TokenIn)
    def post(self, _request: Request) -> Response:
        (made,) = make_tokens(self.user, self.read_body(TokenIn))
        return answer(show_new(self.user, [made])[0])

    @describe("Change a token", TAG, TokenOut, body=TokenChange, query=ChangeQuery)
    def put(self, request: Request) -> Response:
        values = self.read_body(TokenChange, partial=True)
        if "id" not in values:
            raise Http404
        token = self.find(values.pop("id"))
        if request.query_params.get("status_only"):
            values = {name: values[name] for name in ("status",) if name in values}
        elif request.query_params.get("billing_strategy_only"):
            values = {name: values[name] for name in ("is_billed_by_call",) if name in values}
        change_token(token, values, actor=self.user)
        return answer_one(TokenOut, self.find(token.pk))


class ManyTokens(OwnTokenView):
    @describe(
        "Make up to a hundred tokens alike", TAG, NewTokenOut, is_list=True, body=ManyTokensIn
    )
    def post(self, _request: Request) -> Response:
        values = self.read_body(ManyTokensIn)
        made = make_tokens(self.user, values, values["count"])
        return answer(show_new(self.user, made))


class TokenSearchQuery(PageQuery):
    keyword = serializers.CharField(required=False, max_length=64, help_text="Part of the name.")
    token = serializers.CharField(
        required=False, max_length=64, help_text="The whole key, or what is seen of it."
    )


class TokenSearch(OwnTokenView):
    @describe("Find tokens", TAG, TokenOut, is_list=True, query=TokenSearchQuery)
    def get(self, request: Request) -> Response:
        values = self.read_query(TokenSearchQuery)
        rows = own_tokens(self.user)
        if values.get("keyword"):
            rows = rows.filter(contains(values["keyword"], "name"))
        if values.get("token"):
            rows = rows.filter(**key_filter(values["token"]))
        return answer_rows(TokenOut, read_page(request).cut(rows))


class OneToken(OwnTokenView):
    @describe("A token", TAG, TokenOut)
    def get(self, _request: Request, pk: int) -> Response:
        return answer_one(TokenOut, self.find(pk))

    @describe("Delete a token; its calls are refused within a second", TAG)
    def delete(self, _request: Request, pk: int) -> Response:
        self.find(pk).delete()
        return answer(message=_("The token is deleted."))


class OneTokenStrategy(OwnTokenView):
    @describe("Bill a token per call or by quantity", TAG, TokenOut, body=TokenStrategy)
    def put(self, _request: Request, pk: int) -> Response:
        values = self.read_body(TokenStrategy)
        change_token(
            self.find(pk), {"is_billed_by_call": values["billing_enabled"]}, actor=self.user
        )
        return answer_one(TokenOut, self.find(pk))


class RevealToken(OwnTokenView):
    """Only where the operator lets keys be kept (TokenRevealEnabled), and for the whole account."""

    @describe("Show a token's key again", TAG, serializers.CharField)
    def post(self, request: Request, pk: int) -> Response:
        token = self.find(pk)
        need_owner(request)
        try:
            key = reveal_key(token, read_values())
        except Undecipherable as error:
            raise Refused(_("This key was sealed with another key ring.")) from error
        if not key:
            raise Refused(_("Of this token no copy of the key was kept."))
        record_act("token.reveal", request=request, target=token)
        return answer(key)


def key_filter(text: str) -> dict[str, str]:
    """A whole key is known by its hash; of others only the ends are stored."""
    key = text.removeprefix("sk-")
    if len(key) == KEY_LENGTH:
        return {"key_hash": hash_key(key)}
    return {"key_hint__contains": text}


def show_new(user: User, made: list[NewToken]) -> list[dict[str, Any]]:
    found = own_tokens(user).in_bulk([one.token.pk for one in made])
    shown = []
    for one in made:
        token = found[one.token.pk]
        token.key = one.key
        shown.append(dict(NewTokenOut(token).data))
    return shown

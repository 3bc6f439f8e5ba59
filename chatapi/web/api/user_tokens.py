"""Tokens of users, for staff and its programs: to see them, to make one, to change or end one."""

from django.db import transaction
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from chatapi.accounts.models import Token, User
from chatapi.console.audit import record_act
from chatapi.web.api.envelope import answer, answer_one, answer_rows
from chatapi.web.api.paging import PageQuery, read_page
from chatapi.web.api.token_editing import change_token, make_tokens, own_tokens
from chatapi.web.api.token_shapes import NewTokenOut, TokenChange, TokenIn, TokenOut
from chatapi.web.api.tokens import TAG, show_new
from chatapi.web.api.users import UserView
from chatapi.web.api.views import describe


class UserTokens(UserView):
    """Of a user below the own role."""

    area = "tokens"

    @describe("Tokens of a user, newest first", TAG, TokenOut, is_list=True, query=PageQuery)
    def get(self, request: Request, pk: int) -> Response:
        rows = own_tokens(self.find(pk=pk))
        return answer_rows(TokenOut, read_page(request).cut(rows))

    @describe(
        "Make a token for a user; its key is in the answer, once", TAG, NewTokenOut, body=TokenIn
    )
    def post(self, request: Request, pk: int) -> Response:
        user, values = self.find(pk=pk), self.read_body(TokenIn)
        with transaction.atomic():
            made = make_tokens(user, values, chooser=self.user)
            record_act("token.add", request=request, target=made[0].token, note=user.username)
        return answer(show_new(user, made)[0])

    @describe("Change a token of a user", TAG, TokenOut, body=TokenChange)
    def put(self, request: Request, pk: int) -> Response:
        user, values = self.find(pk=pk), self.read_body(TokenChange, partial=True)
        token = find_token(user, values.pop("id", 0))
        with transaction.atomic():
            change_token(token, values, actor=self.user)
            after = {"fields": sorted(values)}
            record_act("token.change", request=request, target=token, after=after)
        return answer_one(TokenOut, find_token(user, token.pk))


def find_token(user: User, number: int) -> Token:
    """Raises Http404."""
    found: Token | None = own_tokens(user).filter(pk=number).first()
    if found is None:
        raise Http404
    return found

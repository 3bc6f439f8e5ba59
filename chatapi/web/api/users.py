"""Users below the own role; root's are all."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from billing.balances import with_invitations, with_wallets
from chatapi.accounts.models import User
from chatapi.accounts.roles import narrow_rows
from chatapi.web.api.envelope import answer, answer_one, answer_rows
from chatapi.web.api.fields import Text
from chatapi.web.api.paging import PageQuery, count_some, read_page
from chatapi.web.api.searching import contains
from chatapi.web.api.user_acts import add_user, edit_user, give_credit, manage_user
from chatapi.web.api.user_shapes import (
    CreditIn,
    ManageIn,
    Standing,
    UserChange,
    UserIn,
    UserOut,
)
from chatapi.web.api.views import ApiView, describe

TAG = "Users"


class UserView(ApiView):
    """Those whom the asker may not see do not exist here."""

    area = "users"

    def rows(self) -> QuerySet[Any]:
        found: QuerySet[Any] = narrow_rows(self.user, with_money(User.objects.all()), "self")
        return found.order_by("-pk")

    def find(self, **by: Any) -> User:
        user: User | None = self.rows().filter(**by).first()
        if user is None:
            raise Http404
        return user


class Users(UserView):
    @describe("Users, newest first", TAG, UserOut, is_list=True, query=PageQuery, more=("total",))
    def get(self, request: Request) -> Response:
        return show_rows(request, self.rows())

    @describe("Add a user", TAG, UserOut, body=UserIn)
    def post(self, request: Request) -> Response:
        user = add_user(request, self.read_body(UserIn))
        return answer_one(UserOut, with_money(User.objects.filter(pk=user.pk)).get())

    @describe("Change a user", TAG, UserOut, body=UserChange)
    def put(self, request: Request) -> Response:
        values = self.read_body(UserChange)
        user = self.find(pk=values["id"])
        edit_user(request, user, values)
        return answer_one(UserOut, self.find(pk=user.pk))


class UserQuery(PageQuery):
    keyword = Text(max_length=64, help_text="The number, or part of name or e-mail address.")
    group = Text(max_length=64)


class UserSearch(UserView):
    @describe("Find users", TAG, UserOut, is_list=True, query=UserQuery, more=("total",))
    def get(self, request: Request) -> Response:
        values = self.read_query(UserQuery)
        rows = self.rows()
        if word := values.get("keyword"):
            rows = rows.filter(by_word(rows, word))
        if group := values.get("group"):
            rows = rows.filter(group=group)
        return show_rows(request, rows)


class OneUser(UserView):
    @describe("A user", TAG, UserOut)
    def get(self, _request: Request, pk: int) -> Response:
        return answer_one(UserOut, self.find(pk=pk))

    @describe("Delete a user: what is personal goes, money and calls stay", TAG)
    def delete(self, request: Request, pk: int) -> Response:
        manage_user(request, self.find(pk=pk), "delete")
        return answer()


class ManageUser(UserView):
    @describe("Ban, let in, delete, promote or demote a user", TAG, Standing, body=ManageIn)
    def post(self, request: Request) -> Response:
        values = self.read_body(ManageIn)
        by = {"pk": values["id"]} if "id" in values else {"username": values.get("username", "")}
        user = self.find(**by)
        manage_user(request, user, values["action"])
        return answer({"role": user.role, "status": 1 if user.is_active else 2})


class CreditUser(UserView):
    scopes = {"POST": "money:write"}

    @describe("Give credit, or take it away", TAG, UserOut, body=CreditIn)
    def post(self, request: Request) -> Response:
        values = self.read_body(CreditIn)
        user = self.find(pk=values["id"])
        give_credit(request, user, values)
        return answer_one(UserOut, self.find(pk=user.pk))


def with_money(users: QuerySet[Any]) -> QuerySet[Any]:
    """All that UserOut shows of money."""
    return with_invitations(with_wallets(users))


def by_word(rows: QuerySet[Any], word: str) -> Q:
    """A number finds the user of this number first, as the old product does."""
    if word.isascii() and word.isdecimal() and rows.filter(pk=int(word)).exists():
        return Q(pk=int(word))
    return contains(word, "username", "email", "display_name")


def show_rows(request: Request, rows: QuerySet[Any]) -> Response:
    found = read_page(request).cut(rows)
    return answer_rows(UserOut, found, total=count_some(rows))

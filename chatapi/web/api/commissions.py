"""What inviting others earned, and what becomes of it."""

import uuid
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.commissions import BelowMinimum, transfer_commission
from billing.ledger import AlreadyPosted, NotEnoughRemaining
from billing.models import Withdrawal, WithdrawalState
from billing.withdrawals import (
    WithdrawalsClosed,
    WrongState,
    move_withdrawal,
    request_withdrawal,
)
from chatapi.accounts.invitations import invitation_code_of
from chatapi.accounts.roles import narrow_rows
from chatapi.lib.money import InvalidAmount
from chatapi.web.api.confirming import need_fresh_password, need_owner
from chatapi.web.api.envelope import answer, answer_one, answer_rows
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import Text, UnixTime
from chatapi.web.api.levels import GETS
from chatapi.web.api.money_shapes import OwnWithdrawal, WithdrawalOut, WithdrawalStep
from chatapi.web.api.paging import PageQuery, count_some, read_page
from chatapi.web.api.searching import contains
from chatapi.web.api.views import ApiView, describe
from chatapi.web.pages.invitations import explain

TAG = "Invitations and withdrawals"


class InvitationCode(ApiView):
    """Made at first need, so the GET is one that may change something."""

    area = "self"
    changing_reads = GETS

    @describe("One's own invitation code", TAG, serializers.CharField)
    def get(self, _request: Request) -> Response:
        return answer(invitation_code_of(self.user))

    @describe("One's own invitation code", TAG, serializers.CharField)
    def post(self, _request: Request) -> Response:
        return answer(invitation_code_of(self.user))


class CommissionIn(serializers.Serializer[Any]):
    """`quota` in dollars, as in the old product. The same reference moves once."""

    quota = serializers.DecimalField(max_digits=16, decimal_places=6, min_value=Decimal(0))
    reference = Text(max_length=60)


class WithdrawalIn(CommissionIn):
    alipay_account = serializers.CharField(min_length=3, max_length=200)


class Transfer(ApiView):
    area = "self"

    @describe("Move commission into the balance", TAG, serializers.IntegerField, body=CommissionIn)
    def post(self, _request: Request) -> Response:
        values = self.read_body(CommissionIn)
        try:
            units = transfer_commission(self.user, values["quota"], reference_of(values))
        except (BelowMinimum, NotEnoughRemaining, AlreadyPosted, InvalidAmount) as error:
            raise Refused(explain(error)) from error
        return answer(units)


class Withdraw(ApiView):
    area = "self"

    @describe("Ask for commission to be paid out", TAG, OwnWithdrawal, body=WithdrawalIn)
    def post(self, request: Request) -> Response:
        need_owner(request)
        values = self.read_body(WithdrawalIn)
        account = values["alipay_account"]
        if not account.isprintable():
            raise Refused(_("Please enter the account on one line."))
        try:
            made = request_withdrawal(self.user, values["quota"], account, reference_of(values))
        except (
            WithdrawalsClosed,
            BelowMinimum,
            NotEnoughRemaining,
            AlreadyPosted,
            InvalidAmount,
        ) as error:
            raise Refused(explain(error)) from error
        return answer_one(OwnWithdrawal, made)


class OwnWithdrawals(ApiView):
    area = "self"

    @describe(
        "One's own withdrawals", TAG, OwnWithdrawal, is_list=True, query=PageQuery, more=("total",)
    )
    def get(self, request: Request) -> Response:
        rows = Withdrawal.objects.filter(user=self.user)
        return show_rows(request, rows, OwnWithdrawal)


class WithdrawalQuery(PageQuery):
    user_name = Text(max_length=150)
    order_number = Text(max_length=64)
    start_timestamp = UnixTime(required=False)
    end_timestamp = UnixTime(required=False)


class WithdrawalView(ApiView):
    area = "money"

    def rows(self) -> QuerySet[Withdrawal]:
        found: QuerySet[Withdrawal] = narrow_rows(
            self.user, Withdrawal.objects.select_related("user"), "user"
        )
        return found


class Withdrawals(WithdrawalView):
    @describe(
        "Withdrawals", TAG, WithdrawalOut, is_list=True, query=WithdrawalQuery, more=("total",)
    )
    def get(self, request: Request) -> Response:
        values, rows = self.read_query(WithdrawalQuery), self.rows()
        if name := values.get("user_name"):
            rows = rows.filter(user__username=name)
        if number := values.get("order_number"):
            rows = rows.filter(contains(number, "number"))
        if values.get("start_timestamp"):
            rows = rows.filter(created_at__gte=values["start_timestamp"])
        if values.get("end_timestamp"):
            rows = rows.filter(created_at__lte=values["end_timestamp"])
        return show_rows(request, rows, WithdrawalOut)


class DecideWithdrawal(WithdrawalView):
    """2 approves, 3 rejects and gives the amount back, 4 says that it was paid out."""

    @describe("Decide on a withdrawal", TAG, WithdrawalOut, body=WithdrawalStep)
    def post(self, request: Request, pk: int) -> Response:
        if not self.rows().filter(pk=pk).exists():
            raise Http404
        need_fresh_password(request)
        values = self.read_body(WithdrawalStep)
        to = WithdrawalState(values["status"])
        try:
            moved = move_withdrawal(pk, to, request, comment=values.get("comment", ""))
        except WrongState as error:
            raise Refused(_("The withdrawal can't go from where it is to there.")) from error
        return answer_one(WithdrawalOut, moved)


class WaitingCount(WithdrawalView):
    @describe("How many withdrawals wait", TAG, serializers.IntegerField)
    def get(self, _request: Request) -> Response:
        return answer(Withdrawal.objects.filter(state=WithdrawalState.PENDING).count())


def reference_of(values: dict[str, Any]) -> str:
    return values.get("reference") or uuid.uuid4().hex


def show_rows(request: Request, rows: QuerySet[Withdrawal], shape: Any) -> Response:
    found = read_page(request).cut(rows.order_by("-pk"))
    return answer_rows(shape, found, total=count_some(rows))

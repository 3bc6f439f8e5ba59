"""Codes, orders and withdrawals under the old product's names. Amounts in units."""

from typing import Any

from rest_framework import serializers

from billing.models import CodeState, Order, OrderState, RedemptionCode, Withdrawal, WithdrawalState
from chatapi.lib.money import MAX_UNITS
from chatapi.web.api.fields import NEVER, PlainInteger, RowNumber, Text, UnixTime

MOST_CODES = 1000


class CodeOut(serializers.Serializer[RedemptionCode]):
    """`key` shows the end alone: a code is money. `status` 1 unused, 2 disabled, 3 used."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    key = serializers.CharField(source="hint")
    status = serializers.IntegerField(source="state")
    quota = serializers.IntegerField(source="units")
    valid_days = serializers.SerializerMethodField()
    expired_time = UnixTime(source="expires_at", missing=NEVER)
    batch = serializers.CharField()
    created_by = serializers.CharField()
    created_time = UnixTime(source="created_at")
    redeemed_time = UnixTime(source="redeemed_at")
    used_user_id = serializers.SerializerMethodField()

    def get_valid_days(self, code: RedemptionCode) -> int:
        """-1: the credit never expires."""
        return NEVER if code.valid_days is None else code.valid_days

    def get_used_user_id(self, code: RedemptionCode) -> int:
        return code.redeemed_by_id or 0


class CodesIn(serializers.Serializer[Any]):
    """`valid_days` of the credit, -1 for ever; without it the option RedempTionCount."""

    name = serializers.CharField(max_length=40)
    quota = PlainInteger(min_value=1, max_value=MAX_UNITS)
    count = PlainInteger(min_value=1, max_value=MOST_CODES, required=False, default=1)
    valid_days = PlainInteger(min_value=-1, max_value=36_500, required=False)
    expired_time = UnixTime(missing=NEVER, required=False)


class CodeChange(serializers.Serializer[Any]):
    id = RowNumber()
    name = Text(max_length=40, allow_blank=False)
    quota = PlainInteger(min_value=1, max_value=MAX_UNITS, required=False)
    status = serializers.ChoiceField(
        choices=[CodeState.UNUSED.value, CodeState.DISABLED.value], required=False
    )


class OrderOut(serializers.Serializer[Order]):
    """`amount` in whole dollars, `money` in the gateway's currency."""

    id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    username = serializers.CharField(source="user.username")
    amount = serializers.IntegerField(source="usd")
    quota = serializers.IntegerField(source="units")
    money = serializers.DecimalField(max_digits=16, decimal_places=2)
    currency = serializers.CharField()
    gateway = serializers.CharField()
    method = serializers.CharField()
    topup_ratio = serializers.SerializerMethodField()
    trade_no = serializers.CharField(source="number")
    create_time = UnixTime(source="created_at")
    paid_time = UnixTime(source="paid_at")
    status = serializers.SerializerMethodField()

    def get_topup_ratio(self, order: Order) -> str:
        """Days of validity, -1 for ever."""
        return str(NEVER if order.valid_days is None else order.valid_days)

    def get_status(self, order: Order) -> str:
        """`success` is paid, as in the old product."""
        return "success" if order.state == OrderState.PAID else str(order.state)


class OwnWithdrawal(serializers.Serializer[Withdrawal]):
    """`status` 1 waiting, 2 approved, 3 rejected, 4 paid out."""

    id = serializers.IntegerField()
    order_number = serializers.CharField(source="number")
    withdrawal_amount = serializers.IntegerField(source="units")
    alipay_account = serializers.CharField(source="account")
    status = serializers.IntegerField(source="state")
    comment = serializers.CharField()
    created = UnixTime(source="created_at")
    processed_at = UnixTime()


class WithdrawalOut(OwnWithdrawal):
    user_id = serializers.IntegerField()
    user_name = serializers.CharField(source="user.username")


class WithdrawalStep(serializers.Serializer[Any]):
    status = serializers.ChoiceField(
        choices=[
            WithdrawalState.APPROVED.value,
            WithdrawalState.REJECTED.value,
            WithdrawalState.PROCESSED.value,
        ]
    )
    comment = Text(max_length=1000)

"""Users as staff sees and writes them. Neither passwords nor tokens are ever shown."""

from typing import Any

from rest_framework import serializers

from chatapi.accounts.models import Role, User
from chatapi.lib.money import MAX_UNITS
from chatapi.web.api.fields import NEVER, PlainInteger, RowNumber, Text, Units, UnixTime
from chatapi.web.api.own_account import Account


class UserOut(Account):
    """`quota` is the balance, with what running calls hold. `status` 1 enabled, 2 banned."""

    quota = serializers.SerializerMethodField()
    used_quota = serializers.SerializerMethodField()
    request_count = serializers.IntegerField(source="calls")
    inviter_id = serializers.IntegerField(allow_null=True)
    aff_count = serializers.IntegerField(source="invited")
    aff_quota = serializers.IntegerField(source="commission_units")
    aff_history_quota = serializers.IntegerField(source="earned_units")
    deleted = serializers.SerializerMethodField()

    def get_quota(self, user: Any) -> int:
        return user.wallet_units or 0

    def get_used_quota(self, user: Any) -> int:
        return user.spent_units or 0

    def get_deleted(self, user: User) -> bool:
        return user.deleted_at is not None


class UserIn(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, write_only=True, trim_whitespace=False)
    display_name = Text(max_length=64)
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    group = Text(max_length=64)
    role = serializers.ChoiceField(
        choices=[Role.COMMON.value, Role.SUPPORT.value, Role.ADMIN.value],
        required=False,
        help_text="Only root may choose one.",
    )


class UserChange(serializers.Serializer[Any]):
    """What is left out stays as it is; an empty password too. `quota` sets the balance: the
    difference is booked. Role and status are changed by /manage.
    """

    id = RowNumber()
    username = serializers.CharField(max_length=150, required=False)
    password = Text(max_length=128, write_only=True, trim_whitespace=False)
    display_name = Text(max_length=64)
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    group = Text(max_length=64, allow_blank=False)
    quota = Units(required=False)


class CreditIn(serializers.Serializer[Any]):
    """`quota` units are given, or taken when below zero. The same reference is booked once."""

    id = RowNumber()
    quota = PlainInteger(min_value=-MAX_UNITS, max_value=MAX_UNITS)
    note = Text(max_length=500)
    reference = Text(max_length=80)
    expired_time = UnixTime(missing=NEVER, required=False)


ACTIONS = ("disable", "enable", "delete", "promote", "demote")


class ManageIn(serializers.Serializer[Any]):
    """Whom: by name, as in the old product, or by number."""

    username = Text(max_length=150)
    id = RowNumber(required=False)
    action = serializers.ChoiceField(choices=ACTIONS)


class Standing(serializers.Serializer[Any]):
    role = serializers.IntegerField()
    status = serializers.IntegerField()

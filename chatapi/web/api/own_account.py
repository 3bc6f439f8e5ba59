"""What one may know of oneself."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.commissions import read_earnings
from billing.ledger import balance_units, open_wallet
from chatapi.accounts.access_tokens import reset_personal_token
from chatapi.accounts.models import Token, User
from chatapi.accounts.people import change_password
from chatapi.accounts.sessions import end_sessions
from chatapi.accounts.throttle import Throttled, address_of, begin_step, forget_failures
from chatapi.console.audit import record_act
from chatapi.web.api.confirming import need_fresh_password, need_owner
from chatapi.web.api.envelope import answer, answer_one
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import Text, UnixTime
from chatapi.web.api.strangers import page_of
from chatapi.web.api.views import ApiView, describe
from chatapi.web.pages.profile import ProfileForm, close_by_name, save_profile

TAG = "Own account"


class Account(serializers.Serializer[User]):
    """Without the access token: that is shown only when it is made."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    display_name = serializers.SerializerMethodField()
    role = serializers.IntegerField()
    status = serializers.SerializerMethodField()
    email = serializers.CharField()
    group = serializers.CharField()
    created_at = UnixTime(source="date_joined")
    last_login_at = UnixTime(source="last_login")

    def get_display_name(self, user: User) -> str:
        return user.display_name or user.username

    def get_status(self, user: User) -> int:
        """1 enabled, 2 banned."""
        return 1 if user.is_active else 2


class OwnAccount(Account):
    """With one's money, in units."""

    quota = serializers.IntegerField()
    used_quota = serializers.IntegerField()
    request_count = serializers.IntegerField()
    inviter_id = serializers.IntegerField(allow_null=True)
    aff_code = serializers.CharField(source="invitation_code", allow_null=True)
    aff_count = serializers.IntegerField()
    aff_quota = serializers.IntegerField()
    aff_history_quota = serializers.IntegerField()


class SelfChange(serializers.Serializer[Any]):
    """A new password needs the old one in `original_password`; other sessions end."""

    username = Text(max_length=150)
    display_name = Text(max_length=64)
    password = Text(max_length=128, trim_whitespace=False, write_only=True)
    original_password = Text(max_length=128, trim_whitespace=False, write_only=True)


class SelfDelete(serializers.Serializer[Any]):
    """One's own user name, as the page asks for it: nothing is deleted by accident."""

    username = serializers.CharField(max_length=150)


class Self(ApiView):
    area = "self"

    @describe("Oneself, with balance and use in units", TAG, OwnAccount)
    def get(self, _request: Request) -> Response:
        wallet = open_wallet(self.user)
        user: Any = self.user
        user.quota = balance_units(wallet.pk)
        user.used_quota = wallet.used
        user.request_count = count_calls(self.user)
        earnings = read_earnings(self.user)
        user.aff_count, user.aff_quota = earnings.invited, earnings.available
        user.aff_history_quota = earnings.earned
        return answer_one(OwnAccount, user)

    @describe("Change one's name or password", TAG, Account, body=SelfChange)
    def put(self, request: Request) -> Response:
        values = self.read_body(SelfChange)
        if self.user.is_staff and values.get("username", "") not in {"", self.user.username}:
            need_fresh_password(request)
        if values.get("password"):
            # Outside of a transaction: a failed try stays counted.
            check_old_password(request, self.user, values.get("original_password", ""))
        with transaction.atomic():
            if values.get("username", "") not in {"", self.user.username}:
                rename(page_of(request), self.user, values)
            elif "display_name" in values:
                self.user.display_name = values["display_name"]
                self.user.save(update_fields=["display_name"])
            if values.get("password"):
                change_password(self.user, values["password"])
                record_act("password.changed", request=request, target=self.user)
                if request.auth is None:
                    end_sessions(self.user, keep=request.session)
        return answer_one(Account, self.user)

    @describe("Delete oneself: what is personal goes, and every way in", TAG, query=SelfDelete)
    def delete(self, request: Request) -> Response:
        need_owner(request)
        close_by_name(page_of(request), self.user, self.read_query(SelfDelete)["username"])
        return answer()


class AccessTokenView(ApiView):
    """One's own access token for everything that one may do: makes a new one, the old one stops
    working. POST is the way; the GET of the old product works with an access token, or from our own
    pages.
    """

    area = "self"
    changing_reads = frozenset({"GET", "HEAD"})

    @describe("Make a new access token (deprecated form)", TAG, serializers.CharField)
    def get(self, request: Request) -> Response:
        return self._reset(request)

    @describe("Make a new access token", TAG, serializers.CharField)
    def post(self, request: Request) -> Response:
        return self._reset(request)

    def _reset(self, request: Request) -> Response:
        need_owner(request)
        with transaction.atomic():
            made = reset_personal_token(self.user)
            record_act("access_token.reset", request=request, target=self.user)
        return answer(made.key)


def rename(page: HttpRequest, user: User, values: Mapping[str, Any]) -> None:
    """By the form of the page. Raises ValidationError."""
    wanted = {"display_name": user.display_name, **values}
    form = ProfileForm(wanted, instance=User.objects.get(pk=user.pk))
    if not form.is_valid():
        raise ValidationError(dict(form.errors.as_data()))
    save_profile(page, form)
    user.username, user.display_name = form.instance.username, form.instance.display_name


def check_old_password(request: Request, user: User, password: str) -> None:
    """Tries are counted and written down. Raises Throttled or Refused."""
    try:
        attempt = begin_step(user.pk, address_of(request))
    except Throttled as error:
        raise exceptions.Throttled(error.retry_after) from error
    if not check_password(password, user.password):
        record_act("password.refused", request=request, note=request.path[:200])
        raise Refused(_("The old password is not right."))
    forget_failures(attempt)


def count_calls(user: User) -> int:
    """Of the tokens that there still are."""
    found = Token.objects.filter(user=user).aggregate(sum=Sum("used_count"))
    return found["sum"] or 0

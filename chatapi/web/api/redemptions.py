"""Redemption codes: made by staff, redeemed by users."""

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import CodeState, RedemptionCode
from billing.redemptions import CodeSettings, NotRedeemable, make_codes, redeem
from chatapi.accounts.form_throttle import count_attempt, forget_attempts
from chatapi.accounts.throttle import Throttled, address_of
from chatapi.console.audit import record_act
from chatapi.options.snapshot import read_values
from chatapi.web.api.confirming import need_fresh_password
from chatapi.web.api.envelope import answer, answer_one, answer_rows
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import NEVER
from chatapi.web.api.money_shapes import CodeChange, CodeOut, CodesIn
from chatapi.web.api.paging import PageQuery, count_some, read_page
from chatapi.web.api.searching import WordQuery
from chatapi.web.api.tokens import ChangeQuery
from chatapi.web.api.views import ApiView, describe
from chatapi.web.pages.redeem import explain

TAG = "Redemption codes"


class CodeView(ApiView):
    area = "money"

    def find(self, pk: int) -> RedemptionCode:
        code = RedemptionCode.objects.filter(pk=pk).first()
        if code is None:
            raise Http404
        return code


class Codes(CodeView):
    @describe("Codes, newest first", TAG, CodeOut, is_list=True, query=PageQuery, more=("total",))
    def get(self, request: Request) -> Response:
        return show_rows(request, RedemptionCode.objects.all())

    @describe(
        "Make codes; they are in the answer", TAG, serializers.CharField, is_list=True, body=CodesIn
    )
    def post(self, request: Request) -> Response:
        need_fresh_password(request)
        values = self.read_body(CodesIn)
        days = values.get("valid_days", read_values()["RedempTionCount"])
        settings = CodeSettings(
            name=values["name"],
            units=values["quota"],
            valid_days=None if days == NEVER else days,
            expires_at=values.get("expired_time"),
            created_by=self.user.get_username(),
        )
        with transaction.atomic():
            batch, texts = make_codes(settings, values["count"])
            after = {"name": settings.name, "units": settings.units, "count": len(texts)}
            record_act("redemption_code.create", request=request, after={**after, "batch": batch})
        return answer(texts)

    @describe(
        "Change a code that nobody has used", TAG, CodeOut, body=CodeChange, query=ChangeQuery
    )
    def put(self, request: Request) -> Response:
        values = self.read_body(CodeChange)
        code = self.find(values.pop("id"))
        columns = {"name": "name", "quota": "units", "status": "state"}
        if request.query_params.get("status_only"):
            columns = {"status": "state"}
        given = {columns[name]: value for name, value in values.items() if name in columns}
        if "units" in given:
            need_fresh_password(request)
        if given:
            self._change(request, code, given)
        return answer_one(CodeOut, self.find(code.pk))

    def _change(self, request: Request, code: RedemptionCode, given: dict[str, Any]) -> None:
        before = {name: getattr(code, name) for name in given}
        with transaction.atomic():
            if not unused(code.pk).update(**given):
                raise Refused(_("This code has been used already."))
            record_act(
                "redemption_code.change", request=request, target=code, before=before, after=given
            )


class CodeQuery(PageQuery, WordQuery):
    """The number, or the beginning of the name."""


class CodeSearch(CodeView):
    @describe("Find codes", TAG, CodeOut, is_list=True, query=CodeQuery, more=("total",))
    def get(self, request: Request) -> Response:
        word = self.read_query(CodeQuery)["keyword"]
        wanted = Q(name__startswith=word)
        if word.isascii() and word.isdecimal():
            wanted |= Q(pk=int(word))
        return show_rows(request, RedemptionCode.objects.filter(wanted if word else Q()))


class OneCode(CodeView):
    @describe("A code", TAG, CodeOut)
    def get(self, _request: Request, pk: int) -> Response:
        return answer_one(CodeOut, self.find(pk))

    @describe("Delete a code that nobody has used", TAG)
    def delete(self, request: Request, pk: int) -> Response:
        code = self.find(pk)
        with transaction.atomic():
            if not unused(pk).delete()[0]:
                raise Refused(_("This code has been used already."))
            record_act("redemption_code.delete", request=request, target=code)
        return answer()


class CodeKey(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=128)


class Redeem(ApiView):
    """`data` is what the balance grew by, in units. Wrong codes are counted."""

    area = "self"

    @describe("Redeem a code", "Own account", serializers.IntegerField, body=CodeKey)
    def post(self, request: Request) -> Response:
        text = self.read_body(CodeKey)["key"]
        try:
            attempt = count_attempt(
                "redeem", address=address_of(request), subject=str(self.user.pk)
            )
        except Throttled as error:
            raise exceptions.Throttled(error.retry_after) from error
        try:
            entry = redeem(self.user, text)
        except NotRedeemable as error:
            raise Refused(explain(error.reason)) from error
        forget_attempts(attempt)
        return answer(entry.amount)


def unused(pk: int) -> QuerySet[RedemptionCode]:
    """The code, if nobody has used it."""
    return RedemptionCode.objects.filter(
        pk=pk, state__in=(CodeState.UNUSED, CodeState.DISABLED), redeemed_by=None
    )


def show_rows(request: Request, rows: QuerySet[RedemptionCode]) -> Response:
    found = read_page(request).cut(rows.order_by("-pk"))
    return answer_rows(CodeOut, found, total=count_some(rows))

"""Orders: what users bought, and buying."""

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import Order, OrderState
from billing.payments.asking import close_old_orders
from billing.payments.gateways.base import Checkout, Places
from billing.payments.gateways.registry import open_gateway, read_ways
from billing.payments.notice import GatewayFailed, NotConfigured
from billing.payments.offers import read_days, read_price_list
from billing.payments.orders import TooManyOrders, begin_payment, place_order
from billing.payments.quote import NotForSale, Quote, quote
from chatapi.accounts.roles import narrow_rows
from chatapi.console.audit import record_act
from chatapi.options.snapshot import read_values
from chatapi.web.address import site_url
from chatapi.web.api.envelope import answer, answer_failure, answer_one, answer_rows
from chatapi.web.api.fields import PlainInteger, RowNumber, Text, UnixTime
from chatapi.web.api.money_shapes import OrderOut
from chatapi.web.api.paging import PageQuery, count_some, read_page
from chatapi.web.api.searching import WordQuery
from chatapi.web.api.views import ApiView, describe
from chatapi.web.pages.orders import NOTIFY
from chatapi.web.pages.topup import explain

TAG = "Orders"
METHODS = {"zfb": "alipay", "wx": "wxpay"}
"""The old product's names of ways to pay."""


class OrderQuery(PageQuery):
    """`create_time` is the earliest; `status` pending, success, closed, refunded, charged_back."""

    user_id = RowNumber(required=False)
    trade_no = Text(max_length=64)
    create_time = UnixTime(required=False)
    status = serializers.ChoiceField(
        choices=["success", *OrderState.values], required=False, allow_blank=True
    )


class OrderView(ApiView):
    area = "money"

    def rows(self) -> QuerySet[Order]:
        found: QuerySet[Order] = narrow_rows(
            self.user, Order.objects.select_related("user"), "user"
        )
        return found


class Orders(OrderView):
    @describe(
        "Orders, newest first", TAG, OrderOut, is_list=True, query=OrderQuery, more=("total",)
    )
    def get(self, request: Request) -> Response:
        values, rows = self.read_query(OrderQuery), self.rows()
        if "user_id" in values:
            rows = rows.filter(user_id=values["user_id"])
        if number := values.get("trade_no"):
            rows = rows.filter(number=number)
        if values.get("create_time"):
            rows = rows.filter(created_at__gte=values["create_time"])
        if status := values.get("status"):
            rows = rows.filter(state=OrderState.PAID if status == "success" else status)
        return show_rows(request, rows)


class OrderWordQuery(PageQuery, WordQuery):
    """The number of the user, or the order's."""


class OrderSearch(OrderView):
    @describe("Find orders", TAG, OrderOut, is_list=True, query=OrderWordQuery, more=("total",))
    def get(self, request: Request) -> Response:
        word = self.read_query(OrderWordQuery)["keyword"]
        wanted = Q(number=word)
        if word.isascii() and word.isdecimal():
            wanted |= Q(user_id=int(word))
        return show_rows(request, self.rows().filter(wanted if word else Q()))


class OneOrder(OrderView):
    @describe("An order", TAG, OrderOut)
    def get(self, _request: Request, pk: int) -> Response:
        order = self.rows().filter(pk=pk).first()
        if order is None:
            raise Http404
        return answer_one(OrderOut, order)


class CloseOrders(OrderView):
    """Rows stay, and a payment that comes all the same is credited. Those of the last hour may be
    being paid right now, and stay open.
    """

    @describe("Close unpaid orders in the background", TAG, serializers.IntegerField)
    def delete(self, request: Request) -> Response:
        with transaction.atomic():
            count = close_old_orders(self.rows())
            record_act("orders.close", request=request, after={"count": count})
        return answer(count)


class AmountIn(serializers.Serializer[Any]):
    """`amount` in whole dollars; `topup_ratio` days of validity, -1 for ever."""

    amount = PlainInteger(min_value=1, max_value=10**9)
    topup_ratio = Text(max_length=6)
    top_up_code = Text(max_length=100, help_text="Not looked at.")


class PayIn(AmountIn):
    """`payment_method`: zfb, wx, or gateway:method as the page of recharges has it."""

    payment_method = serializers.CharField(max_length=40)


class Amount(ApiView):
    """`message` is `success` and `data` the price, or `error` and why."""

    area = "self"

    @describe("What a recharge costs", TAG, serializers.CharField, body=AmountIn)
    def post(self, _request: Request) -> Response:
        values = self.read_body(AmountIn)
        try:
            found = read_quote(self.user.group, values)
        except NotForSale as error:
            return answer_failure("error", data=explain(error, read_price_list()))
        return answer(f"{found.money:f}", message="success")


class Pay(ApiView):
    """Makes an order. `url` is where it is paid: as a link, or by a form with the fields in
    `data`.
    """

    area = "self"

    @describe("Buy credit", TAG, serializers.JSONField, body=PayIn)
    def post(self, request: Request) -> Response:
        values = self.read_body(PayIn)
        try:
            order, checkout = self._order(request, values)
        except NotForSale as error:
            return answer_failure("error", data=explain(error, read_price_list()))
        except (NotConfigured, GatewayFailed):
            text = _("This way to pay is not available at the moment.")
            return answer_failure("error", data=text)
        except TooManyOrders:
            text = _(
                "You have many unpaid orders. Please pay one of them, or try again in an hour."
            )
            return answer_failure("error", data=text)
        fields = dict(checkout.fields)
        return answer(fields, message="success", url=checkout.url, trade_no=order.number)

    def _order(self, request: Request, values: dict[str, Any]) -> tuple[Order, Checkout]:
        wanted = values["payment_method"]
        method = METHODS.get(wanted, wanted)
        ways = read_ways(read_values())
        way = next((way for way in ways if method in {way.key, way.method}), None)
        if way is None:
            raise NotConfigured(method)
        open_gateway(way.gateway)
        order = place_order(self.user, read_quote(self.user.group, values), way)
        site = site_url(request)
        back = f"{site}{reverse('order', args=[order.number])}?back"
        places = Places(f"{site}{reverse(NOTIFY[order.gateway])}", back)
        return order, begin_payment(order, places)


def read_quote(group: str, values: dict[str, Any]) -> Quote:
    """At our price, whatever was sent besides. Raises NotForSale."""
    prices = read_price_list()
    text = values.get("topup_ratio", "")
    try:
        days = read_days(text) if text else next(iter(prices.rates), None)
    except ValueError as error:
        raise NotForSale("validity") from error
    return quote(prices, values["amount"], days, group)


def show_rows(request: Request, rows: QuerySet[Order]) -> Response:
    found = read_page(request).cut(rows.order_by("-pk"))
    return answer_rows(OrderOut, found, total=count_some(rows))

"""What models cost for a group, in the old product's ratios."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import Price
from billing.price_book import RATIO_USD_PER_MILLION, fold_gizmo
from channels_app.kind_models import owner_of
from chatapi.accounts.models import Group
from chatapi.lib.money import EXACT
from chatapi.options.snapshot import read_values
from chatapi.web.api.envelope import answer
from chatapi.web.api.fields import Text
from chatapi.web.api.offers import TAG, models_of_group
from chatapi.web.api.token_editing import check_choice
from chatapi.web.api.views import ApiView, describe


class BillingQuery(serializers.Serializer[Any]):
    group = Text(max_length=64, help_text="Usually one's own.")
    search = Text(max_length=64)


class ModelBilling(serializers.Serializer[Any]):
    """Ratios with the group's factor in them; 1 is $2 per million tokens. `model_ratio_2` is
    dollars per call, 0 where calls have no price.
    """

    model = serializers.CharField()
    model_type = serializers.CharField()
    model_ratio = serializers.FloatField()
    model_completion_ratio = serializers.FloatField()
    model_ratio_2 = serializers.FloatField()


class ModelPrices(ApiView):
    area = "self"

    @describe(
        "Prices of the models of a group", TAG, ModelBilling, is_list=True, query=BillingQuery
    )
    def get(self, _request: Request) -> Response:
        values = self.read_query(BillingQuery)
        group = values.get("group") or self.user.group
        if group != self.user.group:
            check_choice(self.user, group)
        word = values.get("search", "").lower()
        names = [name for name in models_of_group(group) if word in name.lower()]
        return answer(tell_prices(names, group))


def tell_prices(names: list[str], group: str) -> list[dict[str, Any]]:
    ratio = Group.objects.filter(name=group).values_list("ratio", flat=True).first()
    ratio = Decimal(1) if ratio is None else ratio
    values = read_values()
    unpriced, usual = Decimal(values["UnpricedModelRatio"]), Decimal(values["UnpricedCallUsd"])
    prices = {price.model: price for price in Price.objects.all()}
    return [_tell(name, prices.get(fold_gizmo(name)), ratio, unpriced, usual) for name in names]


def _tell(
    name: str, price: Price | None, ratio: Decimal, unpriced: Decimal, usual: Decimal
) -> dict[str, Any]:
    usd_in = price.input if price else unpriced * RATIO_USD_PER_MILLION
    usd_out = price.output if price else usd_in
    per_call = usual if price is None or price.per_call is None else price.per_call

    def shown(usd: Decimal | None, by: Decimal) -> float:
        return float(EXACT.divide(EXACT.multiply(usd or Decimal(0), ratio), by))

    return {
        "model": name,
        "model_type": owner_of(name) or "other",
        "model_ratio": shown(usd_in, RATIO_USD_PER_MILLION),
        "model_completion_ratio": shown(usd_out, RATIO_USD_PER_MILLION),
        "model_ratio_2": shown(per_call, Decimal(1)),
    }

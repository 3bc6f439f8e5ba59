"""Which price applies: the snapshot of all prices and group ratios that calls are quoted from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from billing.models import Price
from billing.pricing import MILLION, ModelPrice, Quote, Rates, Unit
from chatapi.accounts.models import Group
from chatapi.options.snapshot import Options

GIZMO_PREFIX = "gpt-4-gizmo"
RATIO_USD_PER_MILLION = Decimal(2)
"""What ratio 1 of the existing product means."""
SEARCH = "tool:web_search"
"""The name of the price of a search; with a colon and a model's name behind it, of that model's."""
_PRICES = (
    "input",
    "output",
    "per_call",
    "per_image",
    "per_second",
    "per_million_characters",
    "per_query",
)
"""A price without any of these charges for nothing."""


class UnpricedModel(LookupError):
    """The model has no price and the operator chose to refuse such calls."""


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Immutable but for its own cache of quotes, which only holds models that have a price."""

    prices: Mapping[str, ModelPrice]
    group_ratios: Mapping[str, Decimal]
    options: Options
    fallback: ModelPrice
    usual_call: Decimal | None = None
    """Units per call of models that have no price per call (UnpricedCallUsd)."""
    _quotes: dict[tuple[str, str, bool, Unit], Quote] = field(default_factory=dict)

    def quote(self, model: str, group: str, *, wants_by_call: bool, unit: Unit = "token") -> Quote:
        """The price for a caller of `group` whose token chose billing per call or not, and of a
        call that is measured in `unit`; raises UnpricedModel.
        """
        key = (model, group, wants_by_call, unit)
        known = self._quotes.get(key)
        if known is not None:
            return known
        price = self._find_price(model, unit)
        if price is None and self.options.refuse_unpriced:
            raise UnpricedModel(model)
        charged = price or self.fallback
        by_call = self._is_by_call(price, unit, wants_by_call=wants_by_call)
        if self._takes_usual_call(charged, wants_by_call=wants_by_call):
            charged, by_call = replace(charged, per_call=self.usual_call), True
        quote = Quote(
            charged,
            self.group_ratios.get(group, Decimal(1)),
            by_call=by_call,
            per_search=self._price_of_searches(model),
        )
        if price is not None:
            self._quotes[key] = quote
        return quote

    def _find_price(self, model: str, unit: Unit) -> ModelPrice | None:
        """None where the model's price can't charge what is used: a chat with a painter."""
        price = self.prices.get(fold_gizmo(model))
        if price is None or price.can_charge(unit):
            return price
        return price if price.per_call is not None and self.options.may_bill_by_call else None

    def _is_by_call(self, price: ModelPrice | None, unit: Unit, *, wants_by_call: bool) -> bool:
        if price is None or price.per_call is None or not self.options.may_bill_by_call:
            return False
        return wants_by_call or not price.can_charge(unit) or not self.options.may_bill_by_quantity

    def _takes_usual_call(self, price: ModelPrice, *, wants_by_call: bool) -> bool:
        """A call that would be billed per call if its model had such a price."""
        if price.per_call is not None or self.usual_call is None:
            return False
        options = self.options
        return options.may_bill_by_call and (wants_by_call or not options.may_bill_by_quantity)

    def _price_of_searches(self, model: str) -> Decimal | None:
        price = self.prices.get(f"{SEARCH}:{model}") or self.prices.get(SEARCH)
        return None if price is None else price.per_call


def fold_gizmo(model: str) -> str:
    """All `gpt-4-gizmo…` names share one price and one entry in model lists."""
    return "gpt-4-gizmo-*" if model.startswith(GIZMO_PREFIX) else model


def read_price_book(options: Options) -> PriceBook:
    """Two queries."""
    ratios = dict(Group.objects.values_list("name", "ratio"))
    return build_price_book(Price.objects.all(), ratios, options)


def build_price_book(
    prices: Iterable[Price], ratios: Mapping[str, Decimal], options: Options
) -> PriceBook:
    per_usd = options.units_per_usd
    unpriced = options.unpriced_ratio * RATIO_USD_PER_MILLION * per_usd / MILLION
    return PriceBook(
        prices={price.model: _model_price(price, per_usd) for price in prices if _is_usable(price)},
        group_ratios=dict(ratios),
        options=options,
        fallback=ModelPrice("", Rates(unpriced, unpriced), version="unpriced"),
        usual_call=(options.unpriced_call_usd * per_usd).normalize() or None,
    )


def _is_usable(price: Price) -> bool:
    """Whether anything can be charged by it."""
    return any(getattr(price, name) is not None for name in _PRICES)


def _model_price(price: Price, per_usd: int) -> ModelPrice:
    def per_token(usd: Decimal | None) -> Decimal | None:
        return None if usd is None else (usd * per_usd / MILLION).normalize()

    def in_units(usd: Decimal | None) -> Decimal | None:
        return None if usd is None else (usd * per_usd).normalize()

    def rates(usd_in: Decimal | None, usd_out: Decimal | None, usd_cached: Decimal | None) -> Rates:
        return Rates(
            input=per_token(usd_in) or Decimal(0),
            output=per_token(usd_out) or Decimal(0),
            cached_input=per_token(usd_cached),
            cache_write_5m=per_token(price.cache_write_5m),
            cache_write_1h=per_token(price.cache_write_1h),
            audio_input=per_token(price.audio_input),
            audio_output=per_token(price.audio_output),
            image_input=per_token(price.image_input),
            image_output=per_token(price.image_output),
        )

    tier = None
    if price.tier_above_tokens is not None:
        tier = rates(
            price.input if price.tier_input is None else price.tier_input,
            price.output if price.tier_output is None else price.tier_output,
            price.cached_input if price.tier_cached_input is None else price.tier_cached_input,
        )
    return ModelPrice(
        model=price.model,
        rates=rates(price.input, price.output, price.cached_input),
        version=f"{price.pk}.{int(price.updated_at.timestamp())}",
        per_call=in_units(price.per_call),
        tier_above_tokens=price.tier_above_tokens,
        tier_rates=tier,
        max_output_tokens=price.max_output_tokens,
        has_rates=not (price.input is None and price.output is None),
        per_image=in_units(price.per_image),
        per_second=in_units(price.per_second),
        per_million_characters=in_units(price.per_million_characters),
        per_query=in_units(price.per_query),
    )

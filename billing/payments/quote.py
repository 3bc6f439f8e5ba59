"""What a recharge costs: dollars × rate of the validity × factor of the group × discount.

All of it is exact, and rounded once: the price half up to whole cents, and never below one cent.
The credit does not depend on the price: dollars × QuotaPerUnit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext

from chatapi.lib.money import EXACT, MAX_UNITS

CENT = Decimal("0.01")
DEAREST = Decimal(10) ** 12
ONE = Decimal(1)


class NotForSale(ValueError):
    """`reason`: amount (not a quantity on offer), validity (not on the operator's list), or units
    (more credit than an account can hold).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PriceList:
    """What the operator sells: `rates` by days of validity (None: never expires), `factors` by
    group, `discounts` by dollars. With discounts only their quantities are for sale.
    """

    rates: Mapping[int | None, Decimal]
    factors: Mapping[str, Decimal] = field(default_factory=dict)
    discounts: Mapping[int, Decimal] = field(default_factory=dict)
    least_usd: int = 1
    most_usd: int = 10_000
    units_per_usd: int = 500_000

    def is_sold(self, usd: int) -> bool:
        """Whether this quantity of dollars is on offer."""
        if self.discounts:
            return usd in self.discounts
        return self.least_usd <= usd <= self.most_usd


@dataclass(frozen=True, slots=True)
class Quote:
    """A price, and what it is made of. `money` is in the currency of the rates."""

    usd: int
    units: int
    valid_days: int | None
    money: Decimal
    rate: Decimal
    factor: Decimal
    discount: Decimal

    @property
    def exact(self) -> Decimal:
        """The price before it is rounded, for what is still to be multiplied with it."""
        with localcontext(EXACT):
            return self.usd * self.rate * self.factor * self.discount


def quote(prices: PriceList, usd: int, valid_days: int | None, group: str) -> Quote:
    """The price of `usd` dollars of credit for a user of this group. Raises NotForSale."""
    if not prices.is_sold(usd) or usd < 1:
        raise NotForSale("amount")
    rate = prices.rates.get(valid_days)
    if rate is None:
        raise NotForSale("validity")
    units = usd * prices.units_per_usd
    if units > MAX_UNITS:
        raise NotForSale("units")
    factor = prices.factors.get(group) or ONE
    discount = prices.discounts.get(usd, ONE)
    with localcontext(EXACT):
        money = round_money(usd * rate * factor * discount)
    return Quote(usd, units, valid_days, money, rate, factor, discount)


def round_money(amount: Decimal, digits: int = 2) -> Decimal:
    """Half up to what the currency can pay, at least its smallest coin. Raises NotForSale for no
    price at all, or one that nobody pays.
    """
    if not amount.is_finite() or not 0 < amount < DEAREST:
        raise NotForSale("amount")
    coin = ONE.scaleb(-digits)
    return max(amount.quantize(coin, rounding=ROUND_HALF_UP, context=EXACT), coin)

"""Buying credit: how much, for how long, what it costs, and how it is paid."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from billing.models import RechargeLot
from billing.models.budget import WalletOwner
from billing.payments.gateways.registry import read_ways
from billing.payments.notice import NotConfigured
from billing.payments.offers import PRICE_CURRENCY, read_days, read_price_list
from billing.payments.orders import TooManyOrders, place_order
from billing.payments.prices import price_text
from billing.payments.quote import NotForSale, PriceList, Quote, quote
from chatapi.web.pages.frame import read_frame

USUAL_USD = 10


@dataclass(frozen=True, slots=True)
class Offer:
    """A validity with its price, as the page shows it."""

    days: str
    label: str
    price: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Package:
    """A quantity on offer."""

    usd: int
    percent_off: Decimal
    is_chosen: bool


@require_safe
@login_required
def show_topup(request: HttpRequest) -> HttpResponse:
    values = read_frame(request).values
    return render(request, "user/topup.html", topup_context(request, values))


def topup_context(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    prices = read_price_list(values)
    ways = read_ways(values)
    usd = read_usd(request.GET.get("amount"), prices)
    offers = [] if usd is None else make_offers(request, prices, usd)
    return {
        "ways": ways,
        "prices": prices,
        "packages": make_packages(prices, usd),
        "usd": usd,
        "typed": request.GET.get("amount", "")[:20],
        "offers": offers,
        "is_sold": bool(ways and prices.rates),
        "shop_url": values["TopUpLink"],
        "next_end": find_next_end(request),
    }


def find_next_end(request: HttpRequest) -> RechargeLot | None:
    """The credit that expires first."""
    wallet = WalletOwner.objects.filter(user_id=request.user.pk or 0).values_list(
        "budget_id", flat=True
    )
    lots = RechargeLot.objects.filter(budget_id=wallet.first() or 0, left__gt=0)
    return lots.filter(expires_at__gt=timezone.now()).order_by("expires_at").first()


def make_offers(request: HttpRequest, prices: PriceList, usd: int) -> list[Offer]:
    """Every validity that the operator sells; of the cheapest the longest is chosen."""
    group = getattr(request.user, "group", "")
    quotes: list[tuple[int | None, Quote]] = []
    for days in prices.rates:
        with suppress(NotForSale):
            quotes.append((days, quote(prices, usd, days, group)))
    chosen = min(quotes, key=lambda one: (one[1].money, -(one[0] or sys.maxsize)), default=None)
    return [
        Offer(
            days_value(days),
            days_label(days),
            price_text(found.money, PRICE_CURRENCY),
            (days, found) == chosen,
        )
        for days, found in quotes
    ]


def make_packages(prices: PriceList, usd: int | None) -> list[Package]:
    return [
        Package(amount, (1 - factor) * 100, amount == usd)
        for amount, factor in prices.discounts.items()
    ]


@require_POST
@login_required
def place(request: HttpRequest) -> HttpResponse:
    """Make the order, and go to its page, where it is paid."""
    values = read_frame(request).values
    way = next((way for way in read_ways(values) if way.key == request.POST.get("way")), None)
    if way is None:
        return refuse(request, _("Please choose how you want to pay."))
    try:
        order = place_order(request.user, read_quote(request, values), way)  # type: ignore[arg-type]
    except NotForSale as error:
        return refuse(request, explain(error, read_price_list(values)))
    except NotConfigured:
        return refuse(request, _("This way to pay is not available at the moment."))
    except TooManyOrders:
        text = _("You have many unpaid orders. Please pay one of them, or try again in an hour.")
        return refuse(request, text)
    return HttpResponseRedirect(reverse("order", args=[order.number]))


def read_quote(request: HttpRequest, values: Mapping[str, Any]) -> Quote:
    """What the form asks for, at our price. Raises NotForSale."""
    prices = read_price_list(values)
    usd = read_usd(request.POST.get("amount"), prices)
    if usd is None:
        raise NotForSale("amount")
    try:
        days = read_days(request.POST.get("days", "")[:6])
    except ValueError as error:
        raise NotForSale("validity") from error
    return quote(prices, usd, days, getattr(request.user, "group", ""))


def read_usd(text: str | None, prices: PriceList) -> int | None:
    """A quantity that is sold; without a text a usual one. None: not sold."""
    if text is None:
        if prices.discounts:
            return next(iter(prices.discounts))
        return min(max(USUAL_USD, prices.least_usd), prices.most_usd)
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        return None
    return int(text) if prices.is_sold(int(text)) else None


def explain(error: NotForSale, prices: PriceList) -> str:
    if error.reason == "validity":
        return _("Please choose how long the credit shall be valid.")
    if prices.discounts:
        return _("Please choose one of the amounts.")
    limits = {"least": f"{prices.least_usd:,}", "most": f"{prices.most_usd:,}"}
    return _("The amount must be a whole number from $%(least)s to $%(most)s.") % limits


def refuse(request: HttpRequest, text: str) -> HttpResponse:
    """With the quantity that was chosen."""
    messages.error(request, text)
    amount = request.POST.get("amount")
    query = {} if amount is None else {"amount": amount[:20]}
    return HttpResponseRedirect(reverse("topup", query=query))


def days_value(days: int | None) -> str:
    return "-1" if days is None else str(days)


def days_label(days: int | None) -> str:
    if days is None:
        return _("never expires")
    return ngettext("valid for %(days)d day", "valid for %(days)d days", days) % {"days": days}

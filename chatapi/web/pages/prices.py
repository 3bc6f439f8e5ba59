"""Models and what they cost, by group: with or without an account, as the option says."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from billing.models import Price
from billing.price_book import RATIO_USD_PER_MILLION, fold_gizmo
from channels_app.catalogue import KINDS
from channels_app.kind_models import owner_of
from chatapi.accounts.models import Group
from chatapi.console.fields import short_usd
from chatapi.web.api.offers import models_of_group
from chatapi.web.pages.frame import read_frame

OTHER = "other"
TOKEN_PRICES = ("input", "output", "cached_input")
PIECES = (
    ("per_image", _("image")),
    ("per_second", _("second")),
    ("per_million_characters", _("million characters")),
    ("per_query", _("query")),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A model with its prices as texts, the group's ratio in them; empty where there is none."""

    name: str
    owner: str
    input: str = ""
    output: str = ""
    cached_input: str = ""
    per_call: str = ""
    pieces: tuple[str, ...] = ()
    """Like `$0.04 / image`."""
    context: int | None = None
    tier: str = ""
    """Prices of long prompts, as a text."""

    @property
    def has_price(self) -> bool:
        return bool(self.input or self.output or self.per_call or self.pieces)


@require_safe
def show_prices(request: HttpRequest) -> HttpResponse:
    frame = read_frame(request)
    if not request.user.is_authenticated and not frame.shows_prices:
        return redirect_to_login(request.get_full_path())
    groups = list_groups(request)
    wanted = request.GET.get("group", "")
    group = next((one for one in groups if one.name == wanted), groups[0])
    text = request.GET.get("q", "").strip()[:128].casefold()
    found = [offer for offer in read_offers(group, frame.values) if text in offer.name.casefold()]
    owners = count_owners(found)
    owner = request.GET.get("vendor", "")
    owner = owner if owner in {name for name, _label, _count in owners} else ""
    context = {
        "groups": groups,
        "group": group,
        "text": request.GET.get("q", "").strip()[:128],
        "owners": owners,
        "owner": owner,
        "all_count": len(found),
        "offers": [offer for offer in found if not owner or offer.owner == owner],
        "has_both": frame.values["BillingByRequestEnabled"] and frame.values["ModelRatioEnabled"],
    }
    return render(request, "user/prices.html", context)


def list_groups(request: HttpRequest) -> list[Group]:
    """The user's own first, then those that are open to everybody; never empty."""
    user: Any = request.user
    own = user.group if user.is_authenticated else "default"
    groups = {one.name: one for one in Group.objects.all()}
    first = groups.get(own) or Group(name=own, ratio=Decimal(1))
    return [first, *(one for one in groups.values() if one.is_selectable and one.name != own)]


def read_offers(group: Group, values: Mapping[str, Any]) -> Iterator[Offer]:
    """All models of a group, by name; two queries."""
    names = models_of_group(group.name)
    prices = Price.objects.in_bulk([*{fold_gizmo(name) for name in names}], field_name="model")
    for name in names:
        price = prices.get(fold_gizmo(name))
        owner = owner_of(name) or OTHER
        if price is None:
            yield _offer_unpriced(name, owner, group.ratio, values)
        else:
            yield _offer(name, owner, price, group.ratio, values)


def _offer(name: str, owner: str, price: Price, ratio: Decimal, values: Mapping[str, Any]) -> Offer:
    def shown(usd: Decimal | None) -> str:
        return "" if usd is None else short_usd(usd * ratio)

    usual = usual_call_usd(values)
    per_call = usual if price.per_call is None else price.per_call
    by_call = values["BillingByRequestEnabled"] and per_call is not None
    # Without billing by quantity a price per call is the only one where there is one.
    by_quantity = values["ModelRatioEnabled"] or not by_call
    return Offer(
        name,
        owner,
        **{one: shown(getattr(price, one)) if by_quantity else "" for one in TOKEN_PRICES},
        per_call=shown(per_call) if by_call else "",
        pieces=tuple(
            f"{shown(getattr(price, field))} / {label}"
            for field, label in PIECES
            if getattr(price, field) is not None and by_quantity
        ),
        context=price.max_input_tokens,
        tier=_tier(price, shown) if by_quantity else "",
    )


def _tier(price: Price, shown: Any) -> str:
    if price.tier_above_tokens is None:
        return ""
    parts = [shown(price.tier_input) or shown(price.input), shown(price.tier_output)]
    return f"> {price.tier_above_tokens:,}: {' / '.join(filter(None, parts))}"


def _offer_unpriced(name: str, owner: str, ratio: Decimal, values: Mapping[str, Any]) -> Offer:
    if values["UnpricedModelPolicy"] == "refuse":
        return Offer(name, owner)
    per_call = usual_call_usd(values) if values["BillingByRequestEnabled"] else None
    shown = "" if per_call is None else short_usd(per_call * ratio)
    if shown and not values["ModelRatioEnabled"]:
        return Offer(name, owner, per_call=shown)
    usd = short_usd(Decimal(values["UnpricedModelRatio"]) * RATIO_USD_PER_MILLION * ratio)
    return Offer(name, owner, input=usd, output=usd, per_call=shown)


def usual_call_usd(values: Mapping[str, Any]) -> Decimal | None:
    """Dollars per call of a model that has no price per call; None: by quantity."""
    return Decimal(values["UnpricedCallUsd"]) or None


def count_owners(offers: list[Offer]) -> list[tuple[str, Any, int]]:
    """Names of vendors with what people call them and how many models; the rest last."""
    labels = {kind.name: kind.label for kind in KINDS.values()}
    counts = Counter(offer.owner for offer in offers)
    order = sorted(counts, key=lambda owner: (owner == OTHER, -counts[owner], owner))
    return [(name, labels.get(name) or _("Others"), counts[name]) for name in order]

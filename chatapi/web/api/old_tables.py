"""The old product's options that are tables here: ratios of models and groups, as JSON in a string.

Ratio 1 of a model is $2 per million input tokens; its completion ratio is output by input; a price
is dollars per call. Written are the names that are given; others stay as they are.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from billing.models import Price
from billing.price_book import RATIO_USD_PER_MILLION
from billing.price_import import set_price
from chatapi.accounts.models import Group
from chatapi.console.fields import plain_decimal
from chatapi.lib.money import EXACT, InvalidAmount, parse_decimal
from chatapi.web.api.errors import Refused

MOST_NAMES = 5000
DIGITS = Decimal("0.0000000001")
"""Of ratios that do not come out even."""
Table = Mapping[str, Any]


def read_old_tables() -> dict[str, str]:
    prices = list(Price.objects.order_by("model"))
    groups = list(Group.objects.order_by("name"))
    return {
        "ModelRatio": write_table((one.model, model_ratio(one)) for one in prices),
        "CompletionRatio": write_table((one.model, completion_ratio(one)) for one in prices),
        "ModelPrice": write_table((one.model, one.per_call) for one in prices),
        "GroupRatio": write_table((one.name, one.ratio) for one in groups),
        "GroupUserRatio": json.dumps(
            {one.name: one.label or one.name for one in groups if one.is_selectable},
            ensure_ascii=False,
        ),
    }


def write_old_table(name: str, text: str) -> list[str]:
    """All or nothing; returns the names that changed. Raises Refused or ValidationError."""
    table = parse_table(text, is_text=name == "GroupUserRatio")
    with transaction.atomic():
        return WRITERS[name](table)


def model_ratio(price: Price) -> Decimal | None:
    if price.input is None:
        return None
    return EXACT.divide(price.input, RATIO_USD_PER_MILLION).quantize(DIGITS, context=EXACT)


def completion_ratio(price: Price) -> Decimal | None:
    if not price.input or price.output is None:
        return None
    return EXACT.divide(price.output, price.input).quantize(DIGITS, context=EXACT)


def parse_table(text: str, *, is_text: bool) -> dict[str, Any]:
    """Exact numbers, not below zero; or texts."""
    try:
        found = json.loads(text or "{}", parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise Refused(_("This is not JSON.")) from error
    if not isinstance(found, dict) or len(found) > MOST_NAMES:
        raise Refused(_("This must be one JSON object of names and numbers."))
    return {name: str(value) if is_text else _number(name, value) for name, value in found.items()}


def write_table(rows: Iterable[tuple[str, Decimal | None]]) -> str:
    shown = (
        f"{json.dumps(name, ensure_ascii=False)}: {plain_decimal(value)}"
        for name, value in rows
        if value is not None
    )
    return "{" + ", ".join(shown) + "}"


def write_model_ratios(table: Table) -> list[str]:
    """The output keeps its distance from the input."""
    known = _prices(table)
    changed = []
    for model, ratio in table.items():
        price = known.get(model) or Price(model=model)
        if model_ratio(price) == ratio:
            continue
        usd = EXACT.multiply(ratio, RATIO_USD_PER_MILLION)
        with localcontext(EXACT):
            output = usd if not price.input else usd * (price.output or Decimal(0)) / price.input
        set_price(model, {"input": usd, "output": _fit(output)})
        changed.append(model)
    return changed


def write_completion_ratios(table: Table) -> list[str]:
    known = _prices(table)
    changed = []
    for model, ratio in table.items():
        price = known.get(model)
        if price is None or price.input is None:
            raise Refused(_("%(model)s has no price by tokens yet.") % {"model": model[:100]})
        if completion_ratio(price) != ratio:
            set_price(model, {"output": _fit(EXACT.multiply(price.input, ratio))})
            changed.append(model)
    return changed


def write_model_prices(table: Table) -> list[str]:
    if "default" in table:
        raise Refused(
            _("There is no price “default” for all models: set the option UnpricedCallUsd.")
        )
    known = _prices(table)
    changed = []
    for model, usd in table.items():
        price = known.get(model)
        if price is None or price.per_call != usd:
            set_price(model, {"per_call": usd})
            changed.append(model)
    return changed


def write_group_ratios(table: Table) -> list[str]:
    """New groups are not open to users: GroupUserRatio opens them."""
    known = {group.name: group for group in Group.objects.all()}
    changed = []
    for name, ratio in table.items():
        group = known.get(name) or Group(name=name, is_selectable=False)
        if group.pk and group.ratio == ratio:
            continue
        group.ratio = ratio
        _save(group, ["ratio"])
        changed.append(name)
    return changed


def write_group_labels(table: Table) -> list[str]:
    """Those that are named may be chosen, the others not."""
    known = {group.name: group for group in Group.objects.all()}
    unknown = [name for name in table if name not in known]
    if unknown:
        raise Refused(_("There is no group “%(name)s”.") % {"name": unknown[0][:64]})
    changed = []
    for name, group in known.items():
        label, selectable = table.get(name, group.label), name in table
        if (group.label or name, group.is_selectable) != (label or name, selectable):
            group.label, group.is_selectable = label, selectable
            _save(group, ["label", "is_selectable"])
            changed.append(name)
    return changed


WRITERS: Mapping[str, Callable[[Table], list[str]]] = {
    "ModelRatio": write_model_ratios,
    "CompletionRatio": write_completion_ratios,
    "ModelPrice": write_model_prices,
    "GroupRatio": write_group_ratios,
    "GroupUserRatio": write_group_labels,
}


def _prices(table: Table) -> dict[str, Price]:
    found: dict[str, Price] = {}
    names = list(table)
    for start in range(0, len(names), 500):
        part = Price.objects.filter(model__in=names[start : start + 500])
        found.update({price.model: price for price in part})
    return found


def _fit(value: Decimal) -> Decimal:
    """As many digits as a price has."""
    return value.quantize(Decimal("0.000000000000000001"), context=EXACT)


def _number(name: str, value: Any) -> Decimal:
    try:
        number = parse_decimal(str(value)[:60])
    except InvalidAmount as error:
        raise Refused(_("%(name)s: this is not a number.") % {"name": name[:100]}) from error
    if number < 0 or number.adjusted() > 12:
        raise Refused(_("%(name)s: this is out of range.") % {"name": name[:100]})
    return number


def _save(group: Group, fields: list[str]) -> None:
    group.full_clean()
    if group.pk:
        group.save(update_fields=fields)
    else:
        group.save()

"""Reads price lists of several shapes into one: model -> field -> value, None for "no such price".

CSV with our columns; JSON of the same; the options ModelRatio, CompletionRatio and ModelPrice of
the existing product; and LiteLLM's file, https://github.com/BerriAI/litellm
(model_prices_and_context_window.json). Numbers are read as decimals, never as floats.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from billing.models import Price
from billing.price_book import RATIO_USD_PER_MILLION
from billing.price_data import load_default_prices
from billing.price_import import COUNT_FIELDS, FIELDS, BadPriceList, read_fields
from chatapi.lib.money import EXACT, InvalidAmount, parse_decimal

Values = dict[str, Decimal | int | None]
Entries = dict[str, Values]

MOST_BYTES = 8 * 1024 * 1024
MOST_MODELS = 5000
MOST_PROBLEMS = 10
RATIOS, COMPLETIONS, CALLS = "ModelRatio", "CompletionRatio", "ModelPrice"
MILLION = Decimal(1_000_000)
PER_TOKEN = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "output_cost_per_image_token": "image_output",
}
PER_PIECE = {
    "output_cost_per_image": "per_image",
    "input_cost_per_query": "per_query",
    "max_input_tokens": "max_input_tokens",
    "max_output_tokens": "max_output_tokens",
}


@dataclass(slots=True)
class PriceList:
    """What a list says, and what in it has no counterpart here."""

    entries: Entries
    notes: list[str] = field(default_factory=list)


def read_shipped() -> PriceList:
    """The lists that come with us, both put together."""
    prices = load_default_prices()
    return PriceList(
        {model: {name: getattr(row, name) for name in FIELDS} for model, row in prices.items()}
    )


def read_list(raw: bytes, prices: Mapping[str, Price]) -> PriceList:
    """A file that an operator brings; `prices` are today's, for lists that say only a part. Raises
    BadPriceList with a text for the operator.
    """
    if len(raw) > MOST_BYTES:
        raise BadPriceList(_("The file is too large."))
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise BadPriceList(_("The file is no UTF-8 text.")) from error
    if not text:
        raise BadPriceList(_("The file is empty."))
    found = _read_json(text, prices) if text[0] in "[{" else PriceList(_read_csv(text))
    if not found.entries:
        raise BadPriceList(_("No price was found in it."))
    if len(found.entries) > MOST_MODELS:
        raise BadPriceList(_("The list has too many models."))
    check_entries(found.entries)
    return found


def check_entries(entries: Entries) -> None:
    """Raises BadPriceList naming the first models whose values can't be a price."""
    problems: list[str] = []
    for model, values in entries.items():
        try:
            Price(model=model, **values).clean_fields()
        except ValidationError as error:
            problems += [f"{model[:80]}: {text}" for text in describe(error)]
        if len(problems) >= MOST_PROBLEMS:
            break
    if problems:
        raise BadPriceList("; ".join(problems[:MOST_PROBLEMS]))


def describe(error: ValidationError) -> Iterator[str]:
    for name, texts in error.message_dict.items():
        yield from (f"{name}: {text}" for text in texts)


def _read_csv(text: str) -> Entries:
    rows = csv.DictReader(io.StringIO(text))
    columns = [_column(name) for name in rows.fieldnames or ()]
    if "model" not in columns or not set(columns) & set(FIELDS):
        message = _("The first line must name the columns: model, and some of %(names)s.")
        raise BadPriceList(message % {"names": ", ".join(FIELDS)})
    rows.fieldnames = columns
    entries: Entries = {}
    for number, row in enumerate(rows, 2):
        model = (row.get("model") or "").strip()
        if not model:
            raise BadPriceList(_("Line %(number)d names no model.") % {"number": number})
        try:
            entries[model] = read_fields(row)
        except ValueError as error:
            message = _("Line %(number)d: %(why)s") % {"number": number, "why": error}
            raise BadPriceList(message) from error
    return entries


def _column(name: str) -> str:
    return name.strip().removesuffix("_usd_per_million").removesuffix("_usd")


def _read_json(text: str, prices: Mapping[str, Price]) -> PriceList:
    try:
        data = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadPriceList(_("The file is no JSON: %(why)s") % {"why": error}) from error
    data = _unwrap(data)
    if isinstance(data, dict) and data.keys() & {RATIOS, COMPLETIONS, CALLS}:
        return _read_ratios(data, prices)
    if isinstance(data, list):
        data = {str(row.get("model", "")): row for row in data if isinstance(row, dict)}
    if not isinstance(data, dict) or not all(isinstance(row, dict) for row in data.values()):
        raise BadPriceList(_("The file has none of the known shapes."))
    named = {model: row for model, row in data.items() if model and model != "sample_spec"}
    return PriceList({model: values for model, row in named.items() if (values := _values(row))})


def _refuse(text: str) -> None:
    raise ValueError(text)


def _unwrap(data: Any) -> Any:
    """Options as the existing product's API lists them: rows of key and value, whose values are
    JSON again.
    """
    if isinstance(data, dict) and isinstance(data.get("data"), list):
        data = data["data"]
    if isinstance(data, list) and data and all(isinstance(r, dict) and "key" in r for r in data):
        data = {str(row["key"]): row.get("value") for row in data}
    if not isinstance(data, dict):
        return data
    return {name: _inner(name, value) for name, value in data.items()}


def _inner(name: str, value: Any) -> Any:
    if name not in {RATIOS, COMPLETIONS, CALLS} or not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        message = _("%(name)s is no JSON: %(why)s") % {"name": name, "why": error}
        raise BadPriceList(message) from error


def _values(row: Mapping[str, Any]) -> Values:
    """Of one model, by our names or by LiteLLM's."""
    found: Values = {}
    for name in FIELDS:
        if name in row:
            found[name] = _number(name, row[name])
    for theirs, ours in PER_TOKEN.items():
        if row.get(theirs) is not None and ours not in found:
            found[ours] = EXACT.multiply(_decimal(theirs, row[theirs]), MILLION).normalize()
    for theirs, ours in PER_PIECE.items():
        if row.get(theirs) is not None and ours not in found:
            found[ours] = _number(ours, row[theirs])
    priced = any(value is not None for name, value in found.items() if name not in COUNT_FIELDS)
    return found if priced or row.keys() & set(FIELDS) else {}


def _number(name: str, value: Any) -> Decimal | int | None:
    if value is None or value == "":
        return None
    number = _decimal(name, value)
    if name not in COUNT_FIELDS:
        return number
    if number != number.to_integral_value() or abs(number) > 10**15:
        raise BadPriceList(_("%(name)s: not a whole number") % {"name": name})
    return int(number)


def _decimal(name: str, value: Any) -> Decimal:
    if isinstance(value, Decimal | str) and len(str(value)) < 60:
        try:
            number = parse_decimal(str(value))
        except InvalidAmount as error:
            raise BadPriceList(f"{name}: {error}") from error
        if abs(number.adjusted()) < 40:
            return number
    raise BadPriceList(_("%(name)s: not a number") % {"name": name})


def _read_ratios(data: Mapping[str, Any], prices: Mapping[str, Price]) -> PriceList:
    """Ratio 1 is $2 per million tokens; the output is the input times the completion ratio. Where
    that is not given, it is today's relation, or that of the shipped lists, else 1.
    """
    ratios, completions, calls = (_table(data, name) for name in (RATIOS, COMPLETIONS, CALLS))
    found = PriceList({})
    if calls.pop("default", None) is not None:
        found.notes.append(
            _(
                "ModelPrice has an entry `default`, a price for all models. It is left out: set it "
                "as the option UnpricedCallUsd."
            )
        )
    shipped = load_default_prices() if ratios.keys() - completions.keys() else {}
    for model in ratios.keys() | completions.keys():
        known: Any = prices.get(model)
        ratio = ratios.get(model)
        if ratio is None and (known is None or known.input is None):
            found.notes.append(
                _("%(model)s has a completion ratio, but no ratio.") % {"model": model}
            )
            continue
        dollars = known.input if ratio is None else EXACT.multiply(ratio, RATIO_USD_PER_MILLION)
        factor = completions.get(model)
        if factor is None:
            factor = _relation(known) or _relation(shipped.get(model)) or Decimal(1)
        found.entries[model] = {"input": dollars, "output": round_price(dollars, factor)}
    for model, dollars in calls.items():
        found.entries.setdefault(model, {})["per_call"] = dollars
    return found


def round_price(dollars: Decimal, factor: Decimal) -> Decimal:
    """The product, to the digits that a price is stored with."""
    return (
        EXACT.multiply(dollars, factor).quantize(Decimal(1).scaleb(-18), context=EXACT).normalize()
    )


def _relation(price: Any) -> Decimal | None:
    if price is None or not price.input or price.output is None:
        return None
    return EXACT.divide(price.output, price.input)


def _table(data: Mapping[str, Any], name: str) -> dict[str, Decimal]:
    rows = data.get(name) or {}
    if not isinstance(rows, dict):
        raise BadPriceList(_("%(name)s is no table of models.") % {"name": name})
    return {str(model).strip(): _decimal(f"{name} {model}", value) for model, value in rows.items()}


def pack(entries: Entries) -> dict[str, dict[str, str | int | None]]:
    """Fit for JSON, exactly."""
    return {model: {k: _pack(v) for k, v in values.items()} for model, values in entries.items()}


def unpack(packed: Mapping[str, Mapping[str, Any]]) -> Entries:
    return {model: {k: _unpack(v) for k, v in row.items()} for model, row in packed.items()}


def _pack(value: Decimal | int | None) -> str | int | None:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _unpack(value: Any) -> Decimal | int | None:
    return Decimal(value) if isinstance(value, str) else value


def as_ratios(prices: Iterable[Price]) -> bytes:
    """The three options of the existing product, as JSON with exact numbers."""
    found: dict[str, dict[str, Decimal]] = {RATIOS: {}, COMPLETIONS: {}, CALLS: {}}
    for price in prices:
        if price.input is not None:
            found[RATIOS][price.model] = ratio_of(price.input)
            relation = _relation(price)
            if relation is not None:
                found[COMPLETIONS][price.model] = round(relation, 12).normalize()
        if price.per_call is not None:
            found[CALLS][price.model] = price.per_call.normalize()
    return msgspec.json.Encoder(decimal_format="number").encode(found)


def ratio_of(dollars: Decimal) -> Decimal:
    """The ratio of a price per million tokens."""
    return EXACT.divide(dollars, RATIO_USD_PER_MILLION).normalize()

"""A price list beside today's prices: what it would change, and changing it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone

from billing.models import Price
from billing.models.price import PriceOrigin
from billing.price_import import FIELDS
from billing.price_lists import Entries, Values, pack
from chatapi.options.feed import publish

KEPT = Context(prec=15)
State = Literal["new", "changed", "gone"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a price: what it is now, and what the list says."""

    name: str
    old: Decimal | int | None
    new: Decimal | int | None


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One model. `stamp` tells which price it was compared with; `is_own`: an operator set it."""

    model: str
    state: State
    fields: tuple[FieldChange, ...]
    stamp: str
    is_own: bool


@dataclass(slots=True)
class Applied:
    """What became of the models that were ticked; `moved` are those whose price had changed since
    it was shown, and which are left alone.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.added) + len(self.changed) + len(self.deleted)


def compare(entries: Entries, prices: Mapping[str, Price]) -> Iterator[PriceChange]:
    """New and changed models in the list's order, then those that it lacks."""
    for model, values in entries.items():
        price = prices.get(model)
        changes = tuple(_changes(price, values))
        if changes:
            state: State = "new" if price is None else "changed"
            yield PriceChange(model, state, changes, stamp_of(price), is_own(price))
    for model, price in prices.items():
        if model not in entries:
            told = tuple(
                FieldChange(name, value, None)
                for name in FIELDS
                if (value := getattr(price, name)) is not None
            )
            yield PriceChange(model, "gone", told, stamp_of(price), is_own(price))


def _changes(price: Price | None, values: Values) -> Iterator[FieldChange]:
    for name, new in values.items():
        old = getattr(price, name) if price else None
        if not _is_same(old, new):
            yield FieldChange(name, old, new)


def _is_same(old: Decimal | int | None, new: Decimal | int | None) -> bool:
    """As far as every database keeps it: SQLite has 15 digits."""
    if isinstance(old, Decimal) and isinstance(new, Decimal):
        return KEPT.plus(old) == KEPT.plus(new)
    return old == new


def is_own(price: Price | None) -> bool:
    return price is not None and price.origin == PriceOrigin.OPERATOR


def stamp_of(price: Price | None) -> str:
    """Differs when any field does."""
    if price is None:
        return "new"
    values = [_plain(getattr(price, name)) for name in FIELDS]
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def _plain(value: Decimal | int | None) -> str:
    return "" if value is None else f"{Decimal(value).normalize():f}"


def apply_changes(entries: Entries, ticked: Mapping[str, str], origin: str) -> Applied:
    """Changes the ticked models (model -> the stamp it was shown with), all in one transaction, and
    publishes it once. Raises IntegrityError when the database takes two names for one.
    """
    done = Applied()
    with transaction.atomic():
        rows = {price.model: price for price in Price.objects.select_for_update()}
        new: list[Price] = []
        changed: list[Price] = []
        for change in compare(entries, rows):
            if change.model not in ticked:
                continue
            if ticked[change.model] != change.stamp:
                done.moved.append(change.model)
                continue
            _note(done, change)
            if change.state == "gone":
                continue
            price = rows.get(change.model) or Price(model=change.model)
            for item in change.fields:
                setattr(price, item.name, item.new)
            price.origin = origin
            price.updated_at = timezone.now()
            (new if change.state == "new" else changed).append(price)
        Price.objects.bulk_create(new, batch_size=200)
        Price.objects.bulk_update(changed, [*FIELDS, "origin", "updated_at"], batch_size=100)
        for start in range(0, len(done.deleted), 500):
            Price.objects.filter(model__in=done.deleted[start : start + 500]).delete()
        if done:
            publish("price")
    return done


def _note(done: Applied, change: PriceChange) -> None:
    lists = {"new": done.added, "changed": done.changed, "gone": done.deleted}
    lists[change.state].append(change.model)
    old: Values = {item.name: item.old for item in change.fields if item.old is not None}
    new: Values = {item.name: item.new for item in change.fields if item.new is not None}
    if old:
        done.before |= pack({change.model: old})
    if new:
        done.after |= pack({change.model: new})

"""Which models are called or served, but have no price."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db.models import QuerySet, Sum
from django.utils import timezone

from billing.admin.channels import MODEL
from billing.models import Dimension, HourlyTotal, Price
from billing.price_book import fold_gizmo

LOOKED_BACK = timedelta(days=30)
ENABLED = 1


@dataclass(slots=True)
class Unpriced:
    """A model without a price: how many channels serve it, and what was called of late."""

    model: str
    channels: int = 0
    calls: int = 0
    units: int = 0


def find_unpriced() -> list[Unpriced]:
    """The most called ones first; three queries."""
    priced = set(Price.objects.values_list("model", flat=True))
    found: dict[str, Unpriced] = {}
    for name in served_models():
        model = fold_gizmo(name)
        if model not in priced:
            found.setdefault(model, Unpriced(model)).channels += 1
    rows = HourlyTotal.objects.filter(
        dimension=Dimension.MODEL, hour_at__gte=timezone.now() - LOOKED_BACK, calls__gt=0
    )
    for name, calls, units in rows.values_list("key").annotate(Sum("calls"), Sum("units")):
        model = fold_gizmo(name)
        if model and model not in priced:
            row = found.setdefault(model, Unpriced(model))
            row.calls += calls
            row.units += units
    return sorted(found.values(), key=lambda row: (-row.calls, row.model))


def served_models() -> list[str]:
    """The models of all enabled channels, once for each channel. Billing knows no channels: they
    come from the registry of models.
    """
    if not apps.is_installed("channels_app"):
        return []
    rows: QuerySet[Any] = QuerySet(apps.get_model(MODEL)).filter(status=ENABLED)
    texts = rows.values_list("models_text", flat=True)
    return [name for text in texts for name in {part.strip() for part in text.split(",")} - {""}]

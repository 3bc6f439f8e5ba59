"""The console's pages of prices: the list and the editor."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from billing.admin.price_form import DOLLAR_FIELDS, RATIO_FIELDS, PriceForm, completion_of
from billing.admin.price_pages import PricePages
from billing.admin.price_use import find_unpriced
from billing.models import Price
from billing.models.price import PriceOrigin
from billing.price_import import FIELDS
from billing.price_lists import Values, pack, ratio_of
from chatapi.console.audit import record_act
from chatapi.console.base import ConsoleAdmin
from chatapi.console.columns import Column, badge, time_column
from chatapi.console.fields import plain_decimal, short_usd
from chatapi.console.filters import choice_filter

OTHERS = (
    ("per_call", _("call")),
    ("per_image", _("image")),
    ("per_second", _("second")),
    ("per_million_characters", _("1M characters")),
    ("per_query", _("query")),
)


def dollar_column(field: str, label: Any) -> Column:
    @admin.display(description=label, ordering=field)
    def column(_admin: Any, price: Price) -> SafeString | str:
        value: Decimal | None = getattr(price, field)
        return "–" if value is None else show_dollars(value)

    return column


def show_dollars(value: Decimal) -> SafeString:
    return format_html(
        '<span class="num" title="${}">{}</span>', plain_decimal(value), short_usd(value)
    )


@admin.register(Price)
class PriceAdmin(PricePages, ConsoleAdmin[Price]):
    form = PriceForm
    change_list_template = "admin/billing/price/change_list.html"
    list_display = (
        "model",
        "input_usd",
        "output_usd",
        "cached_usd",
        "ratios",
        "other_prices",
        "origin_badge",
    )
    list_filter = (choice_filter("origin", _("origin"), lambda: PriceOrigin.choices),)
    search_fields = ("model",)
    search_help_text = _("Name of the model")
    readonly_fields = ("origin", "changed")
    changed = time_column("updated_at", _("changed"))
    fieldsets = (
        (None, {"fields": ("model", "origin", "changed")}),
        (
            _("Per million tokens, in $"),
            {
                "fields": (
                    ("input", "output"),
                    ("cached_input", "cache_write_5m", "cache_write_1h"),
                    ("audio_input", "audio_output"),
                    ("image_input", "image_output"),
                )
            },
        ),
        (
            _("Or as ratios"),
            {
                "description": _(
                    "The same two prices in the other notation. Change them here or above; what "
                    "is stored are the prices in $."
                ),
                "fields": (RATIO_FIELDS,),
            },
        ),
        (
            _("Per piece, in $"),
            {
                "fields": (
                    ("per_call", "per_image"),
                    ("per_second", "per_query"),
                    "per_million_characters",
                )
            },
        ),
        (
            _("Long context, per million tokens, in $"),
            {
                "classes": ("collapse",),
                "fields": ("tier_above_tokens", ("tier_input", "tier_output", "tier_cached_input")),
            },
        ),
        (_("Limits of the model"), {"fields": (("max_input_tokens", "max_output_tokens"),)}),
    )

    input_usd = dollar_column("input", _("input / 1M"))
    output_usd = dollar_column("output", _("output / 1M"))
    cached_usd = dollar_column("cached_input", _("cached input / 1M"))

    @admin.display(description=_("ratios"))
    def ratios(self, price: Price) -> SafeString | str:
        """The model's and the completion's."""
        if price.input is None:
            return "–"
        completion = completion_of(price)
        text = plain_decimal(round(ratio_of(price.input), 6))
        if completion is not None:
            text += f" × {plain_decimal(round(completion, 4))}"
        return format_html('<span class="num">{}</span>', text)

    @admin.display(description=_("per piece"))
    def other_prices(self, price: Price) -> SafeString | str:
        told = [
            f"{short_usd(value)} / {label}"
            for name, label in OTHERS
            if (value := getattr(price, name)) is not None
        ]
        return format_html('<span class="num">{}</span>', ", ".join(told)) if told else "–"

    @admin.display(description=_("origin"), ordering="origin")
    def origin_badge(self, price: Price) -> SafeString:
        is_own = price.origin == PriceOrigin.OPERATOR
        return badge(PriceOrigin(price.origin).label, "good" if is_own else "plain")

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        return [*self.own_urls(), *urls]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"unpriced": find_unpriced(), **(extra_context or {})}
        return super().changelist_view(request, context)

    def save_model(self, request: HttpRequest, obj: Price, form: Form, change: bool) -> None:  # noqa: FBT001 -- Django's signature
        """What an operator wrote, no import of list prices overwrites."""
        stored = Price.objects.filter(pk=obj.pk).first() if change else None
        before = values_of(stored) if stored else {}
        obj.origin = PriceOrigin.OPERATOR
        super().save_model(request, obj, form, change)
        after = values_of(obj)
        if before != after:
            names = [name for name in FIELDS if before.get(name) != after.get(name)]
            record_act(
                "price.change" if change else "price.add",
                request=request,
                target=obj,
                before=tell(before, names),
                after=tell(after, names),
            )

    def fields_to_save(self, obj: Price, form: Form) -> Sequence[str]:
        fields = [*super().fields_to_save(obj, form)]
        if isinstance(form, PriceForm) and form.has_new_ratios:
            fields += DOLLAR_FIELDS
        return [*fields, "origin", "updated_at"] if fields else fields

    def log_addition(self, request: HttpRequest, obj: Price, message: Any) -> Any:
        """`save_model` has told it: what is stored, not the ratios that were entered."""

    log_change = log_addition

    def delete_model(self, request: HttpRequest, obj: Price) -> None:
        with transaction.atomic():
            self.record(request, "delete", obj, before=tell(values_of(obj), FIELDS))
            obj.delete()


def values_of(price: Price) -> Values:
    return {name: value for name in FIELDS if (value := getattr(price, name)) is not None}


def tell(values: Values, names: Sequence[str]) -> dict[str, Any]:
    """For the audit log, without the zeros that the database adds."""
    told: Values = {
        name: value.normalize() if isinstance(value, Decimal) else value
        for name, value in values.items()
        if name in names
    }
    return dict(pack({"": told})[""])

"""Prices of models, in US dollars."""

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatapi.options.feed import PublishedModel

LIMITS = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1_000_000))]


def dollars(label: Any) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(
        label, max_digits=28, decimal_places=18, null=True, blank=True, validators=LIMITS
    )


class PriceOrigin(models.TextChoices):
    LIST = "list", _("list price")
    LEGACY = "legacy", _("built-in ratio table")
    OPERATOR = "operator", _("set by an operator")


class Price(PublishedModel):
    """What a model costs; token prices are per million tokens. Empty: no separate price."""

    feed_topic = "price"

    model = models.CharField(_("model"), max_length=191, unique=True)
    input = dollars(_("input"))
    output = dollars(_("output"))
    cached_input = dollars(_("cached input"))
    cache_write_5m = dollars(_("cache write, 5 minutes"))
    cache_write_1h = dollars(_("cache write, 1 hour"))
    audio_input = dollars(_("audio input"))
    audio_output = dollars(_("audio output"))
    image_input = dollars(_("image input"))
    image_output = dollars(_("image output"))
    per_call = dollars(_("per call"))
    per_image = dollars(_("per image"))
    per_second = dollars(_("per second"))
    per_million_characters = dollars(_("per million characters"))
    per_query = dollars(_("per query"))
    tier_above_tokens = models.PositiveBigIntegerField(
        _("long context above tokens"), null=True, blank=True
    )
    tier_input = dollars(_("long context: input"))
    tier_output = dollars(_("long context: output"))
    tier_cached_input = dollars(_("long context: cached input"))
    max_input_tokens = models.PositiveBigIntegerField(_("most input tokens"), null=True, blank=True)
    max_output_tokens = models.PositiveBigIntegerField(
        _("most output tokens"), null=True, blank=True
    )
    origin = models.CharField(
        _("origin"), max_length=8, choices=PriceOrigin, default=PriceOrigin.OPERATOR
    )
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        ordering = ["model"]

    def __str__(self) -> str:
        return self.model


class PriceDraft(models.Model):
    """A price list that somebody brought and has not applied yet; kept for a day."""

    created_at = models.DateTimeField(auto_now_add=True)
    actor_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    origin = models.CharField(max_length=8, choices=PriceOrigin, default=PriceOrigin.OPERATOR)
    entries: Any = models.JSONField(default=dict)
    """model -> field -> decimal as text, whole number, or null."""
    notes: Any = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name

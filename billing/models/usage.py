"""Finished calls with what they cost, and their sums by the hour."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class UsageStatus(models.TextChoices):
    OK = "ok", _("finished")
    LEFT = "left", _("client left")
    CUT = "cut", _("provider broke off")
    STOPPED = "stopped", _("credit used up")
    FAILED = "failed", _("failed")
    INTERRUPTED = "interrupted", _("gateway was interrupted")


class Usage(models.Model):
    """One finished, failed or interrupted call. Append-only; no foreign keys, so rows outlive what
    they name.
    """

    request_id = models.CharField(_("request id"), max_length=40, unique=True)
    created_at = models.DateTimeField(_("time"))
    user_id = models.BigIntegerField()
    username = models.CharField(_("user"), max_length=150)
    token_id = models.BigIntegerField()
    token_name = models.CharField(_("token"), max_length=64)
    group = models.CharField(_("group"), max_length=64)
    channel_id = models.BigIntegerField(null=True)
    channel_name = models.CharField(_("channel"), max_length=100, blank=True)
    endpoint = models.CharField(_("endpoint"), max_length=32)
    model = models.CharField(_("model"), max_length=255)
    upstream_model = models.CharField(_("provider's model"), max_length=255, blank=True)
    is_stream = models.BooleanField(_("stream"))
    status = models.CharField(_("status"), max_length=12, choices=UsageStatus)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"))
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    prompt_tokens = models.BigIntegerField(_("prompt tokens"))
    completion_tokens = models.BigIntegerField(_("completion tokens"))
    cached_tokens = models.BigIntegerField(_("cached tokens"))
    reasoning_tokens = models.BigIntegerField(_("reasoning tokens"))
    is_estimated = models.BooleanField(_("counted by us"))
    amount = models.BigIntegerField(_("units"))
    uncollected_units = models.BigIntegerField(_("units not collected"))
    wallet_id = models.BigIntegerField()
    limit_id = models.BigIntegerField(null=True)
    price_version = models.CharField(max_length=32, blank=True)
    line_items = models.TextField(_("line items"), blank=True)
    attempts = models.TextField(_("attempts"), blank=True)
    address = models.CharField(_("address"), max_length=64, blank=True)
    first_byte_ms = models.PositiveIntegerField(_("first byte, ms"), null=True)
    total_ms = models.PositiveIntegerField(_("total, ms"))
    worker_id = models.CharField(max_length=32)

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        indexes = [
            # The console lists calls by time, so each filter that may be rare has its own order.
            models.Index(fields=["wallet_id", "created_at"], name="usage_wallet_time"),
            models.Index(fields=["token_id", "created_at"], name="usage_token_time"),
            models.Index(fields=["model", "created_at"], name="usage_model_time"),
            models.Index(fields=["channel_id", "created_at"], name="usage_channel_time"),
            models.Index(fields=["created_at"], name="usage_time"),
            # Of few rows, so they cost next to nothing. MariaDB has no partial indexes.
            models.Index(
                fields=["status", "created_at"],
                name="usage_status_time",
                condition=~models.Q(status="ok"),
            ),
            models.Index(
                fields=["error_code", "created_at"],
                name="usage_error_time",
                condition=~models.Q(error_code=""),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount__gte=0), name="usage_amount_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.request_id


class HourlyUsage(models.Model):
    """Sums of one hour per user, token, channel and model.

    `first_byte_*` are sums over the calls that had a first byte.
    """

    hour_at = models.DateTimeField(_("hour"))
    user_id = models.BigIntegerField()
    token_id = models.BigIntegerField()
    channel_id = models.BigIntegerField()
    model = models.CharField(_("model"), max_length=191)
    calls = models.BigIntegerField(_("calls"), default=0)
    errors = models.BigIntegerField(_("errors"), default=0)
    prompt_tokens = models.BigIntegerField(_("prompt tokens"), default=0)
    completion_tokens = models.BigIntegerField(_("completion tokens"), default=0)
    units = models.BigIntegerField(_("units"), default=0)
    milliseconds = models.BigIntegerField(_("milliseconds"), default=0)
    first_byte_calls = models.BigIntegerField(_("calls with a first byte"), default=0)
    first_byte_milliseconds = models.BigIntegerField(_("first byte, ms"), default=0)

    class Meta:
        verbose_name = _("hourly usage")
        verbose_name_plural = _("hourly usage")
        constraints = [
            models.UniqueConstraint(
                fields=["hour_at", "user_id", "token_id", "channel_id", "model"],
                name="hourly_usage_row",
            )
        ]
        # A user's own statistics, which the key above, that begins with the hour, does not find.
        indexes = [models.Index(fields=["user_id", "hour_at"], name="hourly_user_time")]

    def __str__(self) -> str:
        return f"{self.hour_at} {self.model}"


class Dimension(models.TextChoices):
    """By what HourlyTotal sums: one of them at a time."""

    USER = "user", _("user")
    CHANNEL = "channel", _("channel")
    MODEL = "model", _("model")


class HourlyTotal(models.Model):
    """Sums of one hour by one dimension alone: few rows, so that a month adds up at once.

    Written with HourlyUsage, from its rows. `key` is the id as text, or the name of the model.
    """

    dimension = models.CharField(max_length=8, choices=Dimension)
    hour_at = models.DateTimeField(_("hour"))
    key = models.CharField(max_length=191)
    calls = models.BigIntegerField(_("calls"), default=0)
    errors = models.BigIntegerField(_("errors"), default=0)
    prompt_tokens = models.BigIntegerField(_("prompt tokens"), default=0)
    completion_tokens = models.BigIntegerField(_("completion tokens"), default=0)
    units = models.BigIntegerField(_("units"), default=0)
    milliseconds = models.BigIntegerField(_("milliseconds"), default=0)
    first_byte_calls = models.BigIntegerField(_("calls with a first byte"), default=0)
    first_byte_milliseconds = models.BigIntegerField(_("first byte, ms"), default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dimension", "hour_at", "key"], name="hourly_total_row")
        ]

    def __str__(self) -> str:
        return f"{self.hour_at} {self.dimension} {self.key}"

"""Channels: accounts at providers."""

import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from channels_app.catalogue import KINDS, Kind
from channels_app.field_checks import check_mapping, check_settings, split_list
from channels_app.keys import MOST_KEYS, split_keys
from channels_app.kind_settings import field_of_problem
from channels_app.providers.checks import check_settings as check_kind_settings
from channels_app.request_headers import check_headers
from channels_app.routing import RANDOM, ROUND_ROBIN
from channels_app.rules import check_overrides, check_status_mapping
from channels_app.side_models import ChannelJob, DisabledKey, ModelNews
from chatapi.lib.net import UrlNotAllowed, check_operator_url
from chatapi.lib.secrets import Undecipherable
from chatapi.options.feed import PublishedModel

PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


class ChannelStatus(models.IntegerChoices):
    """The numbers of the existing product."""

    ENABLED = 1, _("enabled")
    DISABLED = 2, _("disabled")
    AUTO_DISABLED = 3, _("disabled automatically")


class KeyStrategy(models.TextChoices):
    """In which order the keys of a channel are used."""

    ROUND_ROBIN = ROUND_ROBIN, _("one after the other")
    RANDOM = RANDOM, _("by lot")


class Channel(PublishedModel):
    """An account at a provider: where it is, its key, which models it serves to which groups, and
    how fast.
    """

    feed_topic = "channel"

    secret_id = models.UUIDField(default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100)
    kind = models.PositiveSmallIntegerField(_("kind"))
    status = models.PositiveSmallIntegerField(
        _("status"), choices=ChannelStatus, default=ChannelStatus.ENABLED
    )
    base_url = models.CharField(
        _("base URL"), max_length=500, blank=True, help_text=_("Empty: the kind's own.")
    )
    key_sealed = models.TextField(blank=True, editable=False)
    key_strategy = models.CharField(
        _("order of keys"),
        max_length=12,
        choices=KeyStrategy,
        default=KeyStrategy.ROUND_ROBIN,
        db_default=KeyStrategy.ROUND_ROBIN,
        help_text=_("Of a channel with several keys."),
    )
    models_text = models.TextField(_("models"), help_text=_("Comma list."))
    groups_text = models.CharField(
        _("groups"), max_length=500, default="default", help_text=_("Comma list.")
    )
    priority = models.IntegerField(_("priority"), default=0, help_text=_("Higher first."))
    weight = models.PositiveIntegerField(
        _("weight"), default=1, help_text=_("Share within the priority.")
    )
    tag = models.CharField(_("tag"), max_length=100, blank=True)
    model_mapping = models.JSONField(
        _("model mapping"),
        default=dict,
        blank=True,
        help_text=_('{"asked for": "sent to the provider"}'),
    )
    headers = models.JSONField(
        _("extra headers"),
        default=dict,
        blank=True,
        help_text=_(
            '{"X-Team": "a", "X-Trace": "{client.x-request-id}"}: {client.NAME} is the client\'s '
            "header of that name, {model} the provider's model, {request_id} the call's id. What "
            "is empty then is not sent."
        ),
    )
    settings = models.JSONField(
        _("settings"),
        default=dict,
        blank=True,
        help_text=_('What the kind asks for besides: {"region": "us-east-1"}'),
    )
    proxy_sealed = models.TextField(blank=True, editable=False)
    connect_seconds = models.PositiveIntegerField(_("seconds to connect"), null=True, blank=True)
    first_byte_seconds = models.PositiveIntegerField(
        _("seconds to the first byte"), null=True, blank=True
    )
    idle_seconds = models.PositiveIntegerField(_("seconds between pieces"), null=True, blank=True)
    total_seconds = models.PositiveIntegerField(_("seconds in total"), null=True, blank=True)
    asks_usage = models.BooleanField(
        _("ask for usage in streams"),
        default=True,
        help_text=_("Off for providers that refuse stream_options."),
    )
    requests_per_minute = models.PositiveIntegerField(
        _("requests per minute"),
        default=0,
        db_default=0,
        help_text=_("For each model; 0: no limit."),
    )
    max_concurrency = models.PositiveIntegerField(
        _("requests at the same time"), default=0, db_default=0, help_text=_("0: no limit.")
    )
    total_requests_per_minute = models.PositiveIntegerField(
        _("requests per minute, all models"),
        default=0,
        db_default=0,
        help_text=_("For all models together; 0: no limit."),
    )
    tokens_per_minute = models.PositiveIntegerField(
        _("tokens per minute"),
        default=0,
        db_default=0,
        help_text=_(
            "Input and output together, estimated when a call begins and corrected at its end; "
            "0: no limit."
        ),
    )
    requests_per_day = models.PositiveIntegerField(
        _("requests per day"), default=0, db_default=0, help_text=_("0: no limit.")
    )
    tokens_per_day = models.PositiveBigIntegerField(
        _("tokens per day"), default=0, db_default=0, help_text=_("0: no limit.")
    )
    usd_per_day = models.DecimalField(
        _("dollars per day"),
        max_digits=12,
        decimal_places=4,
        default=Decimal(0),
        db_default=Decimal(0),
        validators=[MinValueValidator(0)],
        help_text=_("By what its calls were charged; 0: no limit."),
    )
    max_input_tokens = models.PositiveIntegerField(
        _("most input tokens"),
        default=0,
        db_default=0,
        help_text=_("Longer requests, by a rough count, go to other channels; 0: no limit."),
    )
    system_prompt = models.TextField(
        _("system prompt"), blank=True, default="", help_text=_("Put before every conversation.")
    )
    overrides = models.JSONField(
        _("fields to set"),
        default=dict,
        blank=True,
        help_text=_(
            '{"temperature": 0.2, "@o3*": {"temperature": null}}: set in every request, or in '
            "those for models of a name; null takes away."
        ),
    )
    status_mapping = models.JSONField(
        _("status mapping"),
        default=dict,
        blank=True,
        help_text=_('{"404": "503"}: how an error status of the provider is understood.'),
    )
    passes_through = models.BooleanField(
        _("pass calls through"),
        default=False,
        db_default=False,
        help_text=_(
            "Body and headers go on as they came, in the provider's own dialect; calls in other "
            "dialects go to other channels. Only the model's name is mapped, the output limited "
            "where the credit demands it, and the client's credentials are taken out."
        ),
    )
    accepts_tools = models.BooleanField(
        _("takes tools"),
        default=True,
        db_default=True,
        help_text=_("Off: calls with tools go to other channels."),
    )
    accepts_images = models.BooleanField(
        _("takes images"),
        default=True,
        db_default=True,
        help_text=_("Off: calls with images go to other channels."),
    )
    claude_only = models.BooleanField(
        _("native Claude only"),
        default=False,
        db_default=False,
        help_text=_("Only calls in Claude's own dialect (/v1/messages) go here."),
    )
    notes = models.TextField(_("notes"), blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    auto_ban = models.BooleanField(
        _("may be disabled automatically"),
        default=True,
        db_default=True,
        help_text=_("When its key is refused, its balance is used up or its tests are too slow."),
    )
    retest_seconds = models.PositiveIntegerField(
        _("retest seconds"),
        default=0,
        db_default=0,
        help_text=_(
            "Once disabled automatically, the channel is tested again after so long, then after "
            "twice as long and so on, and enabled when it answers. 0: never."
        ),
    )
    disabled_reason = models.TextField(blank=True, default="", db_default="", editable=False)
    """`code: detail`; channels_app.reasons tells it."""
    next_test_at = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    """Tries in a row that failed since it was disabled automatically."""

    test_model = models.CharField(
        _("model for tests"),
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text=_("Empty: the first of its models."),
    )
    tested_at = models.DateTimeField(_("last test"), null=True, editable=False)
    tested_model = models.CharField(max_length=255, blank=True, default="", db_default="")
    test_ok = models.BooleanField(null=True, editable=False)
    test_milliseconds = models.PositiveIntegerField(null=True, editable=False)
    test_message = models.TextField(blank=True, default="", db_default="", editable=False)
    test_warnings = models.JSONField(default=list, blank=True, editable=False)
    """Pairs of an English msgid and the values of its placeholders."""

    balance = models.DecimalField(
        _("balance"), max_digits=20, decimal_places=6, null=True, editable=False
    )
    """What the provider says is left, in `balance_currency`."""
    balance_currency = models.CharField(
        max_length=3, default="USD", db_default="USD", editable=False
    )
    balance_updated_at = models.DateTimeField(null=True, editable=False)
    balance_message = models.TextField(blank=True, default="", db_default="", editable=False)
    """Why the last refresh of the balance failed."""

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        ordering = ["-priority", "id"]

    def __str__(self) -> str:
        return f"#{self.pk} {self.name}"

    @property
    def key(self) -> str:
        return self._unseal("key", self.key_sealed)

    @key.setter
    def key(self, text: str) -> None:
        self.key_sealed = self._seal("key", text)

    @property
    def all_keys(self) -> tuple[str, ...]:
        """The keys, one a line; raises Undecipherable."""
        return split_keys(KINDS.get(self.kind), self.key)

    @property
    def proxy_url(self) -> str:
        return self._unseal("proxy", self.proxy_sealed)

    @proxy_url.setter
    def proxy_url(self, text: str) -> None:
        if text:
            check_operator_url(text, PROXY_SCHEMES)
        self.proxy_sealed = self._seal("proxy", text)

    @property
    def model_names(self) -> tuple[str, ...]:
        return split_list(self.models_text)

    @property
    def group_names(self) -> tuple[str, ...]:
        return split_list(self.groups_text)

    def clean(self) -> None:
        kind = KINDS.get(self.kind)
        errors: dict[str, Any] = self._address_errors(kind)
        if not self.model_names:
            errors["models_text"] = _("Name at least one model.")
        if any(len(name) > 255 for name in self.model_names):
            errors["models_text"] = _("A model's name has at most 255 characters.")
        for field, check in (
            ("model_mapping", check_mapping),
            ("settings", check_settings),
            ("headers", check_headers),
            ("overrides", check_overrides),
            ("status_mapping", check_status_mapping),
        ):
            try:
                check(getattr(self, field))
            except ValueError as error:
                errors[field] = str(error)
        if kind is not None and not errors:
            errors |= self._kind_errors(kind)
        if errors:
            raise ValidationError(errors)

    def _address_errors(self, kind: Kind | None) -> dict[str, Any]:
        try:
            if self.base_url:
                self.base_url = check_operator_url(self.base_url)
            elif kind is not None and not kind.base_url:
                return {"base_url": _("This kind needs a base URL.")}
        except UrlNotAllowed as error:
            return {"base_url": str(error)}
        return {}

    def _kind_errors(self, kind: Kind) -> dict[str, Any]:
        """What the kind's provider would refuse, told before anything is sent."""
        try:
            keys = self.all_keys
        except Undecipherable:
            return {}
        if len(keys) > MOST_KEYS:
            return {"key": _("There are more than %(most)d keys.") % {"most": MOST_KEYS}}
        found = (
            check_kind_settings(kind, self.settings, key, self.base_url) for key in keys or ("",)
        )
        problem = next((one for one in found if one is not None), None)
        if problem is None:
            return {}
        field = field_of_problem(problem.text, problem.values)
        return {field: gettext(problem.text) % problem.values}

    def _seal(self, field: str, text: str) -> str:
        return settings.KEY_RING.seal(text, self.place_of(field)) if text else ""

    def _unseal(self, field: str, sealed: str) -> str:
        return settings.KEY_RING.unseal(sealed, self.place_of(field)) if sealed else ""

    def place_of(self, field: str) -> str:
        return f"channel:{field}:{self.secret_id}"


__all__ = [
    "Channel",
    "ChannelJob",
    "ChannelStatus",
    "DisabledKey",
    "KeyStrategy",
    "ModelNews",
    "split_list",
]

"""What is to be told to whom, by which ways, and how far that is. A notice is written in the
transaction of what happened; telling it comes afterwards, and may be tried again.
"""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from chatapi.accounts.models import User

OPERATORS = "operators"


class Notice(models.Model):
    """One thing that happened, for one user or for the operators (`user` is None)."""

    event = models.CharField(_("event"), max_length=40)
    """A name in `notifications.events`."""
    user = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="notices",
        verbose_name=_("user"),
    )
    data: Any = models.JSONField(_("facts"), default=dict)
    """The values that the event's texts speak of: short texts and whole numbers."""
    reference = models.CharField(_("reference"), max_length=120, unique=True, null=True, blank=True)
    """The same reference is told once, ever."""
    created_at = models.DateTimeField(_("time"), auto_now_add=True, db_index=True)
    spread_at = models.DateTimeField(_("handed out"), null=True, blank=True, db_index=True)
    """When its deliveries were made."""

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")

    def __str__(self) -> str:
        return f"{self.event} #{self.pk}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")
    FOLDED = "folded", _("counted with another")


class Delivery(models.Model):
    """One notice on its way to one recipient by one transport."""

    notice = models.ForeignKey(
        Notice, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("notice")
    )
    recipient = models.CharField(_("recipient"), max_length=40)
    """`user:7`, or `operators`."""
    transport = models.CharField(_("way"), max_length=16)
    state = models.CharField(
        _("state"), max_length=8, choices=DeliveryState, default=DeliveryState.WAITING
    )
    key = models.CharField(max_length=40, unique=True)
    """The same for all attempts: receivers know repeats by it."""
    sent_as = models.CharField(max_length=40, blank=True)
    """The key of the message that told it: another one's, when several were told together."""
    fold_key = models.CharField(max_length=64)
    """What has the same is the same to its reader."""
    count = models.PositiveIntegerField(_("times"), default=1)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next attempt"))
    """Of one being sent: when it is taken for lost, and tried again."""
    error = models.CharField(_("error"), max_length=200, blank=True)
    error_detail = models.CharField(_("detail"), max_length=300, blank=True)
    hint = models.CharField(_("address"), max_length=254, blank=True)
    created_at = models.DateTimeField(_("time"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "recipient", "transport"], name="delivery_once"
            )
        ]
        indexes = [
            models.Index(fields=["state", "next_try_at"], name="delivery_due"),
            models.Index(fields=["recipient", "transport", "state"], name="delivery_waiting"),
            models.Index(fields=["recipient", "transport", "sent_at"], name="delivery_sent"),
            models.Index(fields=["recipient", "transport", "fold_key"], name="delivery_alike"),
        ]

    def __str__(self) -> str:
        return f"{self.recipient} {self.transport} {self.state}"


class Binding(models.Model):
    """Where a user is reached by a transport; the target is sealed, because some are secret."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="bindings")
    transport = models.CharField(max_length=16)
    target_sealed = models.TextField()
    hint = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "transport"], name="binding_of_user")
        ]

    def __str__(self) -> str:
        return f"{self.transport} of {self.user_id}"


class Choice(models.Model):
    """That a user wants, or does not want, an event by a transport; without one the event's own
    default counts.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notice_choices")
    event = models.CharField(max_length=40)
    transport = models.CharField(max_length=16)
    is_on = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "event", "transport"], name="choice_of_user_and_event"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.transport} {self.is_on}"


class BalanceLevel(models.IntegerChoices):
    """Of what a user was told last; a higher balance takes it back."""

    FINE = 0, _("fine")
    LOW = 1, _("low")
    USED_UP = 2, _("used up")


class AlertSettings(models.Model):
    """How a user wants to be told, and what of the balance was told."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="alert_settings"
    )
    language = models.CharField(max_length=16, blank=True)
    email = models.EmailField(blank=True)
    """Confirmed; '' for the account's own."""
    threshold_units = models.BigIntegerField(null=True, blank=True)
    """Below it the balance is low; None: the option QuotaRemindThreshold."""
    is_report_on = models.BooleanField(default=False)
    report_units = models.BigIntegerField(default=0)
    report_hours = models.PositiveSmallIntegerField(default=24)
    reported_at = models.DateTimeField(null=True, blank=True)
    level = models.PositiveSmallIntegerField(choices=BalanceLevel, default=BalanceLevel.FINE)

    class Meta:
        indexes = [
            models.Index(fields=["level"], name="alerts_level"),
            models.Index(fields=["is_report_on", "reported_at"], name="alerts_report"),
        ]

    def __str__(self) -> str:
        return f"alerts of {self.user_id}"


class TransportState(models.Model):
    """How a shared server does: while it is down, one message at a time tries it."""

    transport = models.CharField(primary_key=True, max_length=16)
    failures = models.PositiveIntegerField(default=0)
    paused_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)
    error_detail = models.CharField(max_length=300, blank=True)
    worked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.transport}: {self.failures} failures"


class SendingLease(models.Model):
    """The right to send, for one process at a time; one row."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    holder = models.CharField(max_length=40, blank=True)
    held_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.holder

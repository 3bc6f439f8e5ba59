"""What outlives a call in the relay: tasks at providers, stored responses, texts."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class MidjourneyTask(models.Model):
    """A picture that a provider makes. It names its user, channel and charge by number and has no
    foreign keys, as usage rows have none.

    `is_open` until the provider is done with it; from then on nothing of it changes but the refund.
    `version` grows with each change, and each change names the version that it saw.
    """

    mj_id = models.CharField(_("task id"), max_length=64, blank=True)
    user_id = models.BigIntegerField()
    token_id = models.BigIntegerField()
    wallet_id = models.BigIntegerField()
    limit_id = models.BigIntegerField(null=True)
    channel_id = models.BigIntegerField()
    request_id = models.CharField(_("request id"), max_length=40, unique=True)
    charge_id = models.CharField(max_length=40, blank=True)
    units = models.BigIntegerField(_("units"), default=0)
    refunded_units = models.BigIntegerField(_("units given back"), default=0)
    is_refund_due = models.BooleanField(default=False)
    is_open = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=0)
    code = models.IntegerField()
    action = models.CharField(_("action"), max_length=40)
    mode = models.CharField(_("speed"), max_length=8)
    status = models.CharField(_("status"), max_length=20, blank=True)
    progress = models.CharField(_("progress"), max_length=20, default="0%")
    prompt = models.TextField(_("prompt"), blank=True)
    prompt_en = models.TextField(blank=True)
    description = models.TextField(blank=True)
    state = models.TextField(blank=True)
    image_url = models.TextField(blank=True)
    fail_reason = models.TextField(_("reason of the failure"), blank=True)
    submit_time = models.BigIntegerField(default=0)
    start_time = models.BigIntegerField(default=0)
    finish_time = models.BigIntegerField(default=0)
    buttons = models.TextField(blank=True)
    properties = models.TextField(blank=True)
    image_seed = models.TextField(blank=True)
    created_at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("Midjourney task")
        verbose_name_plural = _("Midjourney tasks")
        indexes = [
            models.Index(fields=["mj_id"], name="mj_task_id"),
            models.Index(fields=["is_open", "id"], name="mj_task_open"),
            models.Index(fields=["is_refund_due", "id"], name="mj_task_refund"),
            models.Index(fields=["user_id", "id"], name="mj_task_user"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.mj_id}"


class StoredResponse(models.Model):
    """A response of the Responses API: which channel holds it, or, sealed, what was said. Its id is
    the provider's, or ours where we keep it.
    """

    response_id = models.CharField(max_length=200)
    user_id = models.BigIntegerField()
    channel_id = models.BigIntegerField()
    sealed = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("stored response")
        verbose_name_plural = _("stored responses")
        constraints = [
            models.UniqueConstraint(fields=["user_id", "response_id"], name="response_of_user")
        ]

    def __str__(self) -> str:
        return self.response_id


class CallText(models.Model):
    """What was asked and answered in one call, sealed; only where the operator wants it."""

    request_id = models.CharField(max_length=40, unique=True)
    user_id = models.BigIntegerField(db_index=True)
    prompt_sealed = models.TextField(blank=True)
    answer_sealed = models.TextField(blank=True)
    media = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("text of a call")
        verbose_name_plural = _("texts of calls")

    def __str__(self) -> str:
        return self.request_id

"""Web worker processes, and how far their journals have been shipped."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class WorkerState(models.TextChoices):
    OPEN = "open", _("running")
    EXPIRED = "expired", _("lost; its leases were returned")
    CLOSED = "closed", _("ended; everything shipped")


class Worker(models.Model):
    """One web worker process. The recorder of its node moves `segment` and `offset` with each
    shipment.
    """

    id = models.CharField(primary_key=True, max_length=32)
    node = models.CharField(_("node"), max_length=64)
    pid = models.PositiveIntegerField(_("process"), default=0)
    state = models.CharField(
        _("state"), max_length=8, choices=WorkerState, default=WorkerState.OPEN
    )
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    heartbeat_at = models.DateTimeField(_("last seen"), auto_now_add=True)
    segment = models.PositiveIntegerField(default=1)
    offset = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        indexes = [models.Index(fields=["state", "heartbeat_at"], name="worker_state_seen")]

    def __str__(self) -> str:
        return f"{self.node} {self.pid} {self.state}"


class Node(models.Model):
    """One machine (whatever shares a DATA_DIR), as its recorder tells it every few seconds."""

    name = models.CharField(_("node"), max_length=64, primary_key=True)
    version = models.CharField(_("version"), max_length=32)
    python = models.CharField(max_length=32)
    host = models.CharField(max_length=100)
    seen_at = models.DateTimeField(_("last seen"))
    started_at = models.DateTimeField(_("started"))
    waiting_bytes = models.PositiveBigIntegerField(_("not yet recorded"), default=0)

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")

    def __str__(self) -> str:
        return self.name

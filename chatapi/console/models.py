"""Who did what in the console and to whose account. Rows are only ever added."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """One act of a person, with what it changed; secrets appear as that they changed, never as
    what they are.

    Numbers and names instead of foreign keys: an entry outlives those it speaks of.
    """

    at = models.DateTimeField(_("time"), auto_now_add=True, db_index=True)
    actor_id = models.BigIntegerField(_("actor"), null=True)
    """None: the system, or a command."""
    actor_name = models.CharField(_("actor"), max_length=150)
    address = models.CharField(_("address"), max_length=64, blank=True)
    session = models.CharField(_("session"), max_length=32, blank=True, db_default="")
    """Of `session_mark`: what was done in one session has the same."""
    request_id = models.CharField(_("request id"), max_length=64, blank=True, db_default="")
    action = models.CharField(_("action"), max_length=64)
    """`noun.verb`: token.reveal, channel.change."""
    object_type = models.CharField(_("kind of object"), max_length=100, blank=True)
    """Django's label: accounts.User."""
    object_id = models.CharField(_("object"), max_length=64, blank=True)
    object_name = models.CharField(_("object"), max_length=200, blank=True)
    before: Any = models.JSONField(_("before"), default=dict, blank=True)
    after: Any = models.JSONField(_("after"), default=dict, blank=True)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["actor_id", "id"]),
            models.Index(fields=["object_type", "object_id", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.object_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            msg = "an entry of the audit log is never changed"
            raise TypeError(msg)
        super().save(*args, **kwargs)


class TaskRun(models.Model):
    """The last run of a piece of background work, whichever node did it.

    Short work only leaves its times and result. Long work goes in steps under a lease: `holder` has
    the right to the next step until `held_until`, and `waiting` is what is still to do.
    """

    name = models.CharField(_("name"), max_length=64, primary_key=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    milliseconds = models.PositiveBigIntegerField(_("duration, ms"), null=True)
    result = models.CharField(_("result"), max_length=200, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)
    holder = models.CharField(max_length=32, blank=True)
    held_until = models.DateTimeField(null=True)
    waiting: Any = models.JSONField(default=list)
    total = models.PositiveBigIntegerField(default=0)
    done = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")

    def __str__(self) -> str:
        return self.name

"""What stands beside channels: keys out of service, runs over many channels, news of models."""

from django.db import models


class DisabledKey(models.Model):
    """A key of a channel with several that is out of service. The key itself is not here: `tag`
    tells it from the others of its channel.
    """

    channel = models.ForeignKey(
        "channels_app.Channel", models.CASCADE, related_name="disabled_keys"
    )
    tag = models.CharField(max_length=16)
    reason = models.TextField(blank=True)
    """`code: detail`, as of a channel."""
    disabled_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "tag"], name="disabled_key_once")]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.tag}"


class ChannelJob(models.Model):
    """A run over many channels, one at a time of each name: who does it, and how far it is.

    `held_until` is the lease: a holder that died leaves a run that the next one may replace.
    """

    name = models.CharField(max_length=20, primary_key=True)
    holder = models.CharField(max_length=32, blank=True)
    held_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    waiting = models.JSONField(default=list)
    """Numbers of the channels still to come."""
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    acts = models.BooleanField(default=False)
    """Whether results switch channels off and on."""
    tells = models.BooleanField(default=False)
    """Whether operators are told of its end: somebody asked for it, not the timetable."""

    def __str__(self) -> str:
        return self.name


class ModelNews(models.Model):
    """What a provider's list of models says that its channel does not know yet.

    `known` is what was listed when somebody last looked, so that what the operator left out on
    purpose is no news; `ignored` are vanished names that somebody saw and kept.
    """

    channel = models.OneToOneField(
        "channels_app.Channel",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="model_news",
    )
    checked_at = models.DateTimeField(null=True)
    known = models.JSONField(default=list)
    ignored = models.JSONField(default=list)
    new = models.JSONField(default=list)
    vanished = models.JSONField(default=list)
    has_news = models.BooleanField(default=False)
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"models of channel {self.channel_id}"

"""Limits of tokens that begin anew."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatapi.accounts.models import Token


class Renews(models.TextChoices):
    NEVER = "never", _("never")
    DAILY = "daily", _("each day")
    MONTHLY = "monthly", _("each month")


class TokenRenewal(models.Model):
    """What is left of a token's limit is set back to `units` with each day or month of the server's
    zone. A limit that never renews has no row. Changed only under the lock of the token's budget.
    """

    token = models.OneToOneField(
        Token, on_delete=models.CASCADE, primary_key=True, related_name="renewal"
    )
    renews = models.CharField(_("renews"), max_length=8, choices=Renews)
    units = models.BigIntegerField(_("units"), validators=[MinValueValidator(1)])
    period_on = models.DateField()
    """The first day of the last period that was begun."""

    class Meta:
        verbose_name = _("renewal of a limit")
        verbose_name_plural = _("renewals of limits")
        indexes = [models.Index(fields=["renews", "period_on"], name="renewal_period")]
        constraints = [
            models.CheckConstraint(condition=models.Q(units__gt=0), name="renewal_units_positive")
        ]

    def __str__(self) -> str:
        return f"{self.units} {self.renews} for token {self.token_id}"

"""Redemption codes: credit that whoever knows the code gets."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.budget import LedgerEntry
from chatapi.accounts.models import User


class CodeState(models.IntegerChoices):
    """The numbers of the existing product."""

    UNUSED = 1, _("unused")
    DISABLED = 2, _("disabled")
    USED = 3, _("used")


class RedemptionCode(models.Model):
    """Found by the hash of its text; the text itself is kept sealed.

    Operators sell codes and must see them again, for example to print a list a second time. Sealed
    with the key ring they can, while a copy of the database alone redeems nothing.
    """

    name = models.CharField(_("name"), max_length=40, db_index=True)
    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    code_sealed = models.TextField(editable=False)
    hint = models.CharField(_("code"), max_length=16, editable=False)
    batch = models.CharField(_("batch"), max_length=32, db_index=True, editable=False)
    units = models.BigIntegerField(_("units"))
    valid_days = models.PositiveIntegerField(_("days of validity"), null=True, blank=True)
    """Of the credit, counted from the redemption; None: it never expires."""
    expires_at = models.DateTimeField(_("redeemable until"), null=True, blank=True)
    state = models.PositiveSmallIntegerField(
        _("state"), choices=CodeState, default=CodeState.UNUSED
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.CharField(_("by"), max_length=150, blank=True)
    redeemed_at = models.DateTimeField(_("redeemed"), null=True, blank=True)
    redeemed_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="redeemed_codes",
        verbose_name=_("redeemed by"),
    )
    entry = models.OneToOneField(
        LedgerEntry, on_delete=models.PROTECT, null=True, related_name="redemption_code"
    )

    class Meta:
        verbose_name = _("redemption code")
        verbose_name_plural = _("redemption codes")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(units__gt=0), name="redemption_code_units_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"

    def seal(self, text: str) -> None:
        self.code_sealed = settings.KEY_RING.seal(text, self.place())

    def read(self) -> str:
        """The code in clear. Raises Undecipherable."""
        text: str = settings.KEY_RING.unseal(self.code_sealed, self.place())
        return text

    def place(self) -> str:
        """Known before the row has a number, and of no other row."""
        return f"billing:redemption_code:{self.code_hash}"

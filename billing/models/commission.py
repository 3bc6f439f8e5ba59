"""Commission that inviters earn: an account of their own, and what they want paid out of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.budget import Budget
from chatapi.accounts.models import User


class CommissionOwner(models.Model):
    """Makes a user's commission account unique on every database, as WalletOwner its wallet."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="commission_owner"
    )
    budget = models.OneToOneField(Budget, on_delete=models.CASCADE, related_name="commission_owner")

    def __str__(self) -> str:
        return f"commission account {self.budget_id} of user {self.user_id}"


class WithdrawalState(models.IntegerChoices):
    """The numbers of the existing product. pending → approved, rejected; approved → processed,
    rejected; the others are final.
    """

    PENDING = 1, _("waiting")
    APPROVED = 2, _("approved")
    REJECTED = 3, _("rejected")
    PROCESSED = 4, _("paid out")


class Withdrawal(models.Model):
    """Commission that its owner wants to have as money; it left the account when this was made."""

    number = models.CharField(_("number"), max_length=32, unique=True)
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="withdrawals", verbose_name=_("user")
    )
    units = models.BigIntegerField(_("units"))
    account = models.CharField(_("account"), max_length=200)
    state = models.PositiveSmallIntegerField(
        _("state"), choices=WithdrawalState, default=WithdrawalState.PENDING, db_index=True
    )
    comment = models.CharField(_("remark"), max_length=1000, blank=True)
    """Of the operator; the user sees it."""
    created_at = models.DateTimeField(_("requested"), auto_now_add=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    processed_at = models.DateTimeField(_("paid out"), null=True)
    processed_by = models.CharField(_("paid out by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")
        indexes = [models.Index(fields=["user", "id"], name="withdrawal_user")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(units__gt=0), name="withdrawal_units_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.number

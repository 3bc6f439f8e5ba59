"""Budgets, the leases taken out of them, the ledger, and the lots that credit came in."""

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapi.accounts.models import Token, User


class BudgetKind(models.TextChoices):
    WALLET = "wallet", _("wallet")
    TOKEN = "token", _("token limit")
    COMMISSION = "commission", _("commission account")


class Budget(models.Model):
    """Units that something may spend. Only ever changed by conditional updates, never by `save`."""

    kind = models.CharField(_("kind"), max_length=16, choices=BudgetKind)
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="budgets", verbose_name=_("user")
    )
    token = models.OneToOneField(
        Token,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="budget",
        verbose_name=_("token"),
    )
    remaining = models.BigIntegerField(_("remaining units"), default=0)
    used = models.BigIntegerField(_("used units"), default=0)

    class Meta:
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(remaining__gte=0), name="budget_remaining_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{BudgetKind(self.kind).label} {self.pk}"


class WalletOwner(models.Model):
    """Makes a user's wallet unique on every database (a partial unique index is not available on
    all).
    """

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="wallet_owner"
    )
    budget = models.OneToOneField(Budget, on_delete=models.CASCADE, related_name="wallet_owner")

    def __str__(self) -> str:
        return f"wallet {self.budget_id} of user {self.user_id}"


class Lease(models.Model):
    """Units that one worker took out of a budget and that are not yet charged or given back."""

    worker = models.ForeignKey("billing.Worker", on_delete=models.CASCADE, related_name="leases")
    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="leases")
    amount = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("lease")
        verbose_name_plural = _("leases")
        constraints = [
            models.UniqueConstraint(fields=["worker", "budget"], name="lease_worker_budget"),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0), name="lease_amount_not_negative"
            ),
        ]

    def __str__(self) -> str:
        values = {"amount": self.amount, "budget": self.budget_id, "worker": self.worker_id}
        return gettext("%(amount)s of %(budget)s by %(worker)s") % values


class LedgerKind(models.TextChoices):
    CREDIT = "credit", _("credit by an operator")
    DEBIT = "debit", _("debit by an operator")
    TOPUP = "topup", _("top-up")
    REDEEM = "redeem", _("redemption code")
    GIFT = "gift", _("gift")
    LIMIT = "limit", _("limit of a token")
    EXPIRE = "expire", _("expired credit")
    REFUND = "refund", _("refund")
    ARCHIVE = "archive", _("archived usage")
    RECLAIM = "reclaim", _("refunded recharge")
    COMMISSION = "commission", _("commission")
    INVITATION = "invitation", _("invitation")
    TRANSFER = "transfer", _("transfer of commission")
    WITHDRAWAL = "withdrawal", _("withdrawal")
    RETURN = "return", _("rejected withdrawal")


class LedgerEntry(models.Model):
    """One movement of a budget that is not usage. Written once, never changed."""

    budget = models.ForeignKey(
        Budget, on_delete=models.PROTECT, related_name="entries", verbose_name=_("budget")
    )
    amount = models.BigIntegerField(_("units"))
    kind = models.CharField(_("kind"), max_length=16, choices=LedgerKind)
    reference = models.CharField(_("reference"), max_length=120, unique=True)
    actor = models.CharField(_("by"), max_length=150, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")
        indexes = [models.Index(fields=["created_at"], name="ledger_time")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.reference}"


class RechargeLot(models.Model):
    """Credit that came in together and expires together; `left` is what usage has not consumed
    yet.
    """

    budget = models.ForeignKey(
        Budget, on_delete=models.PROTECT, related_name="lots", verbose_name=_("budget")
    )
    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, related_name="lot")
    amount = models.BigIntegerField(_("units"))
    left = models.BigIntegerField(_("units left"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=16, choices=LedgerKind)
    warned_days = models.PositiveSmallIntegerField(null=True, editable=False)
    """The owner was told that it ends within so many days."""

    class Meta:
        verbose_name = _("recharge lot")
        verbose_name_plural = _("recharge lots")
        indexes = [
            models.Index(fields=["budget", "left"], name="lot_budget_left"),
            models.Index(fields=["expires_at"], name="lot_expires"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(left__gte=0) & models.Q(left__lte=models.F("amount")),
                name="lot_left_within_amount",
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

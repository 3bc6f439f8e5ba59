"""Recharge orders, and what the gateways told of them."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.budget import LedgerEntry
from chatapi.accounts.models import User


class OrderState(models.TextChoices):
    """pending → paid, closed; closed → paid (a late payment counts); paid → refunded, charged_back;
    refunded → charged_back. A dispute that is won changes nothing: the credit is given by hand.
    """

    PENDING = "pending", _("waiting for payment")
    PAID = "paid", _("paid and credited")
    CLOSED = "closed", _("closed without payment")
    REFUNDED = "refunded", _("refunded")
    CHARGED_BACK = "charged_back", _("charged back")


class Order(models.Model):
    """A recharge that somebody wants to pay. What is paid for what is frozen when it is made; the
    state is only changed by conditional updates, in the transaction of the credit.
    """

    number = models.CharField(_("order number"), max_length=32, unique=True)
    """Date and 80 random bits: nobody can guess one."""
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="orders", verbose_name=_("user")
    )
    gateway = models.CharField(_("gateway"), max_length=16)
    method = models.CharField(_("method"), max_length=16)
    merchant = models.CharField(_("merchant"), max_length=64, blank=True)
    """Our account at the gateway, as notices must name it."""
    usd = models.PositiveIntegerField(_("credit in $"))
    units = models.BigIntegerField(_("units"))
    money = models.DecimalField(_("price"), max_digits=16, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    valid_days = models.PositiveIntegerField(_("days of validity"), null=True)
    """None: the credit never expires."""
    price_parts: Any = models.JSONField(default=dict)
    """`rate`, `group`, `factor`, `discount`: what the price was made of."""
    state = models.CharField(
        _("state"), max_length=16, choices=OrderState, default=OrderState.PENDING
    )
    created_at = models.DateTimeField(_("ordered"), auto_now_add=True)
    paid_at = models.DateTimeField(_("paid"), null=True)
    closed_at = models.DateTimeField(_("closed"), null=True)
    trade_key = models.CharField(max_length=160, unique=True, null=True)  # noqa: DJ001 -- unpaid orders have none
    """`gateway:number`: no payment of the gateway pays two orders."""
    session = models.CharField(max_length=120, blank=True, db_index=True)
    """The gateway's name of the checkout, where it has one."""
    pay_url = models.TextField(blank=True)
    """Where a checkout that was made at the gateway is paid."""
    entry = models.OneToOneField(
        LedgerEntry, on_delete=models.PROTECT, null=True, related_name="order"
    )
    ask_at = models.DateTimeField(null=True, db_index=True)
    """When the gateway is asked next; None: no more."""
    asked_count = models.PositiveSmallIntegerField(default=0)
    refunded_money = models.DecimalField(_("refunded"), max_digits=16, decimal_places=2, default=0)
    reclaim_units = models.BigIntegerField(default=0)
    """Credit that refunds took back or should have."""
    reclaimed_units = models.BigIntegerField(default=0)
    """What of it was still there to be taken."""
    reclaim_until = models.DateTimeField(null=True, db_index=True)
    """So long credit that calls hold is asked for again."""

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        indexes = [
            models.Index(fields=["user", "id"], name="order_user"),
            models.Index(fields=["state", "id"], name="order_state"),
            models.Index(fields=["created_at"], name="order_time"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(units__gt=0) & models.Q(money__gt=0), name="order_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(reclaimed_units__lte=models.F("reclaim_units"))
                & models.Q(reclaim_units__lte=models.F("units")),
                name="order_reclaimed_within_units",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def uncollectable_units(self) -> int:
        """Refunded credit that had been used already."""
        return self.reclaim_units - self.reclaimed_units


class Verdict(models.TextChoices):
    """What a notice came to."""

    CREDITED = "credited", _("credited")
    REPEATED = "repeated", _("known already")
    NOTED = "noted", _("noted")
    CLOSED = "closed", _("order closed")
    TAKEN_BACK = "taken_back", _("credit taken back")
    REFUSED = "refused", _("refused")
    ORPHAN = "orphan", _("no such order")


class PaymentNotice(models.Model):
    """One thing that a gateway, or an operator, said of an order. Rows are only ever added."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, null=True, related_name="notices", verbose_name=_("order")
    )
    """None: well signed, but of no order that we know."""
    gateway = models.CharField(_("gateway"), max_length=16)
    source = models.CharField(_("source"), max_length=16)
    """notify, query, operator."""
    verdict = models.CharField(_("result"), max_length=16, choices=Verdict)
    reason = models.CharField(_("reason"), max_length=64, blank=True)
    key = models.CharField(max_length=160, unique=True, null=True)  # noqa: DJ001 -- most have none
    """Makes what is kept once unique: an event of the gateway, an orphaned payment."""
    data: Any = models.JSONField(_("content"), default=dict)
    """Chosen fields, cut short: never a signature, a secret, or a payer's name."""
    actor = models.CharField(_("by"), max_length=150, blank=True)
    address = models.CharField(_("address"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("time"), auto_now_add=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    """When an operator dealt with an orphan."""

    class Meta:
        verbose_name = _("payment notice")
        verbose_name_plural = _("payment notices")
        indexes = [
            models.Index(fields=["order", "id"], name="notice_order"),
            models.Index(fields=["verdict", "id"], name="notice_verdict"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.verdict} #{self.pk}"

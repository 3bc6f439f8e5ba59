"""On the console's first page: what of people's money waits for an operator."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing.models import PaymentNotice, Verdict, Withdrawal, WithdrawalState
from chatapi.console.panels import Panel


def read_waiting() -> Mapping[str, Any]:
    """Counts with links; nothing is shown when nothing waits."""
    requested = Withdrawal.objects.filter(state=WithdrawalState.PENDING).count()
    approved = Withdrawal.objects.filter(state=WithdrawalState.APPROVED).count()
    orphans = PaymentNotice.objects.filter(verdict=Verdict.ORPHAN, settled_at=None).count()
    page = reverse("admin:billing_withdrawal_changelist")
    notices = reverse("admin:billing_paymentnotice_changelist")
    rows = [
        (_("Withdrawals to decide"), requested, f"{page}?state={WithdrawalState.PENDING}"),
        (_("Withdrawals to pay out"), approved, f"{page}?state={WithdrawalState.APPROVED}"),
        (_("Payments without an order"), orphans, f"{notices}?verdict={Verdict.ORPHAN}"),
    ]
    return {"rows": [row for row in rows if row[1]]}


admin.site.panels.append(  # type: ignore[attr-defined]
    Panel(5, "admin/panels/waiting.html", read_waiting)
)

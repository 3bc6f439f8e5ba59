"""Background work on money. Every effect happens once, however often a task runs."""

import structlog
from celery import shared_task
from django.conf import settings

from billing.alerts import repeat_reports, watch_balances
from billing.audit import Audit, audit_budgets
from billing.cleaning import clean, go_on
from billing.journal_lag import watch_journals
from billing.lots import expire_lots, warn_of_expiry
from billing.payments.asking import ask_due_orders
from billing.payments.reclaiming import reclaim_again
from billing.renewals import renew_limits
from chatapi.lib.node import node_name
from chatapi.options.feed import forget_old_changes

__all__ = ["clean", "go_on"]

log = structlog.get_logger("billing")


@shared_task(name="billing.expire_lots")
def expire_due_lots() -> int:
    return expire_lots()


@shared_task(name="billing.renew_limits")
def renew_token_limits() -> int:
    return renew_limits()


@shared_task(name="billing.audit")
def audit_all() -> int:
    return report_audit(audit_budgets())


@shared_task(name="billing.check_balances")
def check_all_balances() -> int:
    """The part of the audit that is cheap however many calls there were."""
    return report_audit(audit_budgets(reads_usage=False))


def report_audit(found: Audit) -> int:
    for row in found.differences:
        log.error("audit_difference", budget=row.budget_id, missing=row.missing)
    return len(found.differences)


@shared_task(name="billing.forget_changes")
def forget_changes() -> None:
    forget_old_changes()


@shared_task(name="billing.ask_orders")
def ask_orders() -> int:
    """Orders without a notice, and refunded credit that calls held."""
    reclaim_again()
    return ask_due_orders()


@shared_task(name="billing.watch_balances")
def watch_all_balances() -> int:
    return watch_balances() + repeat_reports()


@shared_task(name="billing.watch_journals")
def watch_own_journals() -> None:
    watch_journals(settings.DATA_DIR / "journal", node_name(settings.DATA_DIR))


@shared_task(name="billing.warn_of_expiry")
def warn_owners() -> int:
    return warn_of_expiry()

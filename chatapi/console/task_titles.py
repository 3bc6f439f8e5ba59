"""What the pieces of the timetable are called for people, and what long runs say of themselves."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

TITLES: dict[str, Any] = {
    "accounts.forget_sessions": _("Forget sessions that ended"),
    "accounts.mail_links": _("Mail links for new passwords"),
    "billing.ask_orders": _("Ask payment providers for orders without a notice"),
    "billing.audit": _("Audit all balances"),
    "billing.check_balances": _("Check all balances without their calls"),
    "billing.clean": _("Clean up logs by their age"),
    "billing.expire_lots": _("Let credit expire"),
    "billing.forget_changes": _("Forget old changes"),
    "billing.renew_limits": _("Renew tokens' limits"),
    "billing.warn_of_expiry": _("Warn of credit that expires soon"),
    "billing.watch_balances": _("Tell users of low balances and due reports"),
    "billing.watch_journals": _("Watch the journals' lag"),
    "channels.refresh_balances_when_due": _("Refresh the channels' balances, when due"),
    "channels.retest": _("Test disabled channels again"),
    "channels.test_when_due": _("Test all channels, when due"),
    "channels.watch_models_when_due": _("Watch the providers' lists of models, when due"),
    "notifications.forget": _("Forget old notices"),
    "notifications.send": _("Send notices"),
    "relay.forget_responses": _("Forget expired responses"),
    "relay.forget_texts": _("Forget old prompts and answers"),
    "relay.poll_midjourney": _("Ask for Midjourney tasks"),
}


@dataclass(frozen=True, slots=True)
class LongRun:
    """A run in steps, as the page of tasks shows it."""

    title: Any
    started_at: datetime | None
    done: int
    total: int
    failed: int
    is_running: bool
    is_broken_off: bool


LONG_RUNS: list[Callable[[], Iterable[LongRun]]] = []
"""Apps add their own."""

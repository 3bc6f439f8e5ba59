"""What people can be told of: for each event its texts, facts and manners. Texts are of the
catalogue; `%(name)s` stands for a fact.

The data of a notice may hold any of `FACTS`: whoever tells an event gives what it knows, and what
is missing is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

TEXT, UNITS, MOMENT, BYTES, NUMBER, WORD = "text", "units", "moment", "bytes", "number", "word"
WINDOW_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Fact:
    """How a value is shown. `WORD`: a code, or a text of the catalogue."""

    label: Any
    kind: str = TEXT


FACTS: Mapping[str, Fact] = {
    "user": Fact(_("User")),
    "invitee": Fact(_("Invited")),
    "units": Fact(_("Amount"), UNITS),
    "balance_units": Fact(_("Balance"), UNITS),
    "threshold_units": Fact(_("Limit"), UNITS),
    "uncollectable_units": Fact(_("Not collectable"), UNITS),
    "price": Fact(_("Amount paid")),
    "kind": Fact(_("Kind"), WORD),
    "order": Fact(_("Order")),
    "trade": Fact(_("Payment")),
    "gateway": Fact(_("Gateway")),
    "channel": Fact(_("Channel")),
    "key": Fact(_("Key")),
    "number": Fact(_("Number"), NUMBER),
    "state": Fact(_("State"), WORD),
    "reason": Fact(_("Reason"), WORD),
    "detail": Fact(_("Detail")),
    "comment": Fact(_("Note")),
    "address": Fact(_("IP address")),
    "browser": Fact(_("Browser")),
    "code": Fact(_("Code")),
    "expires_at": Fact(_("Expires"), MOMENT),
    "at": Fact(_("When"), MOMENT),
    "total": Fact(_("Tested"), NUMBER),
    "passed": Fact(_("Passed"), NUMBER),
    "failed": Fact(_("Failed"), NUMBER),
    "node": Fact(_("Node")),
    "bytes": Fact(_("Waiting"), BYTES),
}
WORDS: Mapping[str, str] = {
    "orphan": gettext_noop("paid, but there is no such order"),
    "paid_again": gettext_noop("the order was paid once more, with another payment"),
    "signature": gettext_noop("the signature is wrong"),
    "malformed": gettext_noop("it can't be read"),
    "amount": gettext_noop("another amount than the order's"),
    "currency": gettext_noop("another currency than the order's"),
    "merchant": gettext_noop("another merchant than ours"),
    "trade_used": gettext_noop("the same payment was told for another order"),
    "dispute_won": gettext_noop("dispute won"),
    "warning_needs_response": gettext_noop("waits for an answer"),
    "warning_under_review": gettext_noop("the bank reads the answer"),
    "warning_closed": gettext_noop("closed, no money was taken"),
    "topup": gettext_noop("top-up"),
    "redeem": gettext_noop("redemption code"),
    "gift": gettext_noop("gift"),
    "credit": gettext_noop("credit by an operator"),
    "invitation": gettext_noop("invitation"),
    "transfer": gettext_noop("transfer of commission"),
    "pending": gettext_noop("waiting"),
    "approved": gettext_noop("approved"),
    "rejected": gettext_noop("rejected"),
    "processed": gettext_noop("paid out"),
    "paid": gettext_noop("was paid"),
    "refunded": gettext_noop("refunded"),
    "charged_back": gettext_noop("charged back"),
}
"""Codes of other modules that have no text of their own."""


@dataclass(frozen=True, slots=True)
class Page:
    """Of the site, and what a link there is called."""

    path: str
    action: str


OPEN = gettext_noop("Open")
NOWHERE = Page("", "")
TOPUP = Page("/topup", gettext_noop("Top up"))
ORDERS = Page("/orders", gettext_noop("Show orders"))
LOTS = Page("/lots", gettext_noop("Show credit"))
INVITATIONS = Page("/invitations", gettext_noop("Show invitations"))
WITHDRAWALS = Page("/withdrawal", gettext_noop("Show withdrawals"))
ALL_WITHDRAWALS = Page("/admin/billing/withdrawal/", gettext_noop("Show withdrawals"))
SESSIONS = Page("/security", gettext_noop("Look at sessions"))
CHANNELS = Page("/admin/channels_app/channel/", gettext_noop("Show channels"))
PAYMENT_NOTICES = Page("/admin/billing/paymentnotice/", OPEN)
WORKERS = Page("/admin/billing/worker/", OPEN)


@dataclass(frozen=True, slots=True)
class Event:
    """`title` is for pages where events are chosen. `page` has more of it; `window_seconds`: so
    long the same is told once, and counted; 0: each is told.
    """

    name: str
    title: Any
    subject: str
    lead: str
    facts: tuple[str, ...]
    page: Page = NOWHERE
    for_users: bool = False
    for_operators: bool = False
    is_on: bool = True
    window_seconds: int = WINDOW_SECONDS
    operators_subject: str = ""
    operators_lead: str = ""


CONFIRM = "confirm_address"
TEST = "test"

_EVENTS = (
    Event(
        "balance_low",
        _("Balance is low"),
        gettext_noop("Your balance is low: %(balance_units)s"),
        gettext_noop("Your balance fell below your limit. When it is used up, calls are refused."),
        ("balance_units", "threshold_units"),
        page=TOPUP,
        for_users=True,
    ),
    Event(
        "balance_used_up",
        _("Balance is used up"),
        gettext_noop("Your balance is used up"),
        gettext_noop("Calls are refused until you top up."),
        ("balance_units",),
        page=TOPUP,
        for_users=True,
    ),
    Event(
        "balance_report",
        _("Repeated reminder of a low balance"),
        gettext_noop("Reminder: your balance is %(balance_units)s"),
        gettext_noop("Your balance is still below the limit of your reminder."),
        ("balance_units", "threshold_units"),
        page=TOPUP,
        for_users=True,
        window_seconds=0,
    ),
    Event(
        "recharge_done",
        _("Credit was added"),
        gettext_noop("%(units)s was added to your balance"),
        gettext_noop("Your credit has arrived. Thank you."),
        ("units", "price", "kind", "order"),
        page=ORDERS,
        for_users=True,
        for_operators=True,
        window_seconds=0,
        operators_subject=gettext_noop("%(user)s topped up %(units)s"),
        operators_lead=gettext_noop("A payment came in and was credited."),
    ),
    Event(
        "order_refunded",
        _("A payment was refunded"),
        gettext_noop("Order %(order)s: the payment was refunded"),
        gettext_noop("The payment of this order was refunded or disputed."),
        ("order", "units", "uncollectable_units", "price", "state"),
        page=ORDERS,
        for_users=True,
        for_operators=True,
        window_seconds=0,
    ),
    Event(
        "lot_expiring",
        _("Credit expires soon"),
        gettext_noop("%(units)s of your credit expire soon"),
        gettext_noop("Credit that is not used before this time is lost."),
        ("units", "expires_at"),
        page=LOTS,
        for_users=True,
    ),
    Event(
        "lot_expired",
        _("Credit has expired"),
        gettext_noop("%(units)s of your credit have expired"),
        gettext_noop("This credit was not used in time and was taken off your balance."),
        ("units", "expires_at"),
        page=LOTS,
        for_users=True,
    ),
    Event(
        "invitation_reward",
        _("Reward for an invitation"),
        gettext_noop("You got %(units)s for an invitation"),
        gettext_noop("Somebody whom you invited brought you a reward."),
        ("units", "invitee"),
        page=INVITATIONS,
        for_users=True,
    ),
    Event(
        "withdrawal_changed",
        _("A withdrawal went on"),
        gettext_noop("Your withdrawal of %(units)s: %(state)s"),
        gettext_noop("There is news of your withdrawal."),
        ("number", "units", "state", "comment"),
        page=WITHDRAWALS,
        for_users=True,
        window_seconds=0,
    ),
    Event(
        "withdrawal_requested",
        _("A withdrawal was requested"),
        gettext_noop("%(user)s asks for a withdrawal of %(units)s"),
        gettext_noop("A withdrawal waits for a decision."),
        ("number", "user", "units"),
        page=ALL_WITHDRAWALS,
        for_operators=True,
        window_seconds=0,
    ),
    Event(
        "new_sign_in",
        _("Sign-in from a new browser"),
        gettext_noop("New sign-in to your account"),
        gettext_noop(
            "Somebody signed in from a browser that was not seen before. If it was not you, "
            "change your password."
        ),
        ("address", "browser", "at"),
        page=SESSIONS,
        for_users=True,
    ),
    Event(
        "channel_disabled",
        _("Channel was disabled"),
        gettext_noop("Channel %(channel)s was disabled"),
        gettext_noop("The channel was taken out of service automatically."),
        ("channel", "number", "reason", "detail"),
        page=CHANNELS,
        for_operators=True,
    ),
    Event(
        "key_disabled",
        _("Key of a channel was disabled"),
        gettext_noop("Channel %(channel)s: key %(key)s was disabled"),
        gettext_noop(
            "One of the channel's keys was taken out of service automatically. The others go on."
        ),
        ("channel", "number", "key", "reason", "detail"),
        page=CHANNELS,
        for_operators=True,
    ),
    Event(
        "channel_enabled",
        _("Channel is back"),
        gettext_noop("Channel %(channel)s is back in service"),
        gettext_noop("The channel passed its test and was put back into service."),
        ("channel", "number"),
        page=CHANNELS,
        for_operators=True,
    ),
    Event(
        "test_report",
        _("Test of all channels"),
        gettext_noop("Channels tested: %(passed)s passed, %(failed)s failed"),
        gettext_noop("The test of all channels is done."),
        ("total", "passed", "failed"),
        page=CHANNELS,
        for_operators=True,
    ),
    Event(
        "callback_failed",
        _("Payment notice was refused"),
        gettext_noop("A payment notice of %(gateway)s was refused"),
        gettext_noop(
            "Either the gateway is not set up as here, or somebody tries to get credit for nothing."
        ),
        ("gateway", "reason", "order", "trade", "price"),
        page=PAYMENT_NOTICES,
        for_operators=True,
        # Nonsense is told rarely as it is, and money may not be counted with it.
        window_seconds=0,
    ),
    Event(
        "order_inquiry",
        _("A bank asks about a payment"),
        gettext_noop("Order %(order)s: the payer's bank asks about the payment"),
        gettext_noop(
            "No money is taken while the bank only asks. Answer it at the gateway, so that it does "
            "not become a dispute."
        ),
        ("order", "price", "state"),
        page=PAYMENT_NOTICES,
        for_operators=True,
        window_seconds=0,
    ),
    Event(
        "journal_lag",
        _("Usage is shipped late"),
        gettext_noop("Node %(node)s ships its usage late"),
        gettext_noop(
            "Calls are journalled, but they do not reach the database. Look at the recorder of "
            "this node."
        ),
        ("node", "bytes"),
        page=WORKERS,
        for_operators=True,
        window_seconds=3600,
    ),
    Event(
        CONFIRM,
        _("Confirmation of an address"),
        gettext_noop("Confirm your e-mail address"),
        gettext_noop("Type this code on the page of your alerts. If it was not you, do nothing."),
        ("user", "code"),
        window_seconds=0,
    ),
    Event(
        TEST,
        _("Test message"),
        gettext_noop("This is a test"),
        gettext_noop("Whoever reads this is reached this way."),
        (),
        window_seconds=0,
    ),
)
EVENTS: Mapping[str, Event] = {event.name: event for event in _EVENTS}


def find_event(name: str) -> Event:
    """An unknown one is told to whom it is for, by its name."""
    known = EVENTS.get(name)
    if known is not None:
        return known
    return Event(name, name, name, "", tuple(FACTS), for_users=True, for_operators=True)


def user_events() -> list[Event]:
    """Those that a user may choose."""
    return [event for event in _EVENTS if event.for_users]

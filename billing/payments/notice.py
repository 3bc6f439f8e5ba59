"""What a gateway says of an order, in one form for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

MOST_FIELDS = 20
MOST_LETTERS = 120


class Told(Enum):
    PAID = "paid"
    WAITING = "waiting"
    FAILED = "failed"
    """It will never be paid."""
    REFUNDED = "refunded"
    """`money` is what was refunded so far, all refunds together."""
    INQUIRY = "inquiry"
    """The payer's bank asks; no money has moved."""
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"


@dataclass(frozen=True, slots=True)
class Notice:
    """Authentic, and not yet compared with the order. Empty: the gateway does not say it."""

    gateway: str
    told: Told
    number: str = ""
    """Our order number."""
    session: str = ""
    trade: str = ""
    """The gateway's number of the payment."""
    merchant: str = ""
    method: str = ""
    money: Decimal | None = None
    currency: str = ""
    event: str = ""
    """The gateway's number of this notice."""
    data: Mapping[str, str] = field(default_factory=dict)
    """What is kept of it: see `keep_fields`."""

    @property
    def trade_key(self) -> str | None:
        return f"{self.gateway}:{self.trade}" if self.trade else None


class NoticeRefused(Exception):
    """Not authentic, or no notice at all. `number` is what it claims, to be shown with that
    order if there is one; without what PostgreSQL stores in no text.
    """

    def __init__(self, reason: str, number: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.number = number.replace("\x00", "")


class NotConfigured(Exception):
    """The operator has not set this gateway up: nothing it is said to say is believed."""


class GatewayFailed(Exception):
    """The gateway could not be asked, or its answer made no sense; the text is for operators."""


def keep_fields(values: Mapping[str, object], names: tuple[str, ...]) -> dict[str, str]:
    """These fields as short texts: notices are shown to operators, and anybody may send them."""
    kept = {name: str(values[name])[:MOST_LETTERS] for name in names if name in values}
    return dict(list(kept.items())[:MOST_FIELDS])

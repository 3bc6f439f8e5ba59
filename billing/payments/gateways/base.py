"""What every gateway can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from billing.models import Order
from billing.payments.notice import Notice


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay that the operator offers."""

    gateway: str
    method: str
    label: Any
    currency: str

    @property
    def key(self) -> str:
        return f"{self.gateway}:{self.method}"


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses of ours that a gateway is told."""

    notify_url: str
    return_url: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the customer pays: a link, or a form that is posted there when there are fields."""

    url: str
    fields: Mapping[str, str] = field(default_factory=dict)
    session: str = ""


class Gateway(Protocol):
    """A gateway that is set up."""

    @property
    def name(self) -> str: ...

    @property
    def merchant(self) -> str:
        """Our account there, as its notices name it."""
        ...

    @property
    def currency(self) -> str: ...

    @property
    def factor(self) -> Decimal:
        """From the currency of the price list to its own."""
        ...

    @property
    def digits(self) -> int:
        """After the point, in its currency."""
        ...

    def begin(self, order: Order, places: Places) -> Checkout:
        """Raises GatewayFailed."""
        ...

    def ask(self, order: Order) -> Notice | None:
        """What the gateway knows of the order now; None: nothing. Raises GatewayFailed."""
        ...

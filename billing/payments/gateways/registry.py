"""Which gateways there are, and which of them the operator has set up."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from billing.payments.gateways.base import Gateway, Way
from billing.payments.gateways.epay import epay_ways, read_epay
from billing.payments.notice import NotConfigured
from chatapi.options.secret_options import read_secret

if TYPE_CHECKING:
    from billing.payments.gateways.stripe_checkout import StripeCheckout

EPAY, STRIPE = "epay", "stripe"


def read_stripe() -> "StripeCheckout":
    """Stripe's library takes 16 MB of a worker: it is loaded for those that have set it up."""
    if not read_secret("StripeSecretKey"):
        raise NotConfigured(STRIPE)
    from billing.payments.gateways import stripe_checkout  # noqa: PLC0415 -- see above

    return stripe_checkout.read_stripe()


READERS: dict[str, Callable[[], Gateway]] = {EPAY: read_epay, STRIPE: read_stripe}
LABELS = {EPAY: "Epay", STRIPE: "Stripe"}


def open_gateway(name: str) -> Gateway:
    """Raises NotConfigured, also for a name that there is not."""
    reader = READERS.get(name)
    if reader is None:
        raise NotConfigured(name)
    return reader()


def read_ways(values: Mapping[str, Any]) -> list[Way]:
    """All ways to pay that are offered now."""
    ways = epay_ways(values)
    if read_secret("StripeSecretKey"):
        from billing.payments.gateways import stripe_checkout  # noqa: PLC0415 -- see read_stripe

        ways += stripe_checkout.stripe_ways(values)
    return ways

"""Stripe Checkout: a session with our price, and events signed over the raw body.

https://docs.stripe.com/checkout/fulfillment, https://docs.stripe.com/webhooks/signature and
https://docs.stripe.com/disputes/how-disputes-work
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import stripe
from django.utils.translation import gettext_lazy as _

from billing.models import Order
from billing.payments.gateways.base import Checkout, Places, Way
from billing.payments.notice import (
    GatewayFailed,
    NotConfigured,
    Notice,
    NoticeRefused,
    Told,
    keep_fields,
)
from chatapi.options.secret_options import read_secret
from chatapi.options.snapshot import read_values

stripe.enable_telemetry = False
NAME = "stripe"
METHOD = "card"
TOLERANCE_SECONDS = 300
LEAST_SECRET = 8
TIMEOUT_SECONDS = 20
WITHOUT_CENTS = frozenset({"JPY", "KRW"})
"""Of the currencies on offer: https://docs.stripe.com/currencies#zero-decimal"""
KEPT = (
    "id",
    "object",
    "payment_intent",
    "payment_status",
    "status",
    "amount",
    "amount_total",
    "amount_refunded",
    "currency",
    "charge",
    "reason",
)
FUNDS_WITHDRAWN = "charge.dispute.funds_withdrawn"
TOLD = {
    "checkout.session.completed": Told.PAID,
    "checkout.session.async_payment_succeeded": Told.PAID,
    "checkout.session.async_payment_failed": Told.FAILED,
    "checkout.session.expired": Told.FAILED,
    "charge.refunded": Told.REFUNDED,
    "charge.dispute.created": Told.DISPUTED,
    FUNDS_WITHDRAWN: Told.DISPUTED,
    "charge.dispute.closed": Told.DISPUTE_WON,
}


@dataclass(frozen=True, slots=True, repr=False)
class StripeCheckout:
    """The operator's account at Stripe."""

    secret_key: str
    webhook_secret: str
    currency: str
    factor: Decimal
    api_address: str
    name: str = NAME

    @property
    def merchant(self) -> str:
        """Test and live mode of an account are two: events of one must not pay in the other."""
        return "live" if "_live_" in self.secret_key[:9] else "test"

    @property
    def digits(self) -> int:
        return 0 if self.currency in WITHOUT_CENTS else 2

    def begin(self, order: Order, places: Places) -> Checkout:
        parameters: Any = {
            "mode": "payment",
            "client_reference_id": order.number,
            "metadata": {"order": order.number},
            # So that refunds and disputes know the order too.
            "payment_intent_data": {"metadata": {"order": order.number}},
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": order.currency.lower(),
                        "unit_amount": self._to_coins(order.money),
                        "product_data": {"name": f"API credit {order.usd} USD"},
                    },
                }
            ],
            "success_url": places.return_url,
            "cancel_url": places.return_url,
        }
        try:
            session = self._client().v1.checkout.sessions.create(
                parameters, {"idempotency_key": order.number}
            )
        except stripe.StripeError as error:
            raise GatewayFailed(type(error).__name__) from None
        return Checkout(session.url or "", session=session.id)

    def ask(self, order: Order) -> Notice | None:
        if not order.session:
            return None
        try:
            session = self._client().v1.checkout.sessions.retrieve(order.session)
        except stripe.StripeError as error:
            raise GatewayFailed(type(error).__name__) from None
        found = json.loads(str(session))
        told = Told.FAILED if found.get("status") == "expired" else Told.PAID
        return self._of_session(told, found, is_live=bool(found.get("livemode")))

    def read_notice(self, body: bytes, signature: str) -> Notice:
        """Raises NoticeRefused for what Stripe did not sign within the last five minutes."""
        try:
            stripe.WebhookSignature.verify_header(
                body, signature, self.webhook_secret, TOLERANCE_SECONDS
            )
            event: Any = json.loads(body)
        except stripe.SignatureVerificationError as error:
            raise NoticeRefused("signature") from error
        except (ValueError, RecursionError) as error:
            raise NoticeRefused("malformed") from error
        content = read_content(event)
        if not content or event.get("account"):
            raise NoticeRefused("malformed")
        is_live = bool(event.get("livemode"))
        kind, event_id = str(event.get("type")), str(event.get("id"))[:120]
        told = TOLD.get(kind)
        if told is None:
            # One of the many that say nothing of our orders.
            return Notice(NAME, Told.WAITING)
        if kind.startswith("charge."):
            told = tell_of_charge(kind, str(content.get("status")))
            return self._of_charge(told, content, event_id, is_live=is_live)
        return self._of_session(told, content, event_id, is_live=is_live)

    def _of_session(
        self,
        told: Told,
        found: Mapping[str, Any],
        event_id: str = "",
        *,
        is_live: bool,
    ) -> Notice:
        if told is Told.PAID and found.get("payment_status") != "paid":
            # A transfer that takes days was begun: another event says how it ended.
            told = Told.WAITING
        currency = str(found.get("currency") or "").upper()
        return Notice(
            gateway=NAME,
            told=told,
            # Not client_reference_id: customers may set that on other pages of the account.
            number=read_number(found),
            session=str(found.get("id") or ""),
            trade=read_id(found.get("payment_intent")),
            merchant=name_mode(is_live=is_live),
            method=METHOD,
            money=from_coins(found.get("amount_total"), currency),
            currency=currency,
            event=event_id,
            data=keep_fields(found, KEPT),
        )

    def _of_charge(
        self, told: Told, found: Mapping[str, Any], event_id: str, *, is_live: bool
    ) -> Notice:
        """A charge, or a dispute of one."""
        currency = str(found.get("currency") or "").upper()
        amount = found.get("amount_refunded" if told is Told.REFUNDED else "amount")
        return Notice(
            gateway=NAME,
            told=told,
            number=read_number(found),
            trade=read_id(found.get("payment_intent")),
            merchant=name_mode(is_live=is_live),
            money=from_coins(amount, currency),
            currency=currency,
            event=event_id,
            data=keep_fields(found, KEPT),
        )

    def _to_coins(self, money: Decimal) -> int:
        return int(money.scaleb(self.digits))

    def _client(self) -> stripe.StripeClient:
        return stripe.StripeClient(
            self.secret_key,
            base_addresses={"api": self.api_address},
            http_client=stripe.HTTPXClient(timeout=TIMEOUT_SECONDS, allow_sync_methods=True),
            max_network_retries=1,
        )


def read_stripe(values: Mapping[str, Any] | None = None) -> StripeCheckout:
    """From the options. Raises NotConfigured, also for a webhook secret that is no secret."""
    values = read_values() if values is None else values
    key, secret = read_secret("StripeSecretKey"), read_secret("StripeWebhookSecret").strip()
    if not key or len(secret) < LEAST_SECRET:
        raise NotConfigured(NAME)
    return StripeCheckout(
        key.strip(),
        secret,
        values["StripeCurrency"].upper(),
        Decimal(values["StripeFactor"]),
        values["StripeApiAddress"].rstrip("/"),
    )


def stripe_ways(values: Mapping[str, Any]) -> list[Way]:
    try:
        gateway = read_stripe(values)
    except NotConfigured:
        return []
    return [Way(NAME, METHOD, _("Card and more (Stripe)"), gateway.currency)]


def tell_of_charge(kind: str, status: str) -> Told:
    """A dispute that is `warning_…` is an inquiry: no money moves unless it becomes a real one, and
    then the event that funds were withdrawn tells it.
    """
    told = TOLD[kind]
    if told is Told.REFUNDED or kind == FUNDS_WITHDRAWN:
        return told
    if status.startswith("warning_"):
        return Told.INQUIRY
    return Told.WAITING if told is Told.DISPUTE_WON and status != "won" else told


def name_mode(*, is_live: bool) -> str:
    return "live" if is_live else "test"


def read_content(event: Any) -> dict[str, Any]:
    """The object that an event is about; nothing where there is none."""
    data = event.get("data") if isinstance(event, dict) else None
    content = data.get("object") if isinstance(data, dict) else None
    return content if isinstance(content, dict) else {}


def read_number(found: Mapping[str, Any]) -> str:
    metadata = found.get("metadata")
    return str(metadata.get("order") or "")[:64] if isinstance(metadata, dict) else ""


def read_id(value: Any) -> str:
    """An id, or the id of an object that was put in its place."""
    return str(value.get("id") if isinstance(value, dict) else value or "")[:120]


def from_coins(amount: Any, currency: str) -> Decimal | None:
    if not isinstance(amount, int) or isinstance(amount, bool):
        return None
    return Decimal(amount).scaleb(0 if currency in WITHOUT_CENTS else -2)

"""A simulated Stripe: checkout sessions, and events signed as Stripe signs them.

Written from https://docs.stripe.com/webhooks and https://docs.stripe.com/api/checkout/sessions.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

WAIT_SECONDS = 10


@dataclass(slots=True)
class SimulatedStripe:
    """One account in test mode."""

    secret_key: str
    webhook_secret: str
    webhook_url: str
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    """Idempotency key -> session."""

    def create(self, form: Mapping[str, str], key: str, site: str) -> dict[str, Any]:
        """`POST /v1/checkout/sessions`; the same idempotency key gives the same session."""
        if key and key in self.by_key:
            return self.sessions[self.by_key[key]]
        session_id = f"cs_test_{secrets.token_hex(12)}"
        item = "line_items[0][price_data]"
        session = {
            "id": session_id,
            "object": "checkout.session",
            "livemode": False,
            "mode": form.get("mode"),
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "client_reference_id": form.get("client_reference_id"),
            "amount_total": int(form[f"{item}[unit_amount]"]),
            "currency": form[f"{item}[currency]"],
            "metadata": {"order": form.get("metadata[order]", "")},
            "success_url": form["success_url"],
            "url": f"{site}/checkout/{session_id}",
        }
        self.sessions[session_id] = session
        self.by_key[key] = session_id
        return session

    def pay(self, session_id: str) -> str:
        """The customer pays; gives where the customer goes back to."""
        session = self.sessions[session_id]
        intent = f"pi_{secrets.token_hex(12)}"
        session.update(status="complete", payment_status="paid", payment_intent=intent)
        self.tell("checkout.session.completed", session)
        return str(session["success_url"])

    def refund(self, session_id: str, amount: int) -> int:
        """Returns the status that the webhook answered."""
        session = self.sessions[session_id]
        charge = {
            "id": f"ch_{secrets.token_hex(12)}",
            "object": "charge",
            "payment_intent": session["payment_intent"],
            "amount": session["amount_total"],
            "amount_refunded": amount,
            "currency": session["currency"],
            "metadata": session["metadata"],
        }
        return self.tell("charge.refunded", charge)

    def tell(self, kind: str, content: Mapping[str, Any]) -> int:
        """Send an event; 0 when nobody answers."""
        body = self.event(kind, content)
        headers = {"Stripe-Signature": self.sign(body), "Content-Type": "application/json"}
        request = Request(self.webhook_url, body, headers)  # noqa: S310 -- an address of ours
        try:
            with urlopen(request, timeout=WAIT_SECONDS) as answer:  # noqa: S310 -- likewise
                return int(answer.status)
        except URLError as error:
            return int(getattr(error, "code", 0))

    def event(self, kind: str, content: Mapping[str, Any]) -> bytes:
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "type": kind,
            "livemode": False,
            "created": int(time.time()),
            "data": {"object": dict(content)},
        }
        return json.dumps(event).encode()

    def sign(self, body: bytes) -> str:
        moment = int(time.time())
        signed = f"{moment}.".encode() + body
        digest = hmac.new(self.webhook_secret.encode(), signed, hashlib.sha256).hexdigest()
        return f"t={moment},v1={digest}"

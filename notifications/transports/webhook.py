"""Webhooks: JSON, signed as standardwebhooks.com says, so that there are libraries to check it."""

import base64
import binascii
import hashlib
import hmac
import secrets
import time

import msgspec
from django.utils.translation import gettext_lazy, gettext_noop

from notifications.config import Config
from notifications.transports.base import (
    Field,
    Message,
    Target,
    Transport,
    TransportError,
    check_status,
    post_json,
)

PREFIX = "whsec_"
NO_SECRET = gettext_noop("The webhook has no secret to sign with.")


class WebhookTransport(Transport):
    name = "webhook"
    takes_digests = False
    label = gettext_lazy("Webhook")
    help = gettext_lazy("JSON is posted to your address, signed as Standard Webhooks says.")
    fields = (
        Field("url", gettext_lazy("Address"), is_url=True, placeholder="https://example.com/hook"),
    )

    def check(self, values: Target) -> dict[str, str]:
        """The secret is made here, or kept."""
        return {**super().check(values), "secret": values.get("secret") or make_secret()}

    def secrets(self, target: Target) -> tuple[str, ...]:
        return (target.get("secret", ""),)

    def send(self, target: Target, message: Message, config: Config, *, is_trusted: bool) -> None:  # noqa: ARG002 -- Transport
        secret = target.get("secret", "")
        if not secret:
            raise TransportError(NO_SECRET, permanent=True)
        body = msgspec.json.encode(
            {
                "type": message.event,
                "timestamp": message.created_at,
                "data": {
                    **message.data,
                    "subject": message.subject,
                    "text": message.text,
                    "link": message.link,
                },
            }
        )
        headers = sign(message.key, int(time.time()), body, secret)
        check_status(post_json(target["url"], body, headers, is_trusted=is_trusted))


def sign(key: str, moment: int, body: bytes, secret: str) -> dict[str, str]:
    """The three headers; `moment` in Unix seconds."""
    signed = b".".join((key.encode(), str(moment).encode(), body))
    digest = hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": key,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def secret_bytes(secret: str) -> bytes:
    """What stands after `whsec_`, decoded; any other text as it is."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()


def make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()

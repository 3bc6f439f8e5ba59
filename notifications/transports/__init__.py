"""The ways of telling somebody, by name. A new one is a module here and a line below."""

from notifications.transports.bark import BarkTransport
from notifications.transports.base import Transport
from notifications.transports.email import EmailTransport
from notifications.transports.gotify import GotifyTransport
from notifications.transports.telegram import TelegramTransport
from notifications.transports.webhook import WebhookTransport
from notifications.transports.wxpusher import WxPusherTransport

TRANSPORTS: dict[str, Transport] = {
    transport.name: transport
    for transport in (
        EmailTransport(),
        WxPusherTransport(),
        TelegramTransport(),
        BarkTransport(),
        GotifyTransport(),
        WebhookTransport(),
    )
}
"""In the order of the pages."""

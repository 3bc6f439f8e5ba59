"""Gotify: POST /message with the application's token (gotify.net/docs/pushmsg)."""

import msgspec
from django.utils.translation import gettext_lazy

from notifications.config import Config
from notifications.transports.base import (
    Field,
    Message,
    Target,
    Transport,
    check_status,
    post_json,
)

PRIORITY = 5
"""From 4 on, Gotify's apps make a sound."""


class GotifyTransport(Transport):
    name = "gotify"
    label = gettext_lazy("Gotify")
    help = gettext_lazy("Your own Gotify server, and the token of an application there.")
    fields = (
        Field("url", gettext_lazy("Server"), is_url=True, placeholder="https://gotify.example.com"),
        Field("token", gettext_lazy("Token"), is_secret=True),
    )

    def send(self, target: Target, message: Message, config: Config, *, is_trusted: bool) -> None:  # noqa: ARG002 -- Transport
        values: dict[str, object] = {
            "title": message.subject,
            "message": message.text,
            "priority": PRIORITY,
        }
        if message.link:
            values["extras"] = {"client::notification": {"click": {"url": message.link}}}
        headers = {"x-gotify-key": target["token"]}
        url = f"{target['url']}/message"
        check_status(post_json(url, msgspec.json.encode(values), headers, is_trusted=is_trusted))

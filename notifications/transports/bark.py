"""Bark: pushes to iPhones. POST /push of JSON (github.com/Finb/Bark, docs/tutorial.md)."""

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

MOST_BODY = 2000
"""Apple takes 4 KB for all of a push."""


class BarkTransport(Transport):
    name = "bark"
    label = gettext_lazy("Bark")
    help = gettext_lazy("Pushes to an iPhone. The app shows server and key as one address.")
    fields = (
        Field("url", gettext_lazy("Server"), is_url=True, placeholder="https://api.day.app"),
        Field("key", gettext_lazy("Device key"), is_secret=True),
    )

    def send(self, target: Target, message: Message, config: Config, *, is_trusted: bool) -> None:
        values = {
            "device_key": target["key"],
            "title": message.subject,
            "body": message.text[:MOST_BODY],
            "group": config.site_name,
        }
        if message.link:
            values["url"] = message.link
        url = f"{target['url']}/push"
        check_status(post_json(url, msgspec.json.encode(values), {}, is_trusted=is_trusted))

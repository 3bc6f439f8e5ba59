"""Telegram's bot interface: `sendMessage` (core.telegram.org/bots/api#sendmessage). Errors are
`{"ok": false, "error_code": …, "description": …, "parameters": {"retry_after": seconds}}`.
"""

import re

import msgspec
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from notifications.config import Config
from notifications.transports.base import (
    Field,
    Message,
    Target,
    Transport,
    TransportError,
    asked_seconds,
    check_status,
    post_json,
)

NOT_SET = gettext_noop("No Telegram bot is set.")
SAID = gettext_noop("Telegram said:")
CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{4,32}")
MOST_TEXT = 4096
HOPELESS = frozenset({400, 403})
"""About this chat. 401 and 404 say that the bot's token is wrong, which an operator can mend."""


class Parameters(msgspec.Struct):
    retry_after: int = 0


class Told(msgspec.Struct):
    ok: bool = False
    error_code: int = 0
    description: str = ""
    parameters: Parameters | None = None


class TelegramTransport(Transport):
    name = "telegram"
    label = gettext_lazy("Telegram")
    help = gettext_lazy("Write to the bot first; it may not begin. Your chat is a number.")
    fields = (Field("chat", gettext_lazy("Chat"), placeholder="123456789"),)
    is_shared = True

    def is_ready(self, config: Config) -> bool:
        return bool(config.telegram_token and config.telegram_server)

    def check_field(self, field: Field, text: str) -> str:
        chat = super().check_field(field, text)
        if not CHAT.fullmatch(chat):
            raise ValidationError(gettext("A chat is a number, or the @name of a channel."))
        return chat

    def send(self, target: Target, message: Message, config: Config, *, is_trusted: bool) -> None:  # noqa: ARG002 -- Transport
        if not self.is_ready(config):
            raise TransportError(NOT_SET)
        text = "\n\n".join(filter(None, (message.subject, message.text)))
        values = {
            "chat_id": target["chat"],
            "text": text[:MOST_TEXT],
            "link_preview_options": {"is_disabled": True},
        }
        url = f"{config.telegram_server}/bot{config.telegram_token}/sendMessage"
        answer = post_json(url, msgspec.json.encode(values), {}, is_trusted=True)
        try:
            told = msgspec.json.decode(answer.body, type=Told)
        except msgspec.MsgspecError:
            told = Told(error_code=answer.status)
        if told.ok and 200 <= answer.status < 300:
            return
        if not told.description:
            check_status(answer)
        code = told.error_code or answer.status
        raise TransportError(
            SAID,
            told.description,
            permanent=code in HOPELESS,
            retry_seconds=asked_seconds(told.parameters.retry_after if told.parameters else 0),
        )

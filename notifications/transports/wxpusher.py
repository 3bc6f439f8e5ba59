"""WxPusher: messages in WeChat. Its answers: `{"code": 1000, "msg": …, "data": [{"uid", "code",
"status"}]}`, where 1000 is success (wxpusher.zjiecode.com/docs).
"""

import re

import msgspec
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from notifications.config import Config
from notifications.transports.base import (
    NO_SENSE,
    Field,
    Message,
    Target,
    Transport,
    TransportError,
    check_status,
    post_json,
)

NOT_SET = gettext_noop("No WxPusher token is set.")
SAID = gettext_noop("WxPusher said:")
SUCCESS = 1000
UID = re.compile(r"UID_[A-Za-z0-9]{1,100}")
PLAIN_TEXT = 1
MOST_SUMMARY = 100
MOST_CONTENT = 40_000


class Told(msgspec.Struct):
    """Of one user."""

    code: int = 0
    status: str | None = None


class Verdict(msgspec.Struct):
    code: int = 0
    msg: str | None = None
    data: list[Told] | None = None


class WxPusherTransport(Transport):
    name = "wxpusher"
    label = gettext_lazy("WxPusher (WeChat)")
    help = gettext_lazy("Follow the application in WeChat; its menu tells your UID.")
    fields = (Field("uid", gettext_lazy("UID"), placeholder="UID_…"),)
    is_shared = True

    def is_ready(self, config: Config) -> bool:
        return bool(config.wxpusher_token and config.wxpusher_server)

    def check_field(self, field: Field, text: str) -> str:
        uid = super().check_field(field, text)
        if not UID.fullmatch(uid):
            raise ValidationError(
                gettext("A UID begins with UID_, followed by letters and digits.")
            )
        return uid

    def send(self, target: Target, message: Message, config: Config, *, is_trusted: bool) -> None:  # noqa: ARG002 -- Transport
        if not self.is_ready(config):
            raise TransportError(NOT_SET)
        values = {
            "appToken": config.wxpusher_token,
            "content": message.text[:MOST_CONTENT],
            "summary": message.subject[:MOST_SUMMARY],
            "contentType": PLAIN_TEXT,
            "uids": [uid.strip() for uid in target["uid"].split(",") if uid.strip()],
            "url": message.link,
        }
        url = f"{config.wxpusher_server}/api/send/message"
        answer = post_json(url, msgspec.json.encode(values), {}, is_trusted=True)
        check_status(answer)
        try:
            told = msgspec.json.decode(answer.body, type=Verdict)
        except msgspec.MsgspecError as error:
            raise TransportError(NO_SENSE) from error
        if told.code != SUCCESS:
            # A wrong token, most of the time: an operator can mend it, so it is tried again.
            raise TransportError(SAID, told.msg or str(told.code))
        results = told.data or []
        if results and all(result.code != SUCCESS for result in results):
            raise TransportError(SAID, results[0].status or "", permanent=True)

"""The options that sending needs, read once for a round: frozen, with the secrets in clear."""

from dataclasses import dataclass, field

import structlog

from chatapi.accounts.models import Role, User
from chatapi.lib.secrets import Undecipherable
from chatapi.options.mail_fields import split_mailboxes
from chatapi.options.secret_options import read_secret
from chatapi.options.snapshot import read_values

log = structlog.get_logger("notifications")


@dataclass(frozen=True, slots=True)
class MailServer:
    """`sender` is an address; the account's where none is set."""

    host: str
    port: int
    account: str
    password: str = field(repr=False)
    sender: str
    is_local: bool

    @property
    def is_set(self) -> bool:
        return bool(self.host and self.sender)


@dataclass(frozen=True, slots=True)
class Config:
    """Addresses are without a slash at the end; '' is what was not set."""

    site_name: str
    site_address: str
    units_per_usd: int
    mail: MailServer
    wxpusher_server: str
    wxpusher_token: str = field(repr=False)
    telegram_server: str
    telegram_token: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.mail.password, self.wxpusher_token, self.telegram_token)


def read_config() -> Config:
    values = read_values()
    return Config(
        site_name=values["SystemName"],
        site_address=values["ServerAddress"].rstrip("/"),
        units_per_usd=values["QuotaPerUnit"],
        mail=read_mail_server(),
        wxpusher_server=values["WxPusherServer"],
        wxpusher_token=secret_or_nothing("AppToken"),
        telegram_server=values["TelegramServer"],
        telegram_token=secret_or_nothing("TelegramBotToken"),
    )


def read_mail_server() -> MailServer:
    values = read_values()
    account = values["SMTPAccount"].strip()
    return MailServer(
        host=values["SMTPServer"].strip(),
        port=values["SMTPPort"],
        account=account,
        password=secret_or_nothing("SMTPToken"),
        sender=values["SMTPFrom"].strip() or account,
        is_local=values["SMTPServerIsLocal"],
    )


def read_operator_targets() -> dict[str, dict[str, str]]:
    """Transport -> where operators are told by it; only those that are set and switched on."""
    values = read_values()
    found = {
        "webhook": {
            "url": values["OperatorWebhookUrl"],
            "secret": secret_or_nothing("OperatorWebhookSecret"),
        },
        "telegram": {"chat": values["OperatorTelegramChat"].strip()},
        "bark": {
            "url": values["OperatorBarkUrl"],
            "key": secret_or_nothing("OperatorBarkKey"),
        },
        "gotify": {
            "url": values["OperatorGotifyUrl"],
            "token": secret_or_nothing("OperatorGotifyToken"),
        },
    }
    if values["EmailNotificationsEnabled"]:
        found["email"] = {"address": ";".join(operator_mailboxes(values["NotificationEmail"]))}
    if values["WxPusherNotificationsEnabled"]:
        found["wxpusher"] = {"uid": values["Uids"].strip()}
    return {name: target for name, target in found.items() if target[next(iter(target))]}


def read_muted_events() -> frozenset[str]:
    """What operators do not want to be told of."""
    text = str(read_values()["MutedOperatorEvents"])
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def operator_mailboxes(text: str) -> list[str]:
    """Those of the option, else the first root's own."""
    set_ones = split_mailboxes(text)
    if set_ones:
        return set_ones
    roots = User.objects.filter(role=Role.ROOT, is_active=True).exclude(email="")
    return list(roots.order_by("pk").values_list("email", flat=True)[:1])


def secret_or_nothing(name: str) -> str:
    """A secret of another key ring is as if it were not set: sending goes on without it."""
    try:
        return read_secret(name)
    except Undecipherable as error:
        log.error("secret_unreadable", option=name, error=str(error))
        return ""

"""Options that nobody may read back: stored encrypted, written in forms and never shown."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from chatapi.options.registry import OPTIONS

SECRET = "secret"  # noqa: S105 -- the name of an option's type
DESTINATIONS: Mapping[str, str] = {
    "SMTPServer": "SMTPToken",
    "PayAddress": "EpayKey",
    "StripeApiAddress": "StripeSecretKey",
    "TelegramServer": "TelegramBotToken",
    "WxPusherServer": "AppToken",
    "OperatorBarkUrl": "OperatorBarkKey",
    "OperatorGotifyUrl": "OperatorGotifyToken",
    "GitHubServerAddress": "GitHubClientSecret",
    "WeChatServerAddress": "WeChatServerToken",
    "OIDCProviders": "OIDCClientSecrets",
    "OutProxyUrl": "OutProxyLogin",
    "ServerAddress": "",
}
"""Where secrets are sent, and which; or, without one, where the links of mails lead. Who changes
these can have them told to himself, or sign in as others.
"""


def is_grave(name: str, text: str, values: Mapping[str, Any]) -> bool:
    """Whether setting the option to this text needs the password again."""
    is_new_secret = OPTIONS[name][2] == SECRET and bool(text)
    return is_new_secret or is_moved(name, text, values)


def is_moved(name: str, text: str, values: Mapping[str, Any]) -> bool:
    return name in DESTINATIONS and text.strip() != str(values[name]).strip()


def secret_names() -> list[str]:
    return [name for name, entry in OPTIONS.items() if entry[2] == SECRET]


def read_secret(name: str) -> str:
    """The secret in clear, '' when it is not set. Raises KeyError for what is no secret option, and
    Undecipherable when it was made with another key ring.
    """
    from constance.utils import get_values_for_keys  # noqa: PLC0415 -- needs the app registry

    if OPTIONS[name][2] != SECRET:
        raise KeyError(name)
    sealed = get_values_for_keys([name])[name]
    return settings.KEY_RING.unseal(sealed, place_of(name)) if sealed else ""


def seal_secret(name: str, text: str) -> str:
    """What is stored for a secret; '' stays ''."""
    return settings.KEY_RING.seal(text, place_of(name)) if text else ""


def place_of(name: str) -> str:
    """Binds a ciphertext to its option, so that it can't be moved to another."""
    return f"options:secret:{name}"

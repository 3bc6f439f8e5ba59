"""Options that nobody may read back: stored encrypted, written in forms and never shown."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.text import normalize_newlines

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
ENTRANCES = frozenset(
    {
        "GitHubClientId",
        "GitHubClientSecret",
        "GitHubOAuthEnabled",
        "OIDCClientSecrets",
        "TelegramBotToken",
        "TelegramOAuthEnabled",
        "TelegramServerAddress",
        "WeChatAuthEnabled",
        "WeChatServerToken",
    }
)
"""What proofs of other sites are checked with, or whether they count: who sets these can sign in as
others.
"""
GUARDS = frozenset({"StaffMustUseTwoFactor", "CreditConfirmUsd"})
"""What staff is asked for."""
GUARDED = ENTRANCES | GUARDS | DESTINATIONS.keys()


def is_grave(name: str, text: str, values: Mapping[str, Any]) -> bool:
    """Whether setting the option to this text needs the password again."""
    if OPTIONS[name][2] == SECRET:
        return bool(text)
    return name in GUARDED and is_changed(name, text, values)


def is_for_whole_tokens(name: str, text: str, values: Mapping[str, Any]) -> bool:
    """Whether a program may set the option to this text only if it may do everything."""
    if OPTIONS[name][2] == SECRET:
        return name in ENTRANCES
    return name in GUARDED and is_changed(name, text, values)


def is_moved(name: str, text: str, values: Mapping[str, Any]) -> bool:
    return name in DESTINATIONS and is_changed(name, text, values)


def is_changed(name: str, text: str, values: Mapping[str, Any]) -> bool:
    """By what a form or a program sends; a box that is not ticked is sent as nothing."""
    if OPTIONS[name][2] is bool:
        return (text.strip().lower() in {"true", "1", "on"}) != bool(values[name])
    return normalize_newlines(text).strip() != str(values[name]).strip()


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

"""Which foreign accounts people may sign in with: as the options say now."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from django.utils.translation import gettext as _

from chatapi.options.secret_options import read_secret
from chatapi.options.snapshot import read_values

Kind = Literal["github", "oidc", "telegram", "wechat"]
GITHUB = "https://github.com"
OWN_SLUGS = frozenset({"github", "telegram", "wechat"})
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")

log = structlog.get_logger("foreign")


@dataclass(frozen=True, slots=True)
class Provider:
    """`slug` stands in addresses and in the table of bindings."""

    slug: str
    kind: Kind
    label: str
    address: str = ""
    client_id: str = ""
    scopes: tuple[str, ...] = field(default=())
    secret_option: str = ""

    def read_secret(self) -> str:
        secret = read_secret(self.secret_option)
        return read_pairs(secret).get(self.slug, "") if self.kind == "oidc" else secret


def list_providers() -> list[Provider]:
    """In the order of the buttons. What is switched on but not set up is left out."""
    values = read_values()
    found = []
    if values["GitHubOAuthEnabled"] and values["GitHubClientId"]:
        address = values["GitHubServerAddress"] or GITHUB
        client = values["GitHubClientId"]
        secret = "GitHubClientSecret"  # noqa: S105 -- the name of an option
        found.append(Provider("github", "github", "GitHub", address, client, secret_option=secret))
    if values["WeChatAuthEnabled"] and values["WeChatServerAddress"]:
        found.append(
            Provider(
                "wechat",
                "wechat",
                _("WeChat"),
                values["WeChatServerAddress"],
                secret_option="WeChatServerToken",  # noqa: S106 -- the name of an option
            )
        )
    if values["TelegramOAuthEnabled"]:
        bot = read_secret("TelegramBotToken").partition(":")[0]
        if bot.isdigit():
            found.append(
                Provider(
                    "telegram",
                    "telegram",
                    "Telegram",
                    values["TelegramServerAddress"] or "https://oauth.telegram.org",
                    bot,
                    secret_option="TelegramBotToken",  # noqa: S106 -- the name of an option
                )
            )
    return found + list_oidc(values["OIDCProviders"])


def list_oidc(text: str) -> list[Provider]:
    """One JSON object per entry of a list: name, label, issuer, client_id, scopes. A wrong entry is
    told in the log and left out: it must not lock anybody out of the others.
    """
    if not text.strip():
        return []
    try:
        entries = json.loads(text)
        return [read_entry(entry) for entry in entries]
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        log.warning("oidc_providers_unreadable", error=repr(error))
        return []


def read_entry(entry: Mapping[str, Any]) -> Provider:
    """Raises KeyError or ValueError."""
    slug = str(entry["name"])
    issuer = str(entry["issuer"]).rstrip("/")
    if not SLUG.fullmatch(slug) or slug in OWN_SLUGS:
        msg = f"name {slug!r}: lower-case letters, digits and dashes, and none of {OWN_SLUGS}"
        raise ValueError(msg)
    if not issuer.startswith(("https://", "http://")):
        msg = f"issuer {issuer!r} is no address"
        raise ValueError(msg)
    scopes = entry.get("scopes") or "openid profile email"
    names = scopes.split() if isinstance(scopes, str) else [str(scope) for scope in scopes]
    return Provider(
        slug,
        "oidc",
        str(entry.get("label") or slug)[:40],
        issuer,
        str(entry["client_id"]),
        tuple(dict.fromkeys(["openid", *names])),
        "OIDCClientSecrets",
    )


def read_pairs(text: str) -> dict[str, str]:
    """`name=secret` pairs between blanks."""
    pairs = (part.partition("=") for part in text.split())
    return {name: secret for name, _sign, secret in pairs}


def find_provider(slug: str) -> Provider | None:
    return next((provider for provider in list_providers() if provider.slug == slug), None)

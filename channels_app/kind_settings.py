"""What some kinds ask for besides address and key: the console's labelled fields for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from channels_app.catalogue import Kind

PREFIX = "setting_"
"""Of the form fields; what they hold is stored under the bare names in `settings`."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One field; `example` stands in it while it is empty."""

    name: str
    label: Any
    help: Any = ""
    is_required: bool = False
    example: str = ""

    @property
    def field(self) -> str:
        return PREFIX + self.name


SETTINGS = (
    Setting(
        "region",
        _("region"),
        _("Of AWS. May also stand at the end of the key."),
        example="us-east-1",
    ),
    Setting(
        "cross",
        _("inference profile"),
        _("Beginning of the names of cross-region inference profiles; empty: none."),
        example="us",
    ),
    Setting(
        "project",
        _("project"),
        _("Google Cloud project. Empty: the service account's own."),
        example="my-project-123",
    ),
    Setting("location", _("location"), _("Google Cloud location."), example="us-east5"),
    Setting(
        "token_uri",
        _("address for access tokens"),
        _("Only behind a proxy for Google's token service."),
        example="https://oauth2.googleapis.com/token",
    ),
    Setting(
        "api_version",
        _("API version"),
        _("A date. The model names of the channel are the deployments' names."),
        example="2024-10-21",
    ),
    Setting("library_id", _("library id"), _("Of the library that is asked."), is_required=True),
    Setting("user_id", _("bot user"), _("The user id that the bot sees.")),
    Setting(
        "account_id",
        _("account id"),
        _("Of Cloudflare: part of the address."),
        is_required=True,
        example="0123456789abcdef0123456789abcdef",
    ),
    Setting(
        "original_image_url",
        _("original picture addresses"),
        _("1: clients get the addresses that the provider tells. Empty: addresses of this site."),
        example="1",
    ),
    Setting(
        "dialects",
        _("dialects"),
        _("What this server speaks, if not all of it: openai, responses, anthropic, ollama."),
        example="openai",
    ),
)


def settings_of(kind: Kind) -> Iterator[Setting]:
    return (setting for setting in SETTINGS if setting.name in kind.settings)


def split_settings(
    kind: Kind | None, values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(those with a field of their own for this kind, the others)"""
    names = {setting.name for setting in settings_of(kind)} if kind else set()
    own = {name: value for name, value in values.items() if name in names}
    return own, {name: value for name, value in values.items() if name not in names}


def field_of_problem(text: str, values: Mapping[str, str]) -> str:
    """Where a ChannelProblem belongs: `setting_NAME` if it names a setting, else `key`."""
    named = values.get("name", "")
    for setting in SETTINGS:
        if named == setting.name or text.startswith(
            (f"The setting {setting.name} ", f"The {setting.name} ")
        ):
            return setting.field
    return "key"

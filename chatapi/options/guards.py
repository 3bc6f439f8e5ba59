"""What must be set before something is turned on."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

NEEDS: Mapping[str, tuple[str, ...]] = {
    "GitHubOAuthEnabled": ("GitHubClientId", "GitHubClientSecret"),
    "WeChatAuthEnabled": ("WeChatServerAddress",),
    "TurnstileCheckEnabled": ("TurnstileSiteKey", "TurnstileSecretKey"),
    "EmailDomainRestrictionEnabled": ("EmailDomainWhitelist",),
    "EmailVerificationEnabled": ("SMTPServer",),
}
"""A switch -> the options without which it could only fail. Names of parts that an installation
lacks count for nothing.
"""


def find_missing(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(switch, message) of each switch that is on and lacks something."""
    for switch, needed in NEEDS.items():
        if not values.get(switch):
            continue
        missing = [name for name in needed if name in values and not values[name]]
        if missing:
            yield switch, _("Set %(names)s first.") % {"names": ", ".join(missing)}

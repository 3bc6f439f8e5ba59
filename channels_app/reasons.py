"""Why a channel was disabled: stored as `code: detail`, told in the reader's language."""

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

BALANCE, CREDENTIAL, SLOW, COPIED = "balance", "credential", "slow", "copied"
BY_HAND = "by_hand"
TEXTS = {
    BALANCE: _("The balance is used up"),
    CREDENTIAL: _("The key is refused, or its funds are used up"),
    SLOW: _("The test took too long"),
    BY_HAND: _("Switched off by hand"),
    COPIED: _("A copy needs a key of its own"),
}


def make_reason(code: str, detail: str = "") -> str:
    return f"{code}: {detail}" if detail else code


def code_of(reason: str) -> str:
    return reason.partition(":")[0]


def tell_reason(reason: str) -> str:
    """A sentence; a code that is not ours is told as it is."""
    code, _colon, detail = reason.partition(":")
    text = TEXTS.get(code)
    if text is None:
        return reason
    return f"{gettext(text)}: {detail.strip()}" if detail.strip() else gettext(text)

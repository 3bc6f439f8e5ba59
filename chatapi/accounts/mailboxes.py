"""Which e-mail addresses are accepted, and when two of them are one mailbox."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from chatapi.accounts.names import fold_name, hash_name
from chatapi.options.snapshot import read_values

DOTLESS = frozenset({"gmail.com", "googlemail.com"})
"""https://support.google.com/mail/answer/7436150: dots don't matter there."""


def accept_mailbox(email: str) -> str:
    """The address as we keep it. Raises ValidationError if the options forbid it."""
    values = read_values()
    local, _at, domain = email.strip().lower().rpartition("@")
    if values["EmailDomainRestrictionEnabled"] and domain not in split_domains(
        values["EmailDomainWhitelist"]
    ):
        raise ValidationError(
            _("E-mail addresses of %(domain)s are not accepted here.") % {"domain": domain}
        )
    if values["EmailAliasRestrictionEnabled"]:
        if "+" in local:
            raise ValidationError(_("E-mail addresses with a + are not accepted here."))
        if domain in DOTLESS:
            local = local.replace(".", "")
            domain = "gmail.com"
    return f"{local}@{domain}"


def split_domains(text: str) -> frozenset[str]:
    parts = text.replace("\n", ",").replace(";", ",").split(",")
    return frozenset(filter(None, (part.strip().lower().lstrip("@") for part in parts)))


def mailbox_key(email: str) -> str:
    """What throttles and gifts count a mailbox by, however its address is written: what follows a +
    makes no other mailbox, nor do dots at Gmail.
    """
    local, _at, domain = fold_name(email).rpartition("@")
    local = local.partition("+")[0]
    if domain in DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return hash_name(f"{local}@{domain}")

"""Opens an account and gives it what new accounts get: all of it, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing.commissions import reward_invitation
from billing.gifts import claim_gifts
from billing.ledger import open_wallet, post_entry
from billing.models import LedgerKind
from chatapi.accounts.invitations import find_inviter, invitation_code_of
from chatapi.accounts.mailboxes import mailbox_key
from chatapi.accounts.models import Group, User
from chatapi.accounts.tokens import TokenSettings, create_token
from chatapi.lib.retrying import retried
from chatapi.options.snapshot import read_values
from notifications.models import AlertSettings

FALLBACK_GROUP = "default"


@dataclass(frozen=True, slots=True)
class Application:
    """What somebody asks for who has no account yet. `email` is proven, or empty."""

    username: str
    password_hash: str = ""
    """Empty: no password; signs in through a foreign account."""
    email: str = ""
    display_name: str = ""
    invitation_code: str = ""
    foreign_hash: str = ""
    """`hash_account` of the account elsewhere through which it is opened."""


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """A new user, and the key of the first token, which is shown only now; '' without one."""

    user: User
    key: str


def open_account(application: Application) -> OpenedAccount:
    """Raises ValidationError, also when somebody takes the name at the same moment."""
    try:
        return _open(application)
    except IntegrityError as error:
        raise ValidationError({"username": _("This name is taken.")}) from error


@retried
def _open(application: Application) -> OpenedAccount:
    values = read_values()
    with transaction.atomic():
        inviter = find_inviter(application.invitation_code)
        user = User(
            username=application.username,
            password=application.password_hash or make_password(None),
            email=application.email,
            display_name=application.display_name,
            group=new_user_group(values["UserGroup"]),
            inviter=inviter,
        )
        user.full_clean()
        user.save()
        invitation_code_of(user)
        remember_language(user)
        if claim_gifts(identities_of(application)):
            give_gifts(user, values)
        key = ""
        if values["FirstTokenEnabled"]:
            wanted = TokenSettings(name=_("default token"), is_unlimited=True)
            key = create_token(user, wanted).key
    return OpenedAccount(user, key)


def identities_of(application: Application) -> list[str]:
    """None for an account that says nothing of its owner."""
    mailbox = mailbox_key(application.email) if application.email else ""
    return [one for one in (mailbox, application.foreign_hash) if one]


def give_gifts(user: User, values: Mapping[str, Any]) -> None:
    give_credit(user, values["QuotaForNewUser"], f"gift:new:{user.pk}", "new account")
    if user.inviter is not None:
        give_credit(user, values["QuotaForInvitee"], f"gift:invitee:{user.pk}", "invited")
        reward_invitation(user.inviter, user, values["QuotaForInviter"])


def remember_language(user: User) -> None:
    """Messages come in the language that the account was opened in."""
    language = get_language()
    if language and language != settings.LANGUAGE_CODE:
        AlertSettings.objects.create(user=user, language=language)


def give_credit(user: User, units: int, reference: str, note: str) -> None:
    if units:
        wallet = open_wallet(user)
        post_entry(wallet.pk, units, kind=LedgerKind.GIFT, reference=reference, note=note)


def new_user_group(name: str) -> str:
    """The option may name a group that is gone."""
    return name if Group.objects.filter(name=name).exists() else FALLBACK_GROUP

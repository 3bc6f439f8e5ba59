"""What an identity from elsewhere opens here: an account, a new account, or one more way in."""

import re
from collections.abc import Callable
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from billing.gifts import claim_gifts
from chatapi.accounts.mailboxes import accept_mailbox
from chatapi.accounts.models import SignInName, User
from chatapi.options.snapshot import read_values
from chatapi.web.foreign.identity import ForeignRefusal, Identity, hash_account
from chatapi.web.foreign.providers import Provider, list_providers
from chatapi.web.signing_up import Application, OpenedAccount, open_account

NOT_IN_NAMES = re.compile(r"[^\w.-]+")
LONGEST = 28
TRIES = 50


def find_owner(provider: Provider, identity: Identity) -> User | None:
    """Whom the foreign account is bound to: by its id alone, never by an address."""
    row = (
        SocialAccount.objects.filter(provider=provider.slug, uid=identity.uid)
        .select_related("user")
        .first()
    )
    return None if row is None or row.uid != identity.uid else row.user


def bind_account(user: User, provider: Provider, identity: Identity) -> None:
    """Raises ForeignRefusal if it is bound already, or the user has one of this kind. The user's
    row is locked: of two at once the second finds the first.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        owner = find_owner(provider, identity)
        if owner is not None and owner.pk != user.pk:
            raise ForeignRefusal(
                _("This %(provider)s account is bound to another account here.")
                % {"provider": provider.label}
            )
        if owner is not None:
            return
        if SocialAccount.objects.filter(user=user, provider=provider.slug).exists():
            raise ForeignRefusal(
                _("Another %(provider)s account is bound already. Unbind it first.")
                % {"provider": provider.label}
            )
        remember_binding(user, provider, identity)
        # Who has an account here opens no new one with it later.
        claim_gifts([hash_account(provider.slug, identity.uid)])


def remember_binding(user: User, provider: Provider, identity: Identity) -> None:
    try:
        with transaction.atomic():
            SocialAccount.objects.create(
                user=user,
                provider=provider.slug,
                uid=identity.uid,
                extra_data={"name": identity.name or identity.display_name},
            )
    except IntegrityError as error:
        raise ForeignRefusal from error


def open_foreign_account(
    provider: Provider, identity: Identity, invitation_code: str
) -> OpenedAccount:
    """A new account with no password. Raises ForeignRefusal."""
    values = read_values()
    if not values["RegisterEnabled"]:
        raise ForeignRefusal(_("No new accounts can be opened here at present."))
    email = usable_address(identity.email)
    if values["EmailVerificationEnabled"] and not email:
        raise ForeignRefusal(
            _(
                "A new account needs a proven e-mail address that no other account has. "
                "Open one with a password, and bind %(provider)s to it."
            )
            % {"provider": provider.label}
        )
    try:
        with transaction.atomic():
            opened = open_account(
                Application(
                    username=free_name(provider, identity),
                    email=email,
                    display_name=identity.display_name.replace("\0", ""),
                    invitation_code=invitation_code,
                    foreign_hash=hash_account(provider.slug, identity.uid),
                )
            )
            remember_binding(opened.user, provider, identity)
    except ValidationError as error:
        raise ForeignRefusal(detail=repr(error)) from error
    return opened


def usable_address(email: str) -> str:
    """A proven address, if the options accept it and nobody has it; else ''."""
    if not email:
        return ""
    try:
        validate_email(email)
        accepted = accept_mailbox(email)
    except ValidationError:
        return ""
    return "" if SignInName.objects.of(accepted).exists() else accepted


def free_name(provider: Provider, identity: Identity) -> str:
    """The name there if it can be had here, else one like it."""
    wish = NOT_IN_NAMES.sub("", identity.name)[:LONGEST].strip(".-_")
    base = wish if len(wish) >= 3 else f"{provider.slug[:20]}_{identity.uid[:6]}"
    names = (base, *(f"{base}{number}" for number in range(2, TRIES)))
    for name in names:
        if not SignInName.objects.of(name).exists():
            return name
    return f"{provider.slug[:10]}_{identity.uid[:20]}"


# --- Bindings of one's own ---


def list_bindings(user: User) -> list[dict[str, Any]]:
    """Each provider, with what is bound there; what is bound to a provider that is gone, too."""
    rows = {row.provider: row for row in SocialAccount.objects.filter(user=user)}
    found: list[dict[str, Any]] = [
        {"slug": provider.slug, "label": provider.label, "account": rows.pop(provider.slug, None)}
        for provider in list_providers()
    ]
    return found + [{"slug": slug, "label": slug, "account": row} for slug, row in rows.items()]


def unbind_account(user: User, slug: str, has_passkey: Callable[[User], bool]) -> None:
    """Raises ForeignRefusal for the last way in. The user's row is locked: of two at once, which
    each leave the other, only one goes through.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        others = SocialAccount.objects.filter(user=user).exclude(provider=slug)
        usable = {provider.slug for provider in list_providers()}
        may_use_password = user.has_usable_password() and (
            user.is_staff or read_values()["PasswordLoginEnabled"]
        )
        is_last = not (
            may_use_password or has_passkey(user) or others.filter(provider__in=usable).exists()
        )
        if is_last:
            raise ForeignRefusal(
                _("This is your only way to sign in. Set a password or add a passkey first.")
            )
        SocialAccount.objects.filter(user=user, provider=slug).delete()

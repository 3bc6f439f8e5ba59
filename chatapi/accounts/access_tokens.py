"""Access tokens for the JSON API: made, found by their key, revoked."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from chatapi.accounts.models import AccessToken, User
from chatapi.accounts.scopes import SCOPES, scopes_of_role
from chatapi.accounts.throttle import count_guess
from chatapi.lib.ids import hash_key, make_token_key

PREFIX = "at-"
LONGEST = 200
"""Characters of a header that are looked at."""
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a program acts for, and what it may do: never more than the user may today."""

    user: User
    scopes: frozenset[str]
    token_id: int

    def may(self, scope: str) -> bool:
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class NewAccessToken:
    """A token and its key, which is shown only now."""

    token: AccessToken
    key: str


def find_bearer(text: str, address: str = "") -> Bearer | None:
    """Who sends this Authorization header, with or without `Bearer `; None for a key that is
    unknown, revoked or over, and of a user who is banned or has not yet changed the initial
    password.

    `address` is `throttle.address_of(request)`. Raises Throttled after too many unknown keys from
    there; a key that is right is always let in. The database looks for a hash, so how long it takes
    tells nothing of any key.
    """
    key = text[:LONGEST].strip().removeprefix("Bearer ").strip()
    token = _find(key) if key.startswith(PREFIX) else None
    if token is None:
        count_guess(address)
        return None
    if not _is_valid(token):
        return None
    _note_use(token)
    return Bearer(token.user, scopes_of(token), token.pk)


def scopes_of(token: AccessToken) -> frozenset[str]:
    """What the token may do today. The personal one may whatever its user may."""
    allowed = scopes_of_role(token.user.role)
    return allowed if token.personal_of_id is not None else allowed & frozenset(token.scopes)


def create_access_token(
    user: User, name: str, scopes: Iterable[str], expires_at: datetime | None = None
) -> NewAccessToken:
    """Raises ValidationError for scopes that there are not, or that the user may not have, and for
    an end that is past.
    """
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise ValidationError({"scopes": _("Choose what the token may do.")})
    if not scopes_of_role(user.role).issuperset(wanted):
        raise ValidationError({"scopes": _("The user's role does not allow all of this.")})
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError({"expires_at": _("This is past.")})
    key, row = _make(user, name)
    row.scopes, row.expires_at = wanted, expires_at
    row.full_clean()
    row.save()
    return NewAccessToken(row, key)


def reset_personal_token(user: User) -> NewAccessToken:
    """The user's own token for everything; an old one stops working."""
    with transaction.atomic():
        AccessToken.objects.filter(personal_of=user).delete()
        key, row = _make(user, "personal")
        row.personal_of = user
        row.save()
    return NewAccessToken(row, key)


def revoke_access_token(token: AccessToken) -> None:
    """Refused with the next request."""
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])


def _make(user: User, name: str) -> tuple[str, AccessToken]:
    key = PREFIX + make_token_key()
    hint = f"{key[: len(PREFIX) + 4]}…{key[-4:]}"
    return key, AccessToken(user=user, name=name, key_hash=hash_key(key), key_hint=hint)


def _find(key: str) -> AccessToken | None:
    hashed = hash_key(key)
    token = AccessToken.objects.select_related("user").filter(key_hash=hashed).first()
    # Databases may compare text loosely; this does not.
    return token if token and hmac.compare_digest(token.key_hash, hashed) else None


def _is_valid(token: AccessToken) -> bool:
    if token.revoked_at is not None:
        return False
    if token.expires_at is not None and token.expires_at <= timezone.now():
        return False
    return token.user.is_active and not token.user.must_change_password


def _note_use(token: AccessToken) -> None:
    """Once a minute is enough."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - SEEN_EVERY)
    if token.last_used_at is None or token.last_used_at < now - SEEN_EVERY:
        AccessToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)

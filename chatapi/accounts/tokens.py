"""Makes and revokes tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from chatapi.accounts.models import Token, TokenStatus, User
from chatapi.accounts.people import check_group
from chatapi.lib.ids import KEY_LENGTH, hash_key, make_token_key
from chatapi.lib.net import is_inside, parse_networks
from chatapi.options.snapshot import read_values

MOST_VALID_SECONDS = 100 * 366 * 86400


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token and its key, which is shown only now."""

    token: Token
    key: str


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """What a person decides about a token."""

    name: str
    is_unlimited: bool = False
    group: str = ""
    models_text: str = ""
    networks_text: str = ""
    expires_at: datetime | None = None
    valid_seconds: int | None = None
    is_billed_by_call: bool = False
    concurrency: int | None = None
    requests_per_minute: int | None = None
    suffix_text: str = ""


def create_token(user: User, wanted: TokenSettings) -> NewToken:
    """Raises ValidationError. A limited token gets its budget from
    `billing.ledger.set_token_limit`.
    """
    check_group(wanted.group)
    check_validity(wanted.expires_at, wanted.valid_seconds)
    key = make_token_key()
    token = Token(
        user=user,
        key_hash=hash_key(key),
        key_hint=f"sk-{key[:4]}…{key[-4:]}",
        **{name: getattr(wanted, name) for name in wanted.__slots__},
    )
    if read_values()["TokenRevealEnabled"]:
        token.key_sealed = settings.KEY_RING.seal(key, place_of(token))
    token.full_clean()
    token.save()
    return NewToken(token, f"sk-{key}")


def reveal_key(token: Token, values: Mapping[str, Any]) -> str:
    """The whole key as people use it, or '' where no copy was kept or copies may not be shown any
    more, as the options say. Raises Undecipherable.
    """
    if not token.key_sealed or not values["TokenRevealEnabled"]:
        return ""
    return "sk-" + settings.KEY_RING.unseal(token.key_sealed, place_of(token))


def find_shown(tokens: QuerySet[Any], text: str, address: str) -> Any:
    """The one of these tokens with this key, if its calls may still be looked at with it: neither
    disabled nor of a banned owner, and asked for from where it may be used. What is over or used up
    may be looked at. Else None.
    """
    plain = text.strip().removeprefix("sk-")
    if len(plain) != KEY_LENGTH:
        return None
    found = tokens.filter(key_hash=hash_key(plain), user__is_active=True)
    token = found.exclude(status=TokenStatus.DISABLED).first()
    if token is None:
        return None
    networks = parse_networks(token.networks_text)
    return token if not networks or is_inside(address, networks) else None


def place_of(token: Token) -> str:
    return f"token:{token.key_hash}"


def check_validity(expires_at: datetime | None, valid_seconds: int | None) -> None:
    """Raises ValidationError unless a new token has at most one end, and a sensible one."""
    if expires_at is not None and valid_seconds is not None:
        raise ValidationError(
            _("A token ends at a date or some time after its first call, not both.")
        )
    if valid_seconds is not None and not 0 < valid_seconds <= MOST_VALID_SECONDS:
        raise ValidationError(
            {"valid_seconds": _("This must be between a second and a hundred years.")}
        )


def revoke_token(token: Token) -> None:
    """Refused on every worker within a second."""
    token.status = TokenStatus.DISABLED
    token.save(update_fields=["status"])

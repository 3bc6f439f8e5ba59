"""Stand-ins: with one, a browser calls with a token whose key it never learns.

A stand-in is the token's hash, an end, and a mark of its owner's sessions, sealed for one address.
Nothing of it is stored, and it can do less than the key: the token's state, limits and owner are
looked at in each call, it opens one path, and it ends with all sessions of its owner.
"""

import time
from dataclasses import dataclass

from django.conf import settings

from chatapi.accounts.models import Token, User
from chatapi.accounts.throttle import shorten_address
from chatapi.lib.secrets import Undecipherable

PREFIX = "web:"
"""No key begins like this: keys are letters and digits."""
PATH = "/v1/chat/completions"
"""All that the playground calls."""
VALID_SECONDS = 300
"""So long one is good after its session was ended alone, by signing out."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """What is in one; `mark` must be that of the token's owner."""

    key_hash: str
    mark: str


def make_stand_in(token: Token, address: str) -> str:
    """For calls from `address` within five minutes, in the place of the token's key."""
    until = int(time.time()) + VALID_SECONDS
    text = f"{token.key_hash} {until} {sessions_mark(token.user)}"
    return PREFIX + settings.KEY_RING.seal(text, _place(address))


def open_stand_in(text: str, address: str) -> StandIn | None:
    """None for one that is over, forged, or another address's."""
    try:
        opened = settings.KEY_RING.unseal(text.removeprefix(PREFIX), _place(address))
    except Undecipherable:
        return None
    key_hash, until, mark = opened.split(" ")
    return StandIn(key_hash, mark) if time.time() < int(until) else None


def sessions_mark(user: User) -> str:
    """Another one as soon as all sessions of the user are over: with a new password, another role,
    a ban, or at the user's wish.
    """
    return user.get_session_auth_hash()[:16]


def _place(address: str) -> str:
    return f"stand-in:{shorten_address(address)}"

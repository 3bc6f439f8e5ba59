"""What a browser carries to another site and back: good for one return, in the same session."""

import base64
import hashlib
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Literal

from django.http import HttpRequest

from chatapi.accounts.form_throttle import count_attempt
from chatapi.accounts.throttle import Throttled, address_of
from chatapi.web.foreign.identity import ForeignRefusal, hash_uid

STATES = "foreign_states"
GOOD_FOR_SECONDS = 600
MOST_STATES = 5

Purpose = Literal["sign_in", "bind"]


@dataclass(frozen=True, slots=True)
class Handshake:
    """`verifier` is PKCE's secret (RFC 7636), '' where the address there was somebody else's
    making; `nonce` goes into the id token.
    """

    slug: str
    purpose: Purpose
    user_id: int
    next: str
    verifier: str
    nonce: str
    began_at: float

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def begin_handshake(
    request: HttpRequest, slug: str, purpose: Purpose, next_page: str = "", *, is_own: bool = True
) -> tuple[str, Handshake]:
    """The state, and what this session keeps under it. Without PKCE where the address there is
    not our own making.
    """
    state = secrets.token_urlsafe(24)
    handshake = Handshake(
        slug=slug,
        purpose=purpose,
        user_id=request.user.pk or 0,
        next=next_page,
        verifier=secrets.token_urlsafe(48) if is_own else "",
        nonce=secrets.token_urlsafe(24),
        began_at=time.time(),
    )
    known = dict(request.session.get(STATES, {}))
    newest = sorted(known.items(), key=lambda entry: entry[1]["began_at"])[-(MOST_STATES - 1) :]
    request.session[STATES] = {**dict(newest), state: asdict(handshake)}
    return state, handshake


def end_handshake(request: HttpRequest, slug: str, state: str) -> Handshake:
    """Takes the state out of the session: a second return with it is refused. Raises
    ForeignRefusal.
    """
    known = dict(request.session.get(STATES, {}))
    found = known.pop(state, None)
    request.session[STATES] = known
    if found is None:
        raise ForeignRefusal(detail="unknown state")
    try:
        # A second return at the same moment has read the same session: the table tells them apart.
        count_attempt("state", address=address_of(request), subject=hash_uid(state))
    except Throttled as error:
        raise ForeignRefusal(detail="state was used") from error
    handshake = Handshake(**found)
    is_fresh = 0 <= time.time() - handshake.began_at <= GOOD_FOR_SECONDS
    if handshake.slug != slug or not is_fresh or handshake.user_id != (request.user.pk or 0):
        raise ForeignRefusal(detail="state of something else")
    return handshake

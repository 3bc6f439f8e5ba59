"""Signing in with accounts of other sites, and binding them: the ends of it that speak JSON."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login as PendingLogin
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chatapi.accounts.form_throttle import count_attempt
from chatapi.accounts.throttle import Throttled, address_of
from chatapi.web.address import site_url
from chatapi.web.api.confirming import need_fresh_password, need_our_pages
from chatapi.web.api.envelope import answer
from chatapi.web.api.errors import Refused
from chatapi.web.api.fields import Text
from chatapi.web.api.strangers import SignedIn, StrangersView, page_of, tell_signed_in
from chatapi.web.api.views import describe
from chatapi.web.foreign.entering import find_owner, open_foreign_account
from chatapi.web.foreign.handshake import Purpose, begin_handshake, end_handshake
from chatapi.web.foreign.identity import ForeignRefusal, Identity
from chatapi.web.foreign.providers import Provider, find_provider
from chatapi.web.foreign.ways import address_there, redeem_code, return_address
from chatapi.web.pages.foreign import bind
from chatapi.web.pages.sign_up import INVITATION

TAG = "Accounts elsewhere"
BOUND = "bind"
"""The message by which the old product tells a binding from a sign-in."""

log = structlog.get_logger("foreign")


class StateIn(serializers.Serializer[Any]):
    """`provider` is github, telegram, or the name of an OpenID provider. Without one the state is
    for an address at GitHub that the client makes itself.
    """

    provider = Text(max_length=40)


class State(StrangersView):
    """Begins a sign-in, or, for who is signed in, a binding: `data` is the state, good for ten
    minutes, one return and this session. With a provider `url` is where the browser goes; it comes
    back to our own page, which finishes it, or hand code and state to `/api/oauth/NAME`.
    """

    @describe("Begin (deprecated form)", TAG, serializers.CharField, query=StateIn)
    def get(self, request: Request) -> Response:
        need_our_pages(request)
        return self._begin(request, self.read_query(StateIn))

    @describe("Begin", TAG, serializers.CharField, body=StateIn)
    def post(self, request: Request) -> Response:
        return self._begin(request, self.read_body(StateIn))

    def _begin(self, request: Request, values: dict[str, Any]) -> Response:
        need_session(request)
        if request.user.is_authenticated:
            need_fresh_password(request)
        try:
            count_attempt("foreign", address=address_of(request))
        except Throttled as error:
            raise exceptions.Throttled(error.retry_after) from error
        slug, page = values.get("provider", ""), page_of(request)
        provider = open_provider(slug or "github")
        purpose: Purpose = "bind" if request.user.is_authenticated else "sign_in"
        state, handshake = begin_handshake(page, provider.slug, purpose, is_own=bool(slug))
        if not slug:
            return answer(state)
        with refusals_told(provider):
            return answer(state, url=address_there(provider, handshake, state, site_url(page)))


class ReturnIn(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=2000)
    state = serializers.CharField(max_length=200)


class Return(StrangersView):
    """GitHub's or an OpenID provider's code. The state must be this session's: 403 otherwise. The
    message `bind` tells that the account was bound to who is signed in.
    """

    @describe("Finish (deprecated form)", TAG, SignedIn, query=ReturnIn)
    def get(self, request: Request, slug: str) -> Response:
        need_our_pages(request)
        return self._finish(request, slug, self.read_query(ReturnIn))

    @describe("Finish", TAG, SignedIn, body=ReturnIn)
    def post(self, request: Request, slug: str) -> Response:
        return self._finish(request, slug, self.read_body(ReturnIn))

    def _finish(self, request: Request, slug: str, values: dict[str, Any]) -> Response:
        need_session(request)
        provider, page = open_provider(slug), page_of(request)
        if provider.kind not in {"github", "oidc"}:
            raise Http404
        try:
            handshake = end_handshake(page, slug, values["state"])
        except ForeignRefusal as refusal:
            raise exceptions.PermissionDenied(refusal.text) from refusal
        with refusals_told(provider):
            back = return_address(site_url(page), provider)
            identity = redeem_code(provider, handshake, values["code"], back)
        if handshake.purpose == "bind":
            return bind_to(request, provider, identity)
        return enter(request, provider, identity)


def enter(request: Request, provider: Provider, identity: Identity) -> Response:
    """Signs in whom the account is bound to, or opens one. Raises Refused."""
    page, key = page_of(request), {}
    with refusals_told(provider):
        owner = find_owner(provider, identity)
        if owner is None:
            invitation = page.session.get(INVITATION, "")
            opened = open_foreign_account(provider, identity, invitation)
            owner, key = opened.user, {"key": opened.key}
    if not owner.is_active:
        raise Refused(_("This account is closed."))
    perform_login(page, PendingLogin(user=owner, signup=bool(key)))
    return tell_signed_in(page, owner, **key)


def bind_to(request: Request, provider: Provider, identity: Identity) -> Response:
    """Raises Refused."""
    user: Any = request.user
    with refusals_told(provider):
        bind(page_of(request), user, provider, identity)
    return answer(message=BOUND)


def open_provider(slug: str) -> Provider:
    """Raises Http404 for what is switched off, too."""
    provider = find_provider(slug)
    if provider is None:
        raise Http404
    return provider


@contextmanager
def refusals_told(provider: Provider) -> Iterator[None]:
    try:
        yield
    except ForeignRefusal as refusal:
        log.info("foreign_refused", provider=provider.slug, why=str(refusal)[:300])
        raise Refused(refusal.text) from refusal


def need_session(request: Request) -> None:
    """Raises Refused."""
    if request.auth is not None:
        raise Refused(_("This goes by a session; an access token has none."))


def need_stranger(request: Request) -> None:
    """Raises Refused."""
    if request.user.is_authenticated:
        raise Refused(_("You are signed in already."))

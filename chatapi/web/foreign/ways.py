"""The way to another site and back, whichever protocol it speaks."""

from django.urls import reverse

from chatapi.web.foreign.github import github_address, github_identity
from chatapi.web.foreign.handshake import Handshake
from chatapi.web.foreign.identity import Identity
from chatapi.web.foreign.oidc import oidc_address, oidc_identity
from chatapi.web.foreign.providers import Provider
from chatapi.web.foreign.telegram import telegram_address


def return_address(site: str, provider: Provider) -> str:
    """Our page to which the other site sends the browser back."""
    return site + reverse("foreign_return", args=[provider.slug])


def address_there(provider: Provider, handshake: Handshake, state: str, site: str) -> str:
    """Where the browser goes. `site` is our own address. Raises ForeignRefusal."""
    back = return_address(site, provider)
    if provider.kind == "github":
        return github_address(provider, handshake, state, back)
    if provider.kind == "telegram":
        return telegram_address(provider, site, f"{back}?state={state}")
    return oidc_address(provider, handshake, state, back)


def redeem_code(provider: Provider, handshake: Handshake, code: str, back: str) -> Identity:
    """Of GitHub and OpenID. Raises ForeignRefusal."""
    if provider.kind == "github":
        return github_identity(provider, handshake, code, back)
    return oidc_identity(provider, handshake, code, back)

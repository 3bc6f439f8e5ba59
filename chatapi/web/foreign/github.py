"""GitHub, by the number of the account: names there can be changed and taken by others.

https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
"""

from urllib.parse import urlencode

from chatapi.web.foreign.handshake import Handshake
from chatapi.web.foreign.identity import ForeignRefusal, Identity, ask, ask_object, text_of
from chatapi.web.foreign.providers import GITHUB, Provider

JSON = {"Accept": "application/json"}


def github_address(provider: Provider, handshake: Handshake, state: str, back: str) -> str:
    query = {
        "client_id": provider.client_id,
        "redirect_uri": back,
        "scope": "user:email",
        "state": state,
        "code_challenge": handshake.challenge,
        "code_challenge_method": "S256",
    }
    return f"{provider.address}/login/oauth/authorize?{urlencode(query)}"


def github_identity(provider: Provider, handshake: Handshake, code: str, back: str) -> Identity:
    """Raises ForeignRefusal."""
    given = {
        "client_id": provider.client_id,
        "client_secret": provider.read_secret(),
        "code": code,
    }
    if handshake.verifier:
        given |= {"redirect_uri": back, "code_verifier": handshake.verifier}
    url = f"{provider.address}/login/oauth/access_token"
    token = text_of(ask_object(url, JSON, given), "access_token")
    if not token:
        raise ForeignRefusal(detail="no access token")
    api = "https://api.github.com" if provider.address == GITHUB else f"{provider.address}/api/v3"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    user = ask_object(f"{api}/user", headers)
    number = user.get("id")
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        raise ForeignRefusal(detail="no id")
    return Identity(
        uid=str(number),
        name=text_of(user, "login"),
        display_name=text_of(user, "name", 64),
        email=proven_address(f"{api}/user/emails", headers),
    )


def proven_address(url: str, headers: dict[str, str]) -> str:
    """The first address, if GitHub has proven it; the public one in the profile says nothing."""
    try:
        entries = ask(url, headers)
    except ForeignRefusal:
        return ""
    for entry in entries:
        if isinstance(entry, dict) and entry.get("primary") is True:
            return text_of(entry, "email") if entry.get("verified") is True else ""
    return ""

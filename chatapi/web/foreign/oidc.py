"""Any OpenID Connect provider: found by its issuer, believed by the signature of its id token.

https://openid.net/specs/openid-connect-core-1_0.html, sections 3.1.2 and 3.1.3
"""

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import jwt

from chatapi.web.foreign.handshake import Handshake
from chatapi.web.foreign.identity import (
    ForeignRefusal,
    Identity,
    ask_object,
    hash_uid,
    text_of,
)
from chatapi.web.foreign.providers import Provider

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a key of the provider's. None with our secret, and never `none`."""
LEEWAY_SECONDS = 60


def read_discovery(provider: Provider) -> Mapping[str, Any]:
    """Raises ForeignRefusal, also when it speaks for another issuer."""
    found = ask_object(f"{provider.address}/.well-known/openid-configuration")
    if text_of(found, "issuer", 500).rstrip("/") != provider.address:
        raise ForeignRefusal(detail="discovery of another issuer")
    return found


def oidc_address(provider: Provider, handshake: Handshake, state: str, back: str) -> str:
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": back,
        "scope": " ".join(provider.scopes),
        "state": state,
        "nonce": handshake.nonce,
        "code_challenge": handshake.challenge,
        "code_challenge_method": "S256",
    }
    start = text_of(read_discovery(provider), "authorization_endpoint", 1000)
    if not start.startswith(("https://", "http://")):
        raise ForeignRefusal(detail="no authorization endpoint")
    return f"{start}{'&' if '?' in start else '?'}{urlencode(query)}"


def oidc_identity(provider: Provider, handshake: Handshake, code: str, back: str) -> Identity:
    """Raises ForeignRefusal."""
    discovery = read_discovery(provider)
    given = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "client_id": provider.client_id,
        "client_secret": provider.read_secret(),
        "code_verifier": handshake.verifier,
    }
    tokens = ask_object(text_of(discovery, "token_endpoint", 1000), form=given)
    claims = read_id_token(
        provider, discovery, text_of(tokens, "id_token", 50_000), handshake.nonce
    )
    subject = text_of(claims, "sub", 500)
    if not subject:
        raise ForeignRefusal(detail="no subject")
    is_proven = claims.get("email_verified") is True
    return Identity(
        uid=hash_uid(provider.address, subject),
        name=text_of(claims, "preferred_username") or text_of(claims, "nickname"),
        display_name=text_of(claims, "name", 64),
        email=text_of(claims, "email") if is_proven else "",
    )


def read_id_token(
    provider: Provider, discovery: Mapping[str, Any], token: str, nonce: str
) -> Mapping[str, Any]:
    """The claims, with signature, issuer, audience, time and nonce looked at. Raises
    ForeignRefusal.
    """
    try:
        keys = ask_object(text_of(discovery, "jwks_uri", 1000))
        key = find_key(jwt.PyJWKSet.from_dict(dict(keys)), jwt.get_unverified_header(token))
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=provider.client_id,
            issuer=text_of(discovery, "issuer", 500),
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "aud", "iss", "sub"]},
        )
    except (jwt.PyJWTError, TypeError, ValueError, AttributeError) as error:
        raise ForeignRefusal(detail=f"id token: {error!r}") from error
    if not hmac.compare_digest(text_of(claims, "nonce").encode(), nonce.encode()):
        raise ForeignRefusal(detail="id token: another nonce")
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != provider.client_id:
        raise ForeignRefusal(detail="id token: made for somebody else")
    return claims


def find_key(keys: jwt.PyJWKSet, header: Mapping[str, Any]) -> jwt.PyJWK:
    """By its id; a provider with a single key may leave the id out."""
    wanted = header.get("kid")
    for key in keys.keys:
        if key.key_id == wanted or (wanted is None and len(keys.keys) == 1):
            return key
    raise ForeignRefusal(detail="id token: unknown key")

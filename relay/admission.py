"""Lets a call in: whose key it is, whether it may be used now, from here, for this model."""

import msgspec

from chatapi.accounts.models import TokenStatus
from chatapi.accounts.stand_in import PATH, PREFIX, StandIn, open_stand_in
from chatapi.lib.ids import hash_key
from chatapi.lib.net import Network, is_inside
from relay import errors
from relay.callers import Caller
from relay.gateway import Gateway
from relay.http import ClientExchange

MOST_KEY_LENGTH = 256


class Admitted(msgspec.Struct, frozen=True):
    """A caller that passed all checks which need no body; `pinned` is the channel an administrator
    asked for.
    """

    caller: Caller
    address: str
    pinned: int | None = None


async def admit(exchange: ClientExchange, gateway: Gateway) -> Admitted:
    """Raises CallRefused with 401, 403 or 400, and 503 where the worker can't serve more."""
    if not gateway.overload.lets_in():
        raise errors.too_busy()
    key, pinned = read_key(exchange)
    address = exchange.address(gateway.trusted_proxies)
    stand_in = read_stand_in(key, exchange, address) if key.startswith(PREFIX) else None
    key_hash = hash_key(key) if stand_in is None else stand_in.key_hash
    caller = await find_caller(key_hash, gateway)
    if stand_in is not None and stand_in.mark != caller.sessions_mark:
        raise errors.unknown_key()
    check_token(caller, gateway.now())
    check_user(caller, address)
    if pinned is not None and not caller.is_admin:
        raise errors.may_not_pin()
    if caller.starts_on_first_call:
        caller = await start_on_first_call(caller, key_hash, gateway)
    return Admitted(caller, address, _channel_id(pinned))


def check_model(caller: Caller, model: str) -> None:
    if not caller.models.allows(model):
        raise errors.model_not_allowed()


def read_key(exchange: ClientExchange) -> tuple[str, str | None]:
    """(key without `sk-`, what follows a dash or None) from the headers that the SDKs use."""
    text = exchange.header(b"authorization")
    if text[:6].lower() == "bearer" and not text[6:7].strip():
        text = text[7:]
    if not text.strip():
        text = next(filter(None, (exchange.header(name) for name in KEY_HEADERS)), "")
    if not text.strip() and exchange.dialect == "gemini":
        text = exchange.query("key")
    text = text.strip().removeprefix("sk-")
    if not text:
        raise errors.no_key()
    if len(text) > MOST_KEY_LENGTH:
        raise errors.unknown_key()
    if text.startswith(PREFIX):
        return text, None
    key, dash, rest = text.partition("-")
    return key, rest.partition("-")[0] if dash else None


KEY_HEADERS = (b"x-api-key", b"x-goog-api-key", b"api-key", b"mj-api-secret")


def read_stand_in(text: str, exchange: ClientExchange, address: str) -> StandIn:
    """What a page of ours calls with, in the place of a key that it does not know."""
    found = open_stand_in(text, address) if exchange.scope["path"] == PATH else None
    if found is None:
        raise errors.unknown_key()
    return found


async def find_caller(key_hash: str, gateway: Gateway) -> Caller:
    """From memory; the database is asked once for each key."""
    caller = gateway.callers.get(key_hash)
    if caller is None:
        if gateway.callers.is_unknown(key_hash):
            raise errors.unknown_key()
        caller = await gateway.load_caller(key_hash)
    if caller is None:
        raise errors.unknown_key()
    return caller


def check_token(caller: Caller, now: float) -> None:
    if caller.token_status == TokenStatus.EXHAUSTED:
        raise errors.token_exhausted()
    if caller.token_status == TokenStatus.EXPIRED:
        raise errors.token_expired()
    if caller.token_status != TokenStatus.ENABLED:
        raise errors.token_disabled()
    if caller.expires_at is not None and caller.expires_at <= now:
        raise errors.token_expired()


def check_user(caller: Caller, address: str) -> None:
    if not caller.is_user_active:
        raise errors.user_disabled()
    if caller.must_change_password:
        raise errors.password_change_required()
    check_network(caller.networks, caller.networks_text, address)


def check_network(networks: tuple[Network, ...], text: str, address: str) -> None:
    if networks and not is_inside(address, networks):
        raise errors.wrong_network(text, address)


async def start_on_first_call(caller: Caller, key_hash: str, gateway: Gateway) -> Caller:
    """The validity of this token begins now."""
    await gateway.start_validity(caller.token_id)
    caller = await find_caller(key_hash, gateway)
    check_token(caller, gateway.now())
    return caller


def _channel_id(pinned: str | None) -> int | None:
    if pinned is None:
        return None
    if not pinned.isascii() or not pinned.isdecimal() or len(pinned) > 18:
        raise errors.unknown_channel()
    return int(pinned)

"""Who calls: tokens with their users, read once and kept until something about them changes."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from billing.ledger import open_wallet
from chatapi.accounts.models import Role, Token, TokenStatus
from chatapi.accounts.stand_in import sessions_mark
from chatapi.lib.database_clock import database_now
from chatapi.lib.net import Network, parse_networks
from chatapi.options.feed import publish
from relay.models_allowed import ModelList

MOST_CALLERS = 200_000
MOST_UNKNOWN = 50_000


@dataclass(frozen=True, slots=True)
class Caller:
    """A token, its user and group: all that admission and charging need to know. Times are Unix
    seconds.
    """

    token_id: int
    token_name: str
    token_status: int
    user_id: int
    username: str
    group: str
    is_user_active: bool
    is_admin: bool
    must_change_password: bool
    wallet_id: int
    limit_id: int | None
    models: ModelList
    networks: tuple[Network, ...]
    networks_text: str
    expires_at: float | None
    starts_on_first_call: bool
    is_billed_by_call: bool
    concurrency: int | None
    suffix_text: str = ""
    sessions_mark: str = ""
    requests_per_minute: int | None = None

    @property
    def budgets(self) -> tuple[int, ...]:
        return (self.wallet_id,) if self.limit_id is None else (self.wallet_id, self.limit_id)


class Callers:
    """A bounded cache by the hash of the key. `read` reaches the database, from an event loop's
    point of view.
    """

    def __init__(self) -> None:
        self._by_hash: OrderedDict[str, Caller] = OrderedDict()
        self._hash_by_token: dict[int, str] = {}
        self._unknown: OrderedDict[str, None] = OrderedDict()
        self.epoch = 0

    def get(self, key_hash: str) -> Caller | None:
        return self._by_hash.get(key_hash)

    def is_unknown(self, key_hash: str) -> bool:
        return key_hash in self._unknown

    def keep(self, key_hash: str, caller: Caller | None, epoch: int) -> None:
        """Remember what was read, unless something changed while it was being read."""
        if epoch != self.epoch:
            return
        if caller is None:
            self._unknown[key_hash] = None
            if len(self._unknown) > MOST_UNKNOWN:
                self._unknown.popitem(last=False)
            return
        self._by_hash[key_hash] = caller
        self._hash_by_token[caller.token_id] = key_hash
        if len(self._by_hash) > MOST_CALLERS:
            _, dropped = self._by_hash.popitem(last=False)
            self._hash_by_token.pop(dropped.token_id, None)

    def forget_token(self, token_id: int) -> None:
        self.epoch += 1
        self._unknown.clear()
        key_hash = self._hash_by_token.pop(token_id, None)
        if key_hash is not None:
            self._by_hash.pop(key_hash, None)

    def forget_where(self, matches: Callable[[Caller], bool]) -> None:
        self.epoch += 1
        for key_hash, caller in list(self._by_hash.items()):
            if matches(caller):
                del self._by_hash[key_hash]
                self._hash_by_token.pop(caller.token_id, None)

    def forget_all(self) -> None:
        self.epoch += 1
        self._by_hash.clear()
        self._hash_by_token.clear()
        self._unknown.clear()


def read_caller(key_hash: str) -> Caller | None:
    """The caller of a key, or None; three queries at most."""
    token = Token.objects.select_related("user", "budget").filter(key_hash=key_hash).first()
    if token is None:
        return None
    user = token.user
    budget = getattr(token, "budget", None)
    return Caller(
        token_id=token.pk,
        token_name=token.name,
        token_status=_status_of(token),
        user_id=user.pk,
        username=user.username,
        group=token.group or user.group,
        is_user_active=user.is_active,
        is_admin=user.role >= Role.ADMIN,
        must_change_password=user.must_change_password,
        wallet_id=open_wallet(user).pk,
        limit_id=None if token.is_unlimited or budget is None else budget.pk,
        models=ModelList(token.models_allowed),
        networks=parse_networks(token.networks_text),
        networks_text=token.networks_text,
        expires_at=token.expires_at.timestamp() if token.expires_at else None,
        starts_on_first_call=token.valid_seconds is not None and token.first_used_at is None,
        is_billed_by_call=token.is_billed_by_call,
        concurrency=token.concurrency,
        suffix_text=token.suffix_text,
        sessions_mark=sessions_mark(user),
        requests_per_minute=token.requests_per_minute,
    )


def _status_of(token: Token) -> int:
    """A limited token whose limit was never set may spend nothing."""
    if not token.is_unlimited and getattr(token, "budget", None) is None:
        return TokenStatus.EXHAUSTED
    return token.status


def start_validity(token_id: int) -> datetime | None:
    """The first call of a token that is valid for some time from then on: sets its end, once.
    Returns the end.
    """
    now = database_now()
    with transaction.atomic():
        fresh = Token.objects.filter(
            pk=token_id, first_used_at__isnull=True, valid_seconds__isnull=False
        )
        valid_seconds = fresh.values_list("valid_seconds", flat=True).first()
        if valid_seconds is not None:
            ends = now + timedelta(seconds=valid_seconds)
            if fresh.update(first_used_at=now, expires_at=ends):
                publish("token", token_id)
    return Token.objects.values_list("expires_at", flat=True).filter(pk=token_id).first()

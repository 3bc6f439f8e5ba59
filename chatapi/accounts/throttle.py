"""How many failed sign-ins an account, an address, and both together may have."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from chatapi.accounts.models import FormAttempt, LoginAttempt
from chatapi.lib.request_address import request_address

HOUR = timedelta(hours=1)
KEEP = timedelta(days=1)
CLEAN_EVERY = 100


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` failures within `window`; these columns must be equal."""

    most: int
    window: timedelta
    columns: tuple[str, ...]


PAIR = Limit(5, timedelta(minutes=15), ("account", "address"))
ACCOUNT = Limit(20, HOUR, ("account",))
ADDRESS = Limit(100, HOUR, ("address",))


class Throttled(Exception):
    """Too many failures; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def begin_attempt(account: str, address: str, *, is_known_device: bool = False) -> LoginAttempt:
    """Counts the attempt before the password is looked at: parallel guesses can't slip through.

    Raises Throttled. A browser that signed in to the account before is not stopped by what others
    do to the account: nobody can be locked out from afar.
    """
    attempt = LoginAttempt(account=account, address=address)
    limits = (PAIR, ADDRESS) if is_known_device else (PAIR, ACCOUNT, ADDRESS)
    count_within(limits, attempt)
    return attempt


def begin_step(user_pk: int, address: str) -> LoginAttempt:
    """As `begin_attempt`, for a password that is asked for inside a session. Counted apart from
    sign-ins, for the account from whatever address: who has no session can lock nobody out of it,
    and a stolen session guesses no faster by changing its address. Raises Throttled.
    """
    # No user name has a colon.
    return begin_attempt(f"step:{user_pk}", address)


def count_guess(address: str) -> None:
    """A key that is none. Counted apart from passwords, so that a program with an old key shuts
    nobody out of the pages. Raises Throttled.
    """
    place = f"key:{address}"[:64]
    count_within((ADDRESS,), LoginAttempt(account="", address=place))


def forget_failures(attempt: LoginAttempt) -> None:
    """After success."""
    LoginAttempt.objects.filter(account=attempt.account, address=attempt.address).delete()


def address_of(request: HttpRequest | None) -> str:
    """The client's address, through trusted proxies; IPv6 by its /64, which has one owner."""
    return "" if request is None else shorten_address(request_address(request))


def shorten_address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return text[:64]
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address.packed, 64), strict=False))


def count_within(limits: Sequence[Limit], attempt: LoginAttempt | FormAttempt) -> None:
    """Stores a new attempt; raises Throttled, and stores nothing, where it is one too many. Now and
    then those that no limit looks at any more are forgotten.
    """
    # First by reading alone: a storm of those that are refused must keep nobody from writing.
    keep_within(limits, attempt)
    attempt.save()
    try:
        # Others may have come at the same moment.
        keep_within(limits, attempt)
    except Throttled:
        attempt.delete()
        raise
    if attempt.pk % CLEAN_EVERY == 0:
        attempts: QuerySet[Any] = type(attempt).objects.all()
        attempts.filter(created_at__lt=timezone.now() - KEEP).delete()


def keep_within(limits: Sequence[Limit], attempt: LoginAttempt | FormAttempt) -> None:
    """Raises Throttled where there is no room for this attempt."""
    wait = max(wait_seconds(limit, attempt) for limit in limits)
    if wait:
        raise Throttled(wait)


def wait_seconds(limit: Limit, attempt: LoginAttempt | FormAttempt) -> int:
    """Seconds until the limit has room for this attempt; 0 if it has now."""
    now = timezone.now()
    others = limit.most - (attempt.pk is None)
    same = {name: getattr(attempt, name) for name in limit.columns}
    attempts: QuerySet[Any] = type(attempt).objects.all()
    recent = attempts.filter(created_at__gt=now - limit.window, **same).order_by("-created_at")
    # In one query: others take their attempts back at the same time.
    newest: list[datetime] = list(recent.values_list("created_at", flat=True)[: others + 1])
    if len(newest) <= others:
        return 0
    # Room comes when the oldest that still matters leaves the window.
    return max(int((newest[-1] + limit.window - now).total_seconds()) + 1, 1)

"""What a token may do at once and in a minute."""

import contextlib
import time
from collections.abc import Iterator

from relay import errors
from relay.callers import Caller
from relay.gateway import Gateway


@contextlib.contextmanager
def one_more_call(gateway: Gateway, caller: Caller) -> Iterator[None]:
    """One of the calls that this token may have under way and in a minute; raises CallRefused(429).

    A call that is refused counts neither here nor there.
    """
    limit = caller.concurrency or gateway.options.token_concurrency
    if not limit:
        check_rate(gateway, caller)
        yield
        return
    if not gateway.concurrency.enter(caller.token_id, limit):
        raise errors.too_many_calls(limit)
    try:
        check_rate(gateway, caller)
        yield
    finally:
        gateway.concurrency.leave(caller.token_id)


def check_rate(gateway: Gateway, caller: Caller) -> None:
    """Count a call of this minute, or raise CallRefused(429)."""
    limit = caller.requests_per_minute
    if limit is None:
        limit = gateway.options.token_requests_per_minute
    if limit:
        seconds = gateway.rates.enter(caller.token_id, limit, time.time())
        if seconds:
            raise errors.too_many_requests(limit, seconds)

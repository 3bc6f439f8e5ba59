"""What a client is told when the last channel failed."""

from channels_app.failures import Cause, UpstreamFailure
from relay import errors, settlement
from relay.call import Call, Outcome
from relay.errors import CallRefused
from relay.gateway import Gateway

MOST_RETRY_AFTER = 60


def end_failed(gateway: Gateway, call: Call, failure: UpstreamFailure) -> CallRefused:
    """Ends a call that no channel answered; what its client is told."""
    refusal = refuse_for(failure)
    outcome = Outcome("failed", refusal.status, failure.code or refusal.code)
    settlement.void(gateway, call, outcome)
    return refusal


def refuse_for(failure: UpstreamFailure) -> CallRefused:
    """A provider's trouble is never the client's 401 and never our 500."""
    if failure.cause in {Cause.CLIENT, Cause.REFUSED, Cause.TOO_LONG, Cause.MISSING}:
        status = failure.status if 400 <= failure.status < 500 else 400
        if failure.cause == Cause.MISSING:
            # Google says 403, which would be about the client's key.
            status = 404
        return errors.provider_refused(status, failure)
    if failure.cause == Cause.RATE_LIMITED:
        wait = failure.retry_after
        return errors.upstream_saturated(None if wait is None else min(int(wait), MOST_RETRY_AFTER))
    if failure.cause == Cause.TIMEOUT:
        return errors.upstream_failed(504, failure.message, "upstream_timeout")
    if failure.cause == Cause.CREDENTIAL:
        return errors.upstream_failed(
            502, "the channel was refused by its provider", "upstream_refused"
        )
    status = 503 if failure.status in {503, 529} else 502
    return errors.upstream_failed(status, failure.message, failure.code or "upstream_error")

"""Takes a submit to one provider after the other, until one takes it or refuses it for good."""

import asyncio
import time
from collections.abc import Iterator

import msgspec

from channels_app.catalogue import MissingBaseUrl
from channels_app.failures import (
    FINAL,
    Cause,
    UpstreamFailure,
    clean_message,
    from_answer,
    hide_channel,
    without_trace,
)
from channels_app.midjourney import (
    BUSY,
    SATURATED,
    BadAnswer,
    Submission,
    build_request,
    read_submission,
)
from channels_app.routing import ChannelConfig
from channels_app.upstream import Line
from chatapi.lib.languages import choose_language
from relay import errors
from relay.attempt import plan_timeouts, read_whole
from relay.call import Call
from relay.gateway import Gateway
from relay.midjourney.actions import Order, Refused
from relay.midjourney.signing import notify_path

MOST_ANSWER = 4 * 1024 * 1024
NOT_FETCHED = "fail_to_fetch_midjourney"
FAILED_TO_FETCH = 5
_encode = msgspec.json.Encoder().encode


class Taken(msgspec.Struct, frozen=True):
    """A provider's answer; `refusal` are its words, fit for clients, when it did not take the
    task.
    """

    channel: ChannelConfig
    submission: Submission
    refusal: str = ""


async def first_to_take(
    routes: Iterator[ChannelConfig], gateway: Gateway, call: Call, order: Order
) -> Taken:
    """The first answer that is final; raises the last UpstreamFailure when there is none."""
    last: UpstreamFailure | Taken = UpstreamFailure(Cause.OVERLOADED, "no channel answered")
    for channel in routes:
        started = time.monotonic()
        turn = gateway.health.begin(channel, order.speed.model, started, is_retry=False)
        try:
            submission = await ask(channel, gateway, call, order)
        except UpstreamFailure as failure:
            call.note_failure(channel, started, hide_channel(failure, channel))
            last = without_trace(failure)
            if not failure.may_retry:
                break
            continue
        finally:
            gateway.health.end(turn)
        if submission.is_taken:
            return Taken(channel, submission)
        told = UpstreamFailure(Cause.RATE_LIMITED, clean_message(submission.description))
        last = Taken(channel, submission, hide_channel(told, channel).message)
        if submission.code not in BUSY:
            break
        call.note_failure(channel, started, told)
    if isinstance(last, Taken):
        return last
    try:
        raise last
    finally:
        del last  # Or this frame and the failure hold each other.


async def ask(channel: ChannelConfig, gateway: Gateway, call: Call, order: Order) -> Submission:
    """One attempt; raises UpstreamFailure."""
    call.begin_attempt(channel, "")
    timeouts = plan_timeouts(gateway, channel, is_stream=False)
    try:
        request = build_request(channel, "POST", f"/{order.path}", _body(channel, order))
        exchange = gateway.upstream.exchange(request, Line(channel.proxy_url, timeouts.connect))
        async with asyncio.timeout(timeouts.total), exchange as answer:
            body = await read_whole(answer, MOST_ANSWER)
            if answer.status != 200 and not _is_busy(body):
                raise from_answer(answer.status, body, answer.header("retry-after"))
            return read_submission(body)
    except TimeoutError as error:
        msg = "the provider did not answer in time"
        raise UpstreamFailure(Cause.TIMEOUT, msg, code="upstream_timeout") from error
    except BadAnswer as error:
        raise UpstreamFailure(Cause.OVERLOADED, str(error), code="bad_upstream_response") from error
    except MissingBaseUrl as error:
        raise UpstreamFailure(Cause.NETWORK, str(error), code="bad_address") from error


def _is_busy(body: bytes) -> bool:
    """Gateways before the provider say with an error status what it says with 200."""
    try:
        return read_submission(body).code in BUSY
    except BadAnswer:
        return False


def _body(channel: ChannelConfig, order: Order) -> bytes:
    """As the client wrote it, each field once. Where the channel's settings say at which address
    it reaches us, the provider reports there by itself.
    """
    base = channel.settings.get("server_address", "").rstrip("/")
    if base and bytes(order.fields.get("notifyHook", b'""')) in {b'""', b"null"}:
        hook = msgspec.Raw(_encode(base + notify_path(channel.id)))
        return _encode({**order.fields, "notifyHook": hook})
    return _encode(order.fields)


def refuse_for(failure: UpstreamFailure, language: str) -> Refused:
    """What a client is told when no provider answered."""
    if failure.cause == Cause.RATE_LIMITED:
        return saturated(NOT_FETCHED, language)
    result = f"status_code: {failure.status}" if failure.status else failure.message
    if failure.cause in FINAL:
        result += f" {failure.message}"
    return Refused(NOT_FETCHED, result, FAILED_TO_FETCH)


def saturated(description: str, language: str) -> Refused:
    told = errors.upstream_saturated(None).message(choose_language(language))
    return Refused(description, told, SATURATED)

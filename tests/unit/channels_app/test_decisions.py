"""What follows from a failure: a table."""

import pytest

from channels_app.decisions import (
    Decision,
    Rest,
    Rules,
    decide,
    is_disabling,
    read_keywords,
    read_statuses,
)
from channels_app.failures import Cause, UpstreamFailure, from_answer

NOTHING = Decision(retries=False)
RESTS = Decision(retries=True, rest=Rest.CIRCUIT)
STRUCK = Decision(retries=True, rest=Rest.CIRCUIT, strikes=True, is_of_key=True)
COOLS = Decision(retries=True, rest=Rest.COOL, is_of_key=True)


@pytest.mark.parametrize(
    ("cause", "status", "expected"),
    [
        (Cause.CLIENT, 400, NOTHING),
        (Cause.REFUSED, 400, NOTHING),
        (Cause.TOO_LONG, 413, NOTHING),
        (Cause.RATE_LIMITED, 429, COOLS),
        (Cause.OVERLOADED, 500, RESTS),
        (Cause.OVERLOADED, 404, RESTS),
        (Cause.MISSING, 404, Decision(retries=True)),
        (Cause.MISSING, 403, Decision(retries=True)),
        (Cause.NETWORK, 0, RESTS),
        (Cause.TIMEOUT, 0, RESTS),
        (Cause.TIMEOUT, 504, RESTS),
        (Cause.CREDENTIAL, 401, STRUCK),
        (Cause.CREDENTIAL, 402, STRUCK),
        (Cause.CREDENTIAL, 403, STRUCK),
        # By its words: the status does not matter.
        (Cause.CREDENTIAL, 400, STRUCK),
        (Cause.CREDENTIAL, 0, STRUCK),
    ],
)
def test_what_follows(cause: Cause, status: int, expected: Decision) -> None:
    assert decide(UpstreamFailure(cause, "no", status), Rules()) == expected


def test_an_operator_may_leave_a_status_out() -> None:
    rules = Rules(statuses=frozenset({401}))
    bare = UpstreamFailure(Cause.CREDENTIAL, "no", 403)
    assert decide(bare, rules) == Decision(retries=True, rest=Rest.CIRCUIT, is_of_key=True)
    told = UpstreamFailure(Cause.CREDENTIAL, "no", 403, code="invalid_api_key")
    assert decide(told, rules).strikes


def test_an_operator_may_add_a_status() -> None:
    rules = Rules(statuses=frozenset({429, 502}))
    assert decide(UpstreamFailure(Cause.OVERLOADED, "no", 502), rules) == STRUCK
    limited = decide(UpstreamFailure(Cause.RATE_LIMITED, "no", 429), rules)
    assert (limited.rest, limited.strikes) == (Rest.COOL, True)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, b'{"error":{"message":"Account SUSPENDED today"}}', True),
        (500, b'{"error":{"message":"no","type":"suspended"}}', True),
        (500, b'{"error":{"message":"no","code":"suspended"}}', True),
        (500, '{"error":{"message":"用户已被封禁"}}'.encode(), True),
        (500, b'{"error":{"message":"trouble"}}', False),
        # May repeat what a user wrote.
        (400, b'{"error":{"message":"bad value: suspended"}}', False),
        (422, b'{"detail":"suspended"}', False),
        (413, b'{"error":{"message":"suspended"}}', False),
    ],
)
def test_words_of_an_operator(status: int, body: bytes, *, expected: bool) -> None:
    rules = Rules(keywords=read_keywords("Suspended\n\n  用户已被封禁  \nsuspended"))
    assert is_disabling(from_answer(status, body), rules) == (
        expected and status not in {400, 413, 422}
    )
    assert decide(from_answer(status, body), rules).strikes is expected


def test_lists_are_read_generously() -> None:
    assert read_keywords(" A \n\nb\nB\n") == ("a", "b")
    assert read_statuses("401, 403,,x,200,400,9999,٤٠١") == {401, 403}

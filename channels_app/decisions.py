"""What follows from a failed attempt: one pure function, by the cause and an operator's rules.

cause                          elsewhere?  rest                         strike?
CLIENT, REFUSED, TOO_LONG      no          none: the request was wrong  no
MISSING                        yes         none: the request was wrong  no
RATE_LIMITED                   yes         the key cools down           only by a rule
CREDENTIAL                     yes         the key's circuit            yes, by its words or a rule
OVERLOADED, NETWORK, TIMEOUT   yes         the channel's circuit        only by a rule

A rule is a status, or words in the provider's type, code or message. Words are not looked for in
answers of statuses that say the request was wrong: those may repeat what a user wrote. So many
strikes within ten minutes, without a success between them, take the key out of service, and with
its last key the channel.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from channels_app.failures import CREDENTIAL_WORDS, FINAL, Cause, UpstreamFailure

REPEATS_USERS = frozenset({400, 413, 422})
BARE = frozenset({401, 402, 403})
"""Statuses that mean a refused key by themselves; the rules say whether they count."""


class Rest(StrEnum):
    """What a failure adds up to."""

    NONE = "none"
    COOL = "cool"
    CIRCUIT = "circuit"


class Rules(msgspec.Struct, frozen=True):
    """The options AutomaticDisableKeywords (folded), AutomaticDisableStatusCodes and
    DisableStrikes.
    """

    keywords: tuple[str, ...] = ()
    statuses: frozenset[int] = BARE
    strikes: int = 3


class Decision(NamedTuple):
    """`is_of_key`: another key of the same channel may do better."""

    retries: bool
    rest: Rest = Rest.NONE
    strikes: bool = False
    is_of_key: bool = False


NOTHING = Decision(retries=False)


def decide(failure: UpstreamFailure, rules: Rules) -> Decision:
    """Pure. Whether a channel is disabled at all, its own switch and the option decide later."""
    if failure.cause in FINAL:
        return NOTHING
    if failure.cause == Cause.MISSING:
        return Decision(retries=True)
    strikes = is_disabling(failure, rules)
    if failure.cause == Cause.RATE_LIMITED:
        return Decision(retries=True, rest=Rest.COOL, strikes=strikes, is_of_key=True)
    is_of_key = strikes or failure.cause == Cause.CREDENTIAL
    return Decision(retries=True, rest=Rest.CIRCUIT, strikes=strikes, is_of_key=is_of_key)


def is_disabling(failure: UpstreamFailure, rules: Rules) -> bool:
    """Whether it is a strike."""
    if failure.status in rules.statuses:
        return True
    if failure.cause == Cause.CREDENTIAL and (failure.status not in BARE or has_words(failure)):
        return True
    if failure.status in REPEATS_USERS or not rules.keywords:
        return False
    text = f"{failure.type}\n{failure.code}\n{failure.message}".casefold()
    return any(word in text for word in rules.keywords)


def has_words(failure: UpstreamFailure) -> bool:
    """Whether type or code say what the status does."""
    return bool({failure.type.lower(), failure.code.lower()} & CREDENTIAL_WORDS)


def read_keywords(text: str) -> tuple[str, ...]:
    """One in a line; without regard to case."""
    lines = (line.strip().casefold() for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def read_statuses(text: str) -> frozenset[int]:
    """Of a comma list; what is no error status is left out."""
    parts = (part.strip() for part in text.split(","))
    return frozenset(
        int(part)
        for part in parts
        if part.isascii() and part.isdecimal() and len(part) == 3 and 401 <= int(part) <= 599
    )

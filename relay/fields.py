"""Reads the top level of a JSON body, and refuses what two readers could read differently."""

import json
import re

import msgspec
from django.utils.translation import gettext_noop as _

from relay.errors import bad_request

MOST_ELEMENTS = 1_000_000
BIG_BODY = 1024 * 1024

Fields = dict[str, msgspec.Raw]

_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
WHOLE = re.compile(rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
"""Escaped backslashes and whole pairs: what is left of a surrogate after them is half of one."""
GUARDED = (
    "model",
    "stream",
    "stream_options",
    "n",
    "best_of",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "generationConfig",
    "generation_config",
    "input",
    "prompt",
    "size",
    "quality",
    "partial_images",
    "response_format",
    "input_fidelity",
    "service_tier",
)
"""What decides over price, limits and the form of the answer."""
FOLDED = {name.casefold(): name for name in GUARDED}
SPELLED = re.compile(rb"\\u00[4-7]")
"""A letter as an escape: names can be spelled so."""
LARGE_VALUE = 4096
MOST_STARTS = 4096
DUPLICATE = _("%(name)s is given twice")
OTHER_CASE = _("%(name)s must be written %(known)s")


def read_fields(body: bytes) -> Fields:
    """The top level of a JSON object, values raw."""
    if (
        len(body) > BIG_BODY
        and body.count(b",") + body.count(b"{") + body.count(b"[") > MOST_ELEMENTS
    ):
        raise bad_request(_("The request has too many elements"), "too_many_elements")
    if not body.isascii():
        check_utf8(body)
    try:
        fields = _decode_fields(body)
    except RecursionError as error:
        raise bad_request(_("The request is nested too deeply"), "json_too_deep") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(_("The request body is not a JSON object"), "invalid_json") from error
    if b"\\" in body and b"\\u" in body and SURROGATE.search(WHOLE.sub(b"", body)):
        raise bad_request(_("The request contains half a character"), "invalid_unicode")
    if len(body) != _compact_length(fields):
        _refuse_duplicates(body, fields)
    names = "".join(fields)
    if not (names.islower() and names.isascii()):
        _refuse_other_cases(fields)
    return fields


def check_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise bad_request(_("The request is not UTF-8"), "invalid_utf8") from error


def _compact_length(fields: Fields) -> int:
    """How long the body is when it is written without spaces and no key is twice: what SDKs
    send.
    """
    return (
        sum([len(name) + len(memoryview(raw)) for name, raw in fields.items()])
        + 4 * len(fields)
        + 1
    )


def _without_largest(body: bytes, fields: Fields) -> bytes:
    """The body without its largest value, where that is found soon: names of the top level can't
    be inside it. Counting in a long prompt would cost more than reading it.
    """
    largest = bytes(max(fields.values(), key=lambda raw: len(memoryview(raw)), default=b""))
    if len(largest) < LARGE_VALUE:
        return body
    for start in range(min(len(body) - len(largest) + 1, MOST_STARTS)):
        if body.startswith(largest, start):
            return body[:start] + body[start + len(largest) :]
    return body


def _refuse_duplicates(body: bytes, fields: Fields) -> None:
    """A provider may read the other one of two equal keys than we do: the price of one, the run of
    the other.
    """
    rest = _without_largest(body, fields)
    are_single = all(rest.count(b'"%b"' % name.encode()) < 2 for name in GUARDED if name in fields)
    if are_single and not SPELLED.search(rest):
        return
    try:
        # Numbers stay text: they may have more digits than Python likes to read.
        top = json.loads(body, object_pairs_hook=list, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise bad_request(_("The request is nested too deeply"), "json_too_deep") from error
    names = [pair[0] for pair in top]
    for name in GUARDED:
        if names.count(name) > 1:
            raise bad_request(DUPLICATE, "duplicate_key", name, name=name)


def _refuse_other_cases(fields: Fields) -> None:
    """Go reads names in any case, and the Kelvin sign as a k: a provider written in it would take
    `Model` for `model`, and the later of both.
    """
    for name in fields:
        known = FOLDED.get(name.casefold())
        if known is not None and known != name:
            raise bad_request(OTHER_CASE, "invalid_name", name, name=name, known=known)

"""What is understood of a request, and that nothing else of it is changed."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.catalogue import find_kind
from channels_app.providers.base import Outgoing
from channels_app.providers.http import HttpAdaptor
from channels_app.providers.splice import splice
from channels_app.routing import ChannelConfig
from relay.errors import CallRefused
from relay.request import CallRequest, PathParts, parse_request

HELLO = [{"role": "user", "content": "hi"}]
CHANNEL = ChannelConfig(1, "c", find_kind("openai"), "http://h", "k", ("m",), ("default",))


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": HELLO, **fields}).encode()


def forwarded(request: CallRequest) -> Any:
    fields = splice(request.fields, request.dialect, "openai", request.model)
    outgoing = Outgoing("chat", "openai", request.model, request.is_stream, fields)
    return msgspec.json.decode(HttpAdaptor().build(outgoing, CHANNEL, 0).body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
KNOWN = {"model", "messages", "stream", "n", "best_of", "max_tokens", "max_completion_tokens"} | {
    *("stream_options", "temperature", "top_p", "presence_penalty", "frequency_penalty"),
}
UNKNOWN = st.dictionaries(
    st.text().filter(lambda name: name.casefold() not in KNOWN), JSON, max_size=4
)


@given(fields=UNKNOWN, indent=st.sampled_from([None, 0, 3]), ascii_only=st.booleans())
def test_unknown_fields_are_forwarded_with_their_values(
    fields: dict[str, Any], indent: int | None, *, ascii_only: bool
) -> None:
    sent = {"model": "m", "messages": HELLO, **fields}
    text = json.dumps(sent, indent=indent, ensure_ascii=ascii_only)
    request = parse_request("chat", text.encode())
    assert forwarded(request) == json.loads(text)


@given(text=st.text(), ascii_only=st.booleans())
def test_any_text_may_be_said(text: str, *, ascii_only: bool) -> None:
    said = [{"role": "user", "content": text}]
    raw = json.dumps({"model": "m", "messages": said}, ensure_ascii=ascii_only).encode()
    assert forwarded(parse_request("chat", raw))["messages"] == said


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_or_understood_but_never_break(data: bytes) -> None:
    for endpoint in ("chat", "completions", "embeddings", "moderations"):
        found = parse_or_refuse(endpoint, data)
        assert found.status == 400 if isinstance(found, CallRefused) else found.model


def parse_or_refuse(endpoint: str, data: bytes) -> CallRequest | CallRefused:
    try:
        return parse_request(endpoint, data)
    except CallRefused as refusal:
        return refusal


# Valid JSON over which a careless reader stumbles, and so may a second reading of it.
STUMBLES = {
    "an integer of 5,000 digits": b'"x": ' + b"9" * 5000,
    "900 levels": b'"x": ' + b"[" * 900 + b"]" * 900,
    "a float beyond all numbers": b'"x": 1e99999',
    "half a character in an unknown field": b'"x": "\\ud800"',
}


@pytest.mark.parametrize("name", STUMBLES)
def test_second_reading_for_duplicates_never_breaks(name: str) -> None:
    tool = b'"tools": [{"n": 1}], "n": 1, '
    raw = body()[:-1] + b", " + tool + STUMBLES[name] + b"}"
    found = parse_or_refuse("chat", raw)
    assert found.status == 400 if isinstance(found, CallRefused) else found.choices == 1


@pytest.mark.parametrize("name", ["model", "stream", "n", "max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("space", ["", " "])
def test_field_that_decides_the_price_must_not_be_given_twice(name: str, space: str) -> None:
    values = {"model": '"dear"', "stream": "true"}
    twice = f',"{name}":{space}{values.get(name, "2")}' * 2
    with pytest.raises(CallRefused) as refusal:
        parse_request("chat", body()[:-1] + twice.encode() + b"}")
    assert (refusal.value.code, refusal.value.param) == ("duplicate_key", name)


def test_of_other_fields_given_twice_the_last_is_forwarded_alone() -> None:
    request = parse_request("chat", body()[:-1] + b',"user":"a","user":"b"}')
    assert forwarded(request)["user"] == "b"


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ('"mod\\u0065l":"dear"', "duplicate_key"),
        ('"Model":"dear"', "invalid_name"),
        ('"MAX_TOKENS":7', "invalid_name"),
        ('"max_to\u212aens":7', "invalid_name"),
        ('"\\u017ftream":true', "invalid_name"),
    ],
)
def test_a_name_that_a_provider_may_take_for_another_is_refused(field: str, code: str) -> None:
    """Go reads names in any case, and the Kelvin sign as a k."""
    for raw in (body()[:-1] + f",{field}}}".encode(), f"{{{field},".encode() + body()[1:]):
        with pytest.raises(CallRefused) as refusal:
            parse_request("chat", raw)
        assert refusal.value.code == code


@pytest.mark.parametrize(
    ("fields", "understood"),
    [
        ({}, (False, False, None, 1)),
        ({"stream": None, "n": None, "max_tokens": None}, (False, False, None, 1)),
        ({"stream": True}, (True, False, None, 1)),
        ({"stream": True, "stream_options": None}, (True, False, None, 1)),
        ({"stream": True, "stream_options": {"include_usage": True}}, (True, True, None, 1)),
        ({"stream": True, "stream_options": {"include_usage": False}}, (True, False, None, 1)),
        ({"max_tokens": 5}, (False, False, 5, 1)),
        ({"max_tokens": 5, "max_completion_tokens": 7}, (False, False, 7, 1)),
        ({"n": 3}, (False, False, None, 3)),
        ({"best_of": 4, "n": 2}, (False, False, None, 4)),
    ],
)
def test_what_decides_price_and_form_is_understood(
    fields: dict[str, Any], understood: tuple[Any, ...]
) -> None:
    request = parse_request("chat", body(**fields))
    found = request.is_stream, request.wants_usage, request.max_tokens, request.choices
    assert found == understood


def test_max_tokens_beside_max_completion_tokens_is_checked_too() -> None:
    with pytest.raises(CallRefused) as refusal:
        parse_request("chat", body(max_completion_tokens=5, max_tokens="many"))
    assert refusal.value.param == "max_tokens"


def test_engine_path_and_moderations_have_models_of_their_own() -> None:
    raw = b'{"input":"a"}'
    assert parse_request("embeddings", raw, PathParts("from-the-path")).model == "from-the-path"
    named = parse_request(
        "embeddings", b'{"input":"a","model":"named"}', PathParts("from-the-path")
    )
    assert named.model == "named"
    assert parse_request("moderations", raw).model == "text-moderation-stable"


def test_only_texts_are_streamed() -> None:
    request = parse_request("embeddings", b'{"input":"a","model":"m","stream":true}')
    assert not request.is_stream
    assert not request.has_output
